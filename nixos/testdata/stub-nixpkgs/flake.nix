# A stand-in for nixpkgs: names and kinds of what our flakes use, no NixOS.
{
  outputs = _: {
    lib = import ./lib.nix;
    legacyPackages = (import ./lib.nix).genAttrs [
      "x86_64-linux"
      "aarch64-linux"
      "x86_64-darwin"
      "aarch64-darwin"
    ] (import ./packages.nix);
  };
}
