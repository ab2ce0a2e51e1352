// The two virtual machines of a build: one that installs, one that proves the result.

package alma

import (
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/qemu"
)

// Files in the working folder.
const (
	kernelFile       = "vmlinuz"
	initrdFile       = "initrd.img"
	kickstartFile    = "ks.cfg"
	oemdrvFile       = "oemdrv.iso"
	bootMediumFile   = "boot.img"
	diskFile         = "disk.raw"
	serialFile       = "serial.log"
	logFile          = "anaconda.log"
	progressFile     = "progress.log"
	testSerialFile   = "boot-serial.log"
	screenFile       = "screen.png"
	imagePartialFile = "image.partial"
)

// sshPort is where the boot test knocks.
const sshPort = 22

// resolveMachines describes both machines, with the paths that the build will use.
func (p *Plan) resolveMachines() {
	dir := assemble.WorkFolder(p.Outputs.Path)
	path := func(name string) string { return filepath.Join(dir, name) }
	p.Arguments = arguments(p.Spec, p.arch, p.Installer.Label, p.Accel.Emulated())
	base := qemu.Config{
		Arch: p.arch.Name, Binary: p.QEMU.Path, Name: "imgasm " + filepath.Base(p.Outputs.Path), UUID: p.id("machine"),
		Accel: p.accelerator(), CPU: p.Accel.CPU, CPUs: p.Spec.CPUs, MemoryMiB: p.Spec.MemoryMiB,
		RNG: true, PVPanic: true, Sandbox: p.Host.OS == "linux", // taken back where the build has none: see fitMachines
	}

	m := base
	m.Firmware = p.firmware(filepath.Join(dir, "install"))
	m.Ports = []qemu.Port{{Name: watch.LogPort}, {Name: watch.ProgressPort}}
	m.Net = &qemu.Net{Restrict: p.sealed()}
	m.Display, m.Watchdog = true, true
	m.Drives = []qemu.Drive{
		// First, so that the guest sees it as vda. What an interrupted build
		// has written is thrown away, so QEMU need not wait for the host's disk.
		{ID: "target", Path: path(diskFile), Bus: qemu.VirtioBlk, Cache: "unsafe"},
	}
	if p.delivery().OnVolume() {
		m.Drives = append(m.Drives, qemu.Drive{ID: "oemdrv", Path: path(oemdrvFile), Bus: qemu.VirtioBlk, ReadOnly: true})
	}
	m.Drives = append(m.Drives, qemu.Drive{ID: "installer", Path: p.Installer.Path, Bus: qemu.SCSICD, ReadOnly: true})
	if p.Spec.Boot == "media" {
		m.Drives = append(m.Drives, qemu.Drive{ID: "boot", Path: path(bootMediumFile), Bus: qemu.SCSIDisk, ReadOnly: true, BootIndex: 1})
	} else {
		m.Kernel = &qemu.Kernel{Image: path(kernelFile), Initrd: path(initrdFile), Append: strings.Join(p.Arguments, " ")}
	}
	p.Machine = m

	t := base
	t.Firmware = p.firmware(filepath.Join(dir, "test"))
	t.Net = &qemu.Net{Restrict: true, Forwards: []qemu.Forward{{GuestPort: sshPort}}} // QEMU chooses the host's port
	// A first boot may well restart the machine, to relabel files for instance.
	t.Actions.Reboot = "reset"
	boots, format := p.tested()
	t.Drives = []qemu.Drive{{ID: "image", Path: path(boots), Format: format, Bus: qemu.VirtioBlk, BootIndex: 1, Snapshot: true, Cache: "unsafe"}}
	p.TestMachine = t
}

// serial reports whether this QEMU must emulate all processors in one thread.
func (p *Plan) serial() bool {
	return p.Accel.Accel == "tcg" && p.QEMU.Version.Major < p.arch.SerialBefore
}

// accelerator is QEMU's -accel.
func (p *Plan) accelerator() string {
	if p.serial() {
		return "tcg,thread=single"
	}
	return p.Accel.Accel
}

// firmware is the machine's private firmware in dir, nil for a BIOS.
func (p *Plan) firmware(dir string) *qemu.Firmware {
	if p.Firmware == nil {
		return nil
	}
	return &qemu.Firmware{
		Code: p.Firmware.Code.Path, Vars: filepath.Join(dir, "vars.fd"),
		Format: "raw", SecureBoot: p.Firmware.SMM,
	}
}

// bootMode is the kind of firmware that the image is for.
func (p *Plan) bootMode() string {
	if p.Firmware == nil {
		return "bios"
	}
	return "uefi"
}
