# What only aarch64 has. The last console is the one that systemd and login use.
{
  nixpkgs.hostPlatform = "aarch64-linux";
  boot.kernelParams = [
    "console=tty0"
    "console=ttyAMA0,115200n8"
  ];
}
