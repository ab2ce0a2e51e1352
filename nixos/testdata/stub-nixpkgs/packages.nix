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
    isDarwin = platform "-darwin";
    isLinux = platform "-linux";
  };
  buildGoModule =
    a: make (builtins.deepSeq (removeAttrs a [ "src" ]) "${a.pname}-${a.version}") // { inherit (a) meta; };
  mkShell = a: make (builtins.deepSeq a "shell") // removeAttrs a [ "packages" ];
}
