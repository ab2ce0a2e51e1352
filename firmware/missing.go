// The error for "no firmware": everything that was looked at, and how to get one.

package firmware

import (
	"fmt"
	"runtime"
	"strings"
)

// NotFoundError says that no fitting firmware is on this system.
type NotFoundError struct {
	Arch       string
	SecureBoot bool
	Looked     []Looked // every place, in order
}

// Summary is Error without the places.
func (e *NotFoundError) Summary() string {
	if e.SecureBoot {
		return "no UEFI firmware for " + e.Arch + " with Secure Boot keys"
	}
	return "no UEFI firmware for " + e.Arch
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	b.WriteString(e.Summary() + "; looked at:")
	for _, l := range e.Looked {
		fmt.Fprintf(&b, "\n  %s: %s", l.Path, l.Why)
	}
	return b.String()
}

// Hint says how to install one, a command a line, or to name one.
func (e *NotFoundError) Hint() string {
	return InstallHint(e.Arch, runtime.GOOS) + fmt.Sprintf(
		"\nor name one to a build: --firmware CODE:VARS, or QEMU_FIRMWARE_%s=CODE:VARS", strings.ToUpper(e.Arch))
}

// InstallHint says how firmware for the architecture is installed on a
// system by its GOOS name: one command a line.
func InstallHint(archName, goos string) string {
	switch goos {
	case "darwin":
		return "brew install qemu (or: sudo port install qemu) brings firmware for both architectures"
	case "windows":
		return "QEMU's installer for Windows brings firmware in its share folder: choose the firmware component"
	}
	type row struct{ system, x86, arm string }
	var lines []string
	for _, r := range []row{
		{"Debian, Ubuntu", "sudo apt-get install ovmf", "sudo apt-get install qemu-efi-aarch64"},
		{"Fedora, AlmaLinux", "sudo dnf install edk2-ovmf", "sudo dnf install edk2-aarch64"},
		{"Arch", "sudo pacman -S edk2-ovmf", "sudo pacman -S edk2-aarch64"},
		{"openSUSE", "sudo zypper install qemu-ovmf-x86_64", "sudo zypper install qemu-uefi-aarch64"},
		{"Nix", "nix profile install nixpkgs#qemu", "nix profile install nixpkgs#qemu"},
	} {
		cmd := r.x86
		if archName == "aarch64" {
			cmd = r.arm
		}
		lines = append(lines, cmd+"   # "+r.system)
	}
	return strings.Join(lines, "\n")
}
