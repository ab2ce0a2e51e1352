// Package qemu describes a virtual machine (Config), turns the description
// into QEMU's arguments (a pure function), and runs it (Start, VM). It also
// asks a QEMU binary what it can do (Inspect).
package qemu

import (
	"cmp"
	"slices"

	"github.com/imgasm/imgasm/internal/arch"
)

// Config is one virtual machine. The zero value of every field but Arch works:
// two processors, 2 GiB, emulated, nothing attached.
type Config struct {
	Arch   string // "x86_64" or "aarch64"; also "amd64", "arm64"
	Binary string // QEMU's executable, or its name in PATH; "": qemu-system-ARCH

	Name string // shown in the process list; "": "imgasm"
	UUID string // the machine's UUID in SMBIOS, 8-4-4-4-12 hexadecimal; "": none

	Accel     string // accelerator with its options, as in accel.Choice: "tcg", "kvm", "hvf", …; "": "tcg"
	CPU       string // processor model with its features, as in accel.Choice; "": that of EmulatedCPU
	CPUs      int    // virtual processors, 1 to 255; 0: 2
	MemoryMiB int    // guest memory, 16 at least; 0: 2048

	Firmware *Firmware // UEFI; nil: SeaBIOS on x86_64, none on aarch64 (needs Kernel)
	Kernel   *Kernel   // boots this kernel directly; nil: the firmware looks for a boot medium

	Drives []Drive
	Net    *Net   // user-mode network; nil: no network card
	Ports  []Port // virtio-serial ports

	Window   bool // a window of the host's shows a display; keyboard and mouse are the guest's there
	Display  bool // a display device, never shown, so that Screendump has something to show
	RNG      bool // virtio-rng: entropy from the host
	PVPanic  bool // pvpanic-pci: the guest's kernel panic becomes the event GUEST_PANICKED
	Watchdog bool // i6300esb: for guests that start it
	Sandbox  bool // seccomp sandbox: Linux only, where Info.Sandbox says that the build has it

	Actions Actions  // what ends of the guest mean
	Extra   []string // further arguments, given last, unchecked
}

// Firmware is a UEFI firmware in two flash drives.
type Firmware struct {
	Code   string // read-only code image
	Vars   string // variable store, private to this machine: QEMU writes it; "": none
	Format string // of both: "raw" or "qcow2"; "": "raw"
	// SecureBoot protects the variable store as Secure Boot demands (x86_64:
	// SMM, flash writable by SMM code only). The code must be built for it.
	SecureBoot bool
	// Snapshot: what the guest writes to the store is forgotten at the end, so
	// that Vars may be a template that nobody may write.
	Snapshot bool
}

// Kernel is booted by QEMU itself, without a boot loader.
type Kernel struct {
	Image  string // kernel; on aarch64 without Firmware an unpacked Image
	Initrd string // "": none
	Append string // kernel command line
}

// Bus is how the guest sees a drive.
type Bus string

// The buses.
const (
	VirtioBlk  Bus = "virtio-blk"  // /dev/vdX
	SCSIDisk   Bus = "scsi-hd"     // /dev/sdX on virtio-scsi
	SCSICD     Bus = "scsi-cd"     // /dev/srX on virtio-scsi; read-only always
	USBStorage Bus = "usb-storage" // /dev/sdX, removable, on xHCI
)

// Drive is one disk or CD.
type Drive struct {
	ID     string // names the drive in QMP (query-blockstats' "device"); letters, digits, -, _ and .
	Path   string // image file
	Format string // "raw" or "qcow2"; "": "raw". Never guessed from the content
	Bus    Bus    // "": virtio-blk

	ReadOnly  bool
	BootIndex int    // the firmware tries 1 first; 0: not this drive, unless all are 0: then in the order of the list
	Snapshot  bool   // writes go to a temporary file and are forgotten at the end
	Cache     string // "writeback", "none", "unsafe", "directsync" or "writethrough"; "": "writeback"
}

// Net is a user-mode network card (virtio-net). The host's network is reached
// by address translation; nothing reaches the guest but by Forwards.
type Net struct {
	Restrict bool // the guest reaches nothing outside; Forwards still work
	Forwards []Forward
}

// Forward carries TCP connections from the host's loopback to the guest.
type Forward struct {
	HostPort  int // 1 to 65535; 0: a free one, which VM.ForwardedPort tells
	GuestPort int // 1 to 65535
}

// Port is a virtio-serial port: /dev/virtio-ports/NAME in the guest.
type Port struct {
	Name string // as the guest sees it: "org.imgasm.progress.0"
}

// Actions say what QEMU does at certain ends of the guest; see -action in
// QEMU's manual. Zero fields: reboot=shutdown, shutdown=pause, panic=pause,
// watchdog=pause. So a guest that reboots, powers off, panics or hangs is
// still there to be asked, until it is ended by Quit or Kill.
type Actions struct {
	Reboot   string // "reset" or "shutdown"
	Shutdown string // "poweroff" or "pause"
	Panic    string // "pause", "shutdown", "exit-failure" (since 7.1) or "none"
	Watchdog string // "reset", "shutdown", "poweroff", "inject-nmi", "pause", "debug" or "none"
}

// guest is the table's row for Arch; the zero value if there is none: see Validate.
func (c Config) guest() arch.Arch {
	a, _ := arch.Parse(c.Arch)
	return a
}

// withDefaults fills the zero fields.
func (c Config) withDefaults() Config {
	c.Binary = cmp.Or(c.Binary, c.guest().QEMU)
	c.Name = cmp.Or(c.Name, "imgasm")
	c.Accel = cmp.Or(c.Accel, "tcg")
	c.CPU = cmp.Or(c.CPU, EmulatedCPU[c.guest().Name])
	c.CPUs = cmp.Or(c.CPUs, 2)
	c.MemoryMiB = cmp.Or(c.MemoryMiB, 2048)
	c.Drives = bootOrder(c.Drives)
	c.Actions.Reboot = cmp.Or(c.Actions.Reboot, "shutdown")
	c.Actions.Shutdown = cmp.Or(c.Actions.Shutdown, "pause")
	c.Actions.Panic = cmp.Or(c.Actions.Panic, "pause")
	c.Actions.Watchdog = cmp.Or(c.Actions.Watchdog, "pause")
	return c
}

// bootOrder numbers the drives if none has an index: firmware that is given no
// order spends minutes on the network.
func bootOrder(drives []Drive) []Drive {
	if slices.ContainsFunc(drives, func(d Drive) bool { return d.BootIndex != 0 }) {
		return drives
	}
	drives = slices.Clone(drives)
	for i := range drives {
		drives[i].BootIndex = i + 1
	}
	return drives
}

// EmulatedCPU are the models that emulation runs well, by architecture.
//
// x86_64: "max" says that "rep stosb" is fast, so Linux clears pages with it
// (clear_page_erms), and TCG emulates it byte by byte. Whole installers on QEMU 7.2
// stood still there for minutes, four of four; without the two promises five of five
// went on. In ten pairs on QEMU 7.2 a guest (Linux 6.1) that boots and clears 3 GiB,
// every sixteenth page of which has held code, took 27.3 s of CPU with "max" and 19.3 s
// without them (medians; ratios 1.30 to 1.65), and none stood still; QEMU 10.0 shows the same.
//
// aarch64: "max" spends eight times the work on architected pointer
// authentication (41 s where cortex-a72 takes 5).
var EmulatedCPU = map[string]string{
	arch.X86_64.Name:  "max,-erms,-fsrm",
	arch.AArch64.Name: "cortex-a72",
}

// accelName is the accelerator without its options: "tcg,thread=multi" is "tcg".
func accelName(accel string) string {
	for i := range len(accel) {
		if accel[i] == ',' {
			return accel[:i]
		}
	}
	return accel
}
