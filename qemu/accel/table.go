package accel

// The table of accelerators, and what a host is asked about them.

import (
	"runtime"
	"slices"

	"golang.org/x/sys/cpu"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/qemu"
)

// row is one accelerator for one guest architecture.
type row struct {
	name string // one of qemu.Accelerators
	goos string // where it exists; "": everywhere
	arch string // guest architecture, arch.Arch.Name
	// models of processors: the first is used, the next where QEMU cannot
	// start with it (see retry). Users may name others.
	models  []string
	option  string // QEMU's -accel
	maxCPUs int    // 0: no limit of its own
}

var rows = []row{
	// An x86_64 host whose KVM refuses the MSR 0x10a (IA32_ARCH_CAPABILITIES,
	// seen in nested guests) still works with that feature left out.
	{"kvm", "linux", "x86_64", []string{"host", "host,-arch-capabilities"}, "kvm", 0},
	{"kvm", "linux", "aarch64", []string{"host"}, "kvm", 0},
	{"hvf", "darwin", "x86_64", []string{"host"}, "hvf", 0},
	// HVF's interrupt controller was a GICv2 for years: 8 processors at most.
	{"hvf", "darwin", "aarch64", []string{"host"}, "hvf", 8},
	// QEMU's own interrupt controllers: those of the Windows hypervisor lose
	// message-signalled interrupts ("whpx: injection failed, MSI").
	{"whpx", "windows", "x86_64", []string{"max"}, "whpx,kernel-irqchip=off", 0},
	{"whpx", "windows", "aarch64", []string{"host"}, "whpx", 0},
	{"tcg", "", "x86_64", []string{qemu.EmulatedCPU["x86_64"]}, "tcg", 0},
	// neoverse-n1 is ARMv8.2.
	{"tcg", "", "aarch64", []string{qemu.EmulatedCPU["aarch64"], "neoverse-n1", "max,pauth-impdef=on"}, "tcg", 0},
}

func rowOf(name string, a arch.Arch) (row, bool) {
	for _, r := range rows {
		if r.name == name && r.arch == a.Name {
			return r, true
		}
	}
	return row{}, false
}

// native are the accelerators of an operating system, tcg left out.
func native(goos string) []string {
	var names []string
	for _, r := range rows {
		if r.goos == goos && !slices.Contains(names, r.name) {
			names = append(names, r.name)
		}
	}
	return names
}

// host is what choosing depends on, so that tests can be other hosts.
type host struct {
	goos     string
	arch     arch.Arch
	x86Level int // x86-64 level of the processor; 0: not an x86 processor
	// device says what is wrong with the accelerator's device node before QEMU
	// is asked: ("", "") when it can be opened or there is none to open.
	device func(accel string) (Verdict, string, string)
	run    runner
}

func thisHost() host {
	return host{goos: runtime.GOOS, arch: arch.Host(), x86Level: x86Level(), device: deviceNode, run: runGuest}
}

// x86Level is the host processor's x86-64 level (x86-64 psABI, section 3.1.1),
// by the features that no processor has without the level's others.
func x86Level() int {
	x := cpu.X86
	switch {
	case runtime.GOARCH != "amd64":
		return 0
	case x.HasAVX512F && x.HasAVX512BW && x.HasAVX512CD && x.HasAVX512DQ && x.HasAVX512VL:
		return 4
	case x.HasAVX2 && x.HasBMI1 && x.HasBMI2 && x.HasFMA && x.HasOSXSAVE:
		return 3
	case x.HasSSE42 && x.HasPOPCNT:
		return 2
	}
	return 1
}
