# The options that our modules set, as NixOS 25.05 to 26.11 have them, and their kinds.
# "*" is any name (attrsOf).
{
  boot.growPartition = "bool";
  boot.kernelParams = "list";
  boot.loader.efi.canTouchEfiVariables = "bool";
  boot.loader.systemd-boot.enable = "bool";
  fileSystems."*" = {
    autoResize = "bool";
    device = "string";
    fsType = "string";
    options = "list";
  };
  networking.hostName = "string";
  networking.useNetworkd = "bool";
  nixpkgs.hostPlatform = "string";
  security.sudo.extraRules = "list";
  services.cloud-init = {
    enable = "bool";
    network.enable = "bool";
    settings.datasource_list = "list";
  };
  services.openssh.enable = "bool";
  services.openssh.settings = {
    KbdInteractiveAuthentication = "bool";
    PasswordAuthentication = "bool";
    PermitRootLogin = "string";
  };
  services.qemuGuest.enable = "bool";
  system.stateVersion = "string";
  users.users."*" = {
    extraGroups = "list";
    isNormalUser = "bool";
    openssh.authorizedKeys.keys = "list";
  };
  virtualisation.libvirtd.enable = "bool";
  virtualisation.libvirtd.qemu.swtpm.enable = "bool";
}
