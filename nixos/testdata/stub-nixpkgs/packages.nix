# The packages that our flakes name.
system:
let
  lib = import ./lib.nix;
  make =
    name:
    derivation {
      inherit name system;
      builder = "/bin/sh";
    };
  platform = lib.hasSuffix system;
in
lib.genAttrs [
  "git"
  "gnumake"
  "gzip"
  "libvirt"
  "lima"
  "makeWrapper"
  "nixfmt-tree"
  "qemu"
] make
// {
  go = make "go" // {
    version = "1.26.3";
  };
  stdenv.hostPlatform = {
    inherit system;
    isDarwin = platform "-darwin";
    isLinux = platform "-linux";
  };
  # These two build: with the host's shell and programs, and without a sandbox.
  runCommand =
    name: a: script:
    derivation (
      removeAttrs a [ "passthru" ]
      // {
        inherit name system;
        builder = "/bin/sh";
        args = [
          "-ec"
          script
        ];
        PATH = "${lib.makeBinPath a.nativeBuildInputs}:/usr/bin:/bin";
      }
    )
    // a.passthru;
  fetchurl =
    { url, hash }:
    derivation {
      name = baseNameOf url;
      system = "builtin";
      builder = "builtin:fetchurl";
      inherit url;
      outputHash = hash;
      outputHashMode = "flat";
      preferLocalBuild = true;
    };
  buildGoModule =
    a: make (builtins.deepSeq (removeAttrs a [ "src" ]) "${a.pname}-${a.version}") // { inherit (a) meta; };
  mkShell = a: make (builtins.deepSeq a "shell") // removeAttrs a [ "packages" ];
}
