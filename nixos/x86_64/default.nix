# What only x86_64 has. The last console is the one that systemd and login use.
{
  nixpkgs.hostPlatform = "x86_64-linux";
  boot.kernelParams = [
    "console=tty0"
    "console=ttyS0,115200n8"
  ];
}
