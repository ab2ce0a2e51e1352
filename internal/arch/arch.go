// Package arch is the one table of processor architectures: every name that
// some part of the toolchain gives to x86_64 or aarch64 is looked up here, and
// nowhere else is there a switch on an architecture's name.
package arch

import (
	"fmt"
	"runtime"
	"strings"
)

// Arch is one processor architecture and the names that others give it.
type Arch struct {
	Name       string // "x86_64", "aarch64": uname, RPM, QEMU and AlmaLinux
	GOARCH     string // "amd64", "arm64": Go and Debian
	QEMU       string // QEMU's system emulator: "qemu-system-x86_64"
	Machine    string // QEMU's machine type: "q35", "virt"
	Console    string // the serial console's device in Linux: "ttyS0", "ttyAMA0"
	EFIBoot    string // removable-media boot file in \EFI\BOOT (UEFI 2.10, section 3.5.1.1)
	EFIShim    string // name of shim as installed in a vendor's folder: "shimx64.efi"
	EFIGRUB    string // name by which shim looks for GRUB: "grubx64.efi"
	EFIMok     string // MokManager: "mmx64.efi"
	PEMachine  uint16 // IMAGE_FILE_MACHINE_* of EFI executables (PE format, "Machine Types")
	Elf        uint16 // e_machine of ELF files
	PflashSize int64  // bytes that each pflash drive must have; 0: as the file is
	BIOS       bool   // there are machines with a BIOS
	MemoryMiB  int    // what AlmaLinux's own image builds give an installation
	// EmulatedArg is a kernel argument for emulated guests. On a busy host the
	// emulated x86 timer is late, and the kernel panics in setup_IO_APIC.
	EmulatedArg string
	// SerialBefore is the major version of QEMU before which several emulated
	// processors must share one thread: with a thread each, kernels from 6.1 on
	// hang or crash at random (seen with QEMU 7.2, not with 10.0). 0: none.
	SerialBefore int
}

// The architectures imgasm builds for.
var (
	X86_64 = Arch{
		Name: "x86_64", GOARCH: "amd64", QEMU: "qemu-system-x86_64", Machine: "q35", Console: "ttyS0",
		EFIBoot: "BOOTX64.EFI", EFIShim: "shimx64.efi", EFIGRUB: "grubx64.efi", EFIMok: "mmx64.efi",
		PEMachine: 0x8664, Elf: 62, BIOS: true, MemoryMiB: 3072, EmulatedArg: "no_timer_check", SerialBefore: 10,
	}
	// QEMU's virt machine insists on flash images of 64 MiB exactly.
	AArch64 = Arch{
		Name: "aarch64", GOARCH: "arm64", QEMU: "qemu-system-aarch64", Machine: "virt", Console: "ttyAMA0",
		EFIBoot: "BOOTAA64.EFI", EFIShim: "shimaa64.efi", EFIGRUB: "grubaa64.efi", EFIMok: "mmaa64.efi",
		PEMachine: 0xaa64, Elf: 183, PflashSize: 64 << 20, MemoryMiB: 4096,
	}
)

// All lists the architectures, in the order in which help texts name them.
func All() []Arch { return []Arch{X86_64, AArch64} }

// Names returns the canonical names, joined for a message: "x86_64 or aarch64".
func Names() string {
	var names []string
	for _, a := range All() {
		names = append(names, a.Name)
	}
	return strings.Join(names, " or ")
}

// Parse finds the architecture of a canonical name or of Go's and Debian's name for it.
func Parse(name string) (Arch, error) {
	for _, a := range All() {
		if strings.EqualFold(name, a.Name) || strings.EqualFold(name, a.GOARCH) {
			return a, nil
		}
	}
	return Arch{}, fmt.Errorf("architecture %q: imgasm builds for %s", name, Names())
}

// Host is the architecture of the running program. On a machine that imgasm
// does not build for it is x86_64, which can be emulated everywhere.
func Host() Arch {
	if a, err := Parse(runtime.GOARCH); err == nil {
		return a
	}
	return X86_64
}
