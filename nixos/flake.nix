# NixOS images of both architectures, and the modules that they are made of.
# A flake of its own, which imgasm embeds; the root's flake calls it.
{
  description = "imgasm: NixOS images";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { nixpkgs, ... }:
    let
      inherit (nixpkgs) lib;

      nixosModules = {
        base = ./modules/base.nix;
        cloud-init = ./modules/cloud-init.nix;
        qemu-guest = ./modules/qemu-guest.nix;
        vm-host = ./modules/vm-host.nix;
      };

      system = modules: lib.nixosSystem { modules = [ nixosModules.base ] ++ modules; };

      guest =
        arch:
        system [
          arch
          nixosModules.cloud-init
          nixosModules.qemu-guest
        ];

      nixosConfigurations = {
        nixos-x86_64 = guest ./x86_64;
        nixos-aarch64 = guest ./aarch64;
      };

      image =
        { config, pkgs, ... }:
        import "${nixpkgs}/nixos/lib/make-disk-image.nix" {
          inherit config lib pkgs;
          format = "qcow2";
          partitionTableType = "efi";
          bootSize = "512M"; # an update needs room for a second kernel and initrd
          copyChannel = false; # else all of nixpkgs is in the image
        };

      toplevel = nixos: nixos.config.system.build.toplevel;
    in
    {
      inherit nixosModules nixosConfigurations;

      packages = {
        x86_64-linux = {
          nixos-x86_64-image = image nixosConfigurations.nixos-x86_64;
          nixos-x86_64-toplevel = toplevel nixosConfigurations.nixos-x86_64;
        };
        aarch64-linux = {
          nixos-aarch64-image = image nixosConfigurations.nixos-aarch64;
          nixos-aarch64-toplevel = toplevel nixosConfigurations.nixos-aarch64;
        };
      };

      checks = {
        x86_64-linux = {
          nixos = toplevel nixosConfigurations.nixos-x86_64;
          vm-host = toplevel (system [
            ./x86_64
            nixosModules.vm-host
          ]);
        };
        aarch64-linux = {
          nixos = toplevel nixosConfigurations.nixos-aarch64;
          vm-host = toplevel (system [
            ./aarch64
            nixosModules.vm-host
          ]);
        };
      };
    };
}
