package nixos

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// Entries as NixOS's installers of boot loaders write them: systemd-boot's of 25.11
// and 26.11, GRUB's.
func TestReadEntries(t *testing.T) {
	const toplevel = "/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-nixos-system-my-host-26.05.20260601.abcdef"
	for name, c := range map[string]struct {
		file, text string
		want       System
	}{
		"systemd-boot": {"loader/entries/nixos-generation-1.conf", "title NixOS\nsort-key nixos\nversion Generation 1 NixOS Yarara 26.05.20260601.abcdef (Linux 6.18), built on 2026-06-01\n" +
			"linux /EFI/nixos/k.efi\ninitrd /EFI/nixos/i.efi\noptions init=" + toplevel + "/init console=tty0 console=ttyS0,115200n8 root=fstab loglevel=4\nmachine-id 0\n",
			System{"NixOS", "26.05.20260601.abcdef", toplevel, []string{"tty0", "ttyS0"}, nil}},
		"GRUB": {"boot/grub/grub.cfg", "menuentry \"NixOS - Default\" --class nixos --unrestricted {\nsearch --set=drive1 --fs-uuid 1\n  linux ($drive1)/nix/store/x-linux-6.18/bzImage init=" + toplevel + "/init console=ttyAMA0 loglevel=4\n  initrd x\n}\n",
			System{"NixOS", "26.05.20260601.abcdef", toplevel, []string{"ttyAMA0"}, nil}},
		"GRUB of another": {"grub/grub.cfg", "  linux /vmlinuz root=/dev/vda1 console=ttyS0\n", System{"", "", "", []string{"ttyS0"}, nil}},
		"none":            {"EFI/BOOT/BOOTX64.EFI", "console=ttyS0", System{}},
	} {
		var s System
		s.readEntries(fstest.MapFS{c.file: {Data: []byte(c.text)}})
		if d := cmp.Diff(c.want, s); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// Who may log in is known of what reads a seed, and else not.
func TestLogins(t *testing.T) {
	if known := (System{Paths: []string{"rbai883gsrhdj7yb050ar0lnpr26a29j-cloud-init-25.2"}}).logins(); len(known) != 1 {
		t.Error(known)
	}
	if known := (System{Paths: []string{"rbai883gsrhdj7yb050ar0lnpr26a29j-openssh-10.0"}}).logins(); known != nil {
		t.Error(known)
	}
}
