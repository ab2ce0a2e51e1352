// Package nixostest makes, for tests, the least that passes for a disk of NixOS:
// an EFI system partition with systemd-boot's files. Nothing of it boots.
package nixostest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/tree"
)

// Toplevel is the system that Disk's boot entry starts.
const Toplevel = "/nix/store/rbai883gsrhdj7yb050ar0lnpr26a29j-nixos-system-nixos-26.05.20260601.abcdef"

// Disk writes a raw disk for an architecture, whose kernel has a serial console
// unless that is "", and returns its path.
func Disk(t testing.TB, a arch.Arch, console string) string {
	t.Helper()
	options := "init=" + Toplevel + "/init console=tty0"
	if console != "" {
		options += " console=" + console + ",115200n8"
	}
	loader := make([]byte, 512)
	copy(loader, "MZ")
	entry := "title NixOS\nversion Generation 1 NixOS Yarara 26.05.20260601.abcdef (Linux 6.18), built on 2026-06-01\n" +
		"linux /EFI/nixos/kernel.efi\noptions " + options + " root=fstab\n"
	path := filepath.Join(t.TempDir(), "nixos.raw")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m := disk.BootMedium{Seed: "nixostest", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Files: []disk.File{
		tree.Bytes("EFI/BOOT/"+a.EFIBoot, loader), tree.Bytes("loader/entries/nixos-generation-1.conf", []byte(entry)),
	}}
	if err := disk.WriteBootMedium(f, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// Firmware writes the least that passes for UEFI firmware of aarch64, and returns
// its path.
func Firmware(t testing.TB) string {
	t.Helper()
	code := make([]byte, 2<<20)
	copy(code[8000:], []byte{'V', 'Z', 0x64, 0xaa}) // a module of AArch64 (PI 1.8, volume 1, 15.1)
	path := filepath.Join(t.TempDir(), "code.fd")
	if err := os.WriteFile(path, code, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
