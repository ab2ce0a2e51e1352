{
  description = "imgasm: virtual machine images without Packer";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;

      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      eachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      # Called, not an input: Nix before 2.26 cannot lock a flake in a folder of this one.
      nixos = (import ./nixos/flake.nix).outputs { inherit nixpkgs; };

      goVersion = lib.removePrefix "go " (
        lib.findFirst (lib.hasPrefix "go ") (throw "go.mod names no Go") (
          lib.splitString "\n" (builtins.readFile ./go.mod)
        )
      );

      version = "0.1.0-${self.shortRev or self.dirtyShortRev or "dev"}";

      imgasm =
        pkgs:
        if lib.versionOlder pkgs.go.version goVersion then
          throw "imgasm needs Go ${goVersion} or newer, and this nixpkgs has ${pkgs.go.version}: use nixos-26.05 or later"
        else
          pkgs.buildGoModule {
            pname = "imgasm";
            inherit version;
            src = self;
            # NAR of what `go mod vendor` writes; a test of package nixos says what it must be.
            vendorHash = "sha256-5+F9i2zwT0fTmTlWbxFo1RR9xxVEswuJWdifjgMl5LE=";
            subPackages = [ "cmd/imgasm" ];
            env.CGO_ENABLED = 0;
            ldflags = [
              "-s"
              "-w"
              "-X main.version=${version}"
            ];
            doCheck = false; # the tests want tools of many packages: make test
            nativeBuildInputs = [ pkgs.makeWrapper ];
            # QEMU brings the firmware of both architectures; one that the user has comes first.
            postInstall = ''
              mv $out/bin/imgasm .
              make install BIN=./imgasm PREFIX=$out
              wrapProgram $out/bin/imgasm --suffix PATH : ${lib.makeBinPath [ pkgs.qemu ]}
            '';
            meta = {
              description = "Virtual machine images without Packer";
              homepage = "https://github.com/imgasm/imgasm";
              license = lib.licenses.asl20;
              mainProgram = "imgasm";
            };
          };
    in
    {
      inherit (nixos) nixosModules nixosConfigurations;

      packages = lib.recursiveUpdate nixos.packages (
        eachSystem (pkgs: {
          imgasm = imgasm pkgs;
          default = imgasm pkgs;
        })
      );

      checks = lib.recursiveUpdate nixos.checks (eachSystem (pkgs: { imgasm = imgasm pkgs; }));

      apps = eachSystem (
        pkgs:
        let
          app = {
            type = "app";
            program = lib.getExe (imgasm pkgs);
            meta = { inherit ((imgasm pkgs).meta) description; };
          };
        in
        {
          imgasm = app;
          default = app;
        }
      );

      # lib.almaImage { pkgs; iso; … }: see alma-image.nix.
      lib.almaImage =
        {
          pkgs,
          imgasm ? self.packages.${pkgs.stdenv.hostPlatform.system}.imgasm,
          ...
        }@args:
        import ./alma-image.nix {
          inherit lib;
          inherit (pkgs) fetchurl runCommand;
          inherit imgasm;
        } (removeAttrs args [ "pkgs" "imgasm" ]);

      overlays.default = final: _: { imgasm = imgasm final; };

      # Everything that `make demo` needs, and what runs images by hand.
      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.go
            pkgs.git
            pkgs.gnumake
            pkgs.gzip
            pkgs.qemu
          ]
          ++ lib.optional pkgs.stdenv.hostPlatform.isDarwin pkgs.lima
          ++ lib.optional pkgs.stdenv.hostPlatform.isLinux pkgs.libvirt;
          QEMU_EFI_AARCH64 = "${pkgs.qemu}/share/qemu/edk2-aarch64-code.fd";
        };
      });

      formatter = eachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
