# The disk as make-disk-image.nix lays it out, sshd for keys, and who may log in.
{
  config,
  lib,
  modulesPath,
  ...
}:
let
  cfg = config.imgasm.admin;
in
{
  imports = [ (modulesPath + "/profiles/minimal.nix") ];

  options.imgasm.admin = {
    enable = lib.mkEnableOption "the user admin, who may do anything with sudo and needs no password for it";
    keys = lib.mkOption {
      type = lib.types.listOf lib.types.str;
      default = [ ];
      example = [ "ssh-ed25519 AAAA… me@laptop" ];
      description = "The public ssh keys by which admin logs in.";
    };
  };

  config = {
    boot.loader.systemd-boot.enable = true;
    boot.loader.efi.canTouchEfiVariables = false; # an image moves from machine to machine

    # The root is the last partition; both it and its file system take what room there is.
    boot.growPartition = true;
    fileSystems."/" = {
      device = "/dev/disk/by-label/nixos";
      fsType = "ext4";
      autoResize = true;
    };
    fileSystems."/boot" = {
      device = "/dev/disk/by-label/ESP";
      fsType = "vfat";
      options = [ "umask=0077" ]; # systemd-boot's random seed is nobody else's
    };

    services.openssh = {
      enable = true;
      settings = {
        PasswordAuthentication = false;
        KbdInteractiveAuthentication = false;
        PermitRootLogin = "prohibit-password";
      };
    };

    users.users = lib.mkIf cfg.enable {
      admin = {
        isNormalUser = true;
        extraGroups = [ "wheel" ];
        openssh.authorizedKeys.keys = cfg.keys;
      };
    };
    security.sudo.extraRules = lib.mkIf cfg.enable [
      {
        users = [ "admin" ];
        commands = [
          {
            command = "ALL";
            options = [ "NOPASSWD" ];
          }
        ];
      }
    ];

    # The oldest release that these modules are for; it changes no version of a package.
    system.stateVersion = lib.mkDefault "25.05";
  };
}
