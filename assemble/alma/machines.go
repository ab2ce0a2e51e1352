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
	kernelFile     = "vmlinuz"
	initrdFile     = "initrd.img"
	kickstartFile  = "ks.cfg"
	oemdrvFile     = "oemdrv.iso"
	bootMediumFile = "boot.img"
	serialFile     = "serial.log"
	logFile        = "anaconda.log"
	progressFile   = "progress.log"
)

// resolveMachines describes both machines, with the paths that the build will use.
func (p *Plan) resolveMachines() {
	dir := assemble.WorkFolder(p.Outputs.Path)
	path := func(name string) string { return filepath.Join(dir, name) }
	p.Arguments = arguments(p.Spec, p.arch, p.Installer.Label, p.Accel.Emulated())
	m := p.Config(p.Outputs.Path, p.id("machine"))
	m.Firmware = p.PrivateFirmware(filepath.Join(dir, "install"))
	m.Ports = []qemu.Port{{Name: watch.LogPort}, {Name: watch.ProgressPort}}
	m.Net = &qemu.Net{Restrict: p.sealed()}
	m.Display, m.Watchdog = true, true
	m.Drives = []qemu.Drive{
		// First, so that the guest sees it as vda. What an interrupted build
		// has written is thrown away, so QEMU need not wait for the host's disk.
		{ID: "target", Path: path(assemble.DiskFile), Bus: qemu.VirtioBlk, Cache: "unsafe"},
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

	p.TestMachine = p.TestConfig(p.Outputs, p.id("machine"))
}
