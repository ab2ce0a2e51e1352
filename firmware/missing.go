// The error for "no firmware": everything that was looked at, and how to get one.

package firmware

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrNotFound says that no fitting firmware is on this system.
var ErrNotFound = fault.Class(fault.Host, "no UEFI firmware")

// ErrUnfit says that firmware that was named, in a Query or by the environment, cannot be used.
var ErrUnfit = fault.Class(fault.Input, "not the firmware that is needed")

// NotFound is the error of Find for an architecture: every place that was
// looked at, and how to install firmware, a command a line, or to name some.
func NotFound(archName string, secureBoot bool, looked []Looked) error {
	var b strings.Builder
	b.WriteString("no UEFI firmware for " + archName)
	if secureBoot {
		b.WriteString(" with Secure Boot keys")
	}
	b.WriteString("; looked at:")
	for _, l := range looked {
		fmt.Fprintf(&b, "\n  %s: %s", l.Path, l.Why)
	}
	return &fault.Error{Class: ErrNotFound, Err: errors.New(b.String()), Do: InstallHint(archName, runtime.GOOS) + fmt.Sprintf(
		"\nor name one to a build: {Explicit} CODE:VARS, or QEMU_FIRMWARE_%s=CODE:VARS", strings.ToUpper(archName))}
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
