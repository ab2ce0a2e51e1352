# A host of virtual machines: libvirtd, with QEMU for all architectures, UEFI firmware and software TPMs.
{
  virtualisation.libvirtd = {
    enable = true;
    # OVMF needs no option: it is the default of NixOS 25.05, and since 25.11 libvirtd
    # offers what QEMU ships, and an attempt to set qemu.ovmf is an error.
    qemu.swtpm.enable = true;
  };
}
