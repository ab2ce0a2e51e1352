{
  description = "imgasm: virtual machine images without Packer";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" "x86_64-darwin" "aarch64-darwin" ];
      eachSystem = f: nixpkgs.lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in
    {
      # Everything that `make demo` needs.
      devShells = eachSystem (pkgs: {
        default = pkgs.mkShell { packages = [ pkgs.go pkgs.git pkgs.gnumake pkgs.gzip pkgs.qemu ]; };
      });
    };
}
