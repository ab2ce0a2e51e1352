# A guest of QEMU: virtio drivers in the initrd, and the guest agent.
{ modulesPath, ... }:
{
  imports = [ (modulesPath + "/profiles/qemu-guest.nix") ];
  services.qemuGuest.enable = true;
}
