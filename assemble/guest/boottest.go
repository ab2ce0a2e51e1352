// The boot test of a finished image, and the command by which a person boots it.

package guest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
)

// testSerialFile keeps the console of the boot test.
const testSerialFile = "boot-serial.log"

// sshPort is where the boot test knocks; nextSSHPort is the host's port by which
// the pasted command reaches the guest's ssh server.
const (
	sshPort     = 22
	nextSSHPort = 2222
)

// TestConfig is the machine that boots an image of the outputs, or their disk.
func (r *Runner) TestConfig(o *assemble.Outputs, uuid string) qemu.Config {
	dir := assemble.WorkFolder(o.Path)
	c := r.Config(o.Path, uuid)
	c.Firmware = r.PrivateFirmware(filepath.Join(dir, "test"))
	c.Net = &qemu.Net{Restrict: true, Forwards: []qemu.Forward{{GuestPort: sshPort}}} // QEMU chooses the host's port
	// A first boot may well restart the machine, to relabel files for instance.
	c.Actions.Reboot = "reset"
	boots, format := o.Boots()
	c.Drives = []qemu.Drive{{ID: "image", Path: filepath.Join(dir, boots), Format: format, Bus: qemu.VirtioBlk, BootIndex: 1, Snapshot: true, Cache: "unsafe"}}
	return c
}

// TestText says what a boot test of the outputs will do.
func TestText(o *assemble.Outputs) string {
	if boots, _ := o.Boots(); boots == assemble.DiskFile {
		text := "boot the disk on its own: QEMU runs no machine of "
		for n, f := range o.Formats {
			if n > 0 {
				text += " or "
			}
			text += f
		}
		return text
	}
	return "boot the finished image on its own"
}

// BootTest starts the image as its user will, on machine m of TestConfig, and
// waits for a proof: see boottest.Run.
func (r *Runner) BootTest(ctx context.Context, j *assemble.Job, m qemu.Config, user boottest.Login) (*boottest.Proof, string, error) {
	vm, err := r.Start(ctx, j, m)
	if err != nil {
		return nil, "", err
	}
	defer vm.Close()
	port, err := vm.ForwardedPort(ctx, sshPort)
	if err != nil {
		return nil, "", err
	}
	w := Watched{What: "the boot test", Logs: map[anaconda.Channel]string{anaconda.OnConsole: testSerialFile}}
	o := watch.Options{
		What: w.What, Timeout: 5 * time.Minute, OffWait: 20 * time.Second,
		Keep: func(string) (*os.File, error) { return j.Create(testSerialFile) },
		Emit: func(e event.Event) {
			// The machine names phases of an installation; this is none.
			if e.Kind != event.Phase && e.Kind != event.Progress {
				j.Emit(e)
			}
		},
	}
	if r.Accel.Emulated() {
		o.Timeout, o.OffWait = 20*time.Minute, time.Minute
	}
	g := watch.New(vm, anaconda.New(anaconda.Config{Arch: r.arch.Name, Accel: r.Accel.Accel, Field: j.Field, Stall: -1, Installed: true}), o)
	defer g.FinishLogs()
	proof, failure, err := boottest.Run(ctx, g, g.Begun, port, user)
	if failure != nil && failure.Class == anaconda.ClassEnded {
		failure, err = nil, boottest.Unproven(errors.New("the image went down before anybody could log in"))
	}
	if failure != nil || err != nil {
		return nil, "", r.Failed(ctx, j, g, w, failure, err)
	}
	return proof, proof.String(), nil
}

// Next is how to go on with the published image that machine m of TestConfig has
// booted. sshUser is who would log in over ssh; "": nobody is known.
func (r *Runner) Next(o *assemble.Outputs, m qemu.Config, sshUser string) (n assemble.Next) {
	m.Name, m.UUID = "", ""
	m.Net = &qemu.Net{Forwards: []qemu.Forward{{HostPort: nextSSHPort, GuestPort: sshPort}}}
	m.Drives = slices.Clone(m.Drives)
	boots, format := o.Boots()
	for _, t := range o.Images {
		if t.Format == format {
			m.Drives[0].Path = t.Path
		}
	}
	ready := boots != assemble.DiskFile // which is gone then
	if ready {
		n.Image = m.Drives[0].Path
	}
	if r.Firmware != nil && ready {
		m.Firmware, ready = pastedFirmware(*r.Firmware, r.arch.PflashSize)
	}
	if ready {
		n.Boot = m.Argv(qemu.Links{})
	}
	if sshUser != "" {
		n.SSH = []string{"ssh", "-p", strconv.Itoa(nextSSHPort), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=" + os.DevNull, sshUser + "@127.0.0.1"}
	}
	return n
}

// pastedFirmware uses the firmware's files as they are, where QEMU takes them so.
func pastedFirmware(p firmware.Pair, size int64) (*qemu.Firmware, bool) {
	for _, f := range []firmware.File{p.Code, p.Vars} {
		info, err := os.Stat(f.Path)
		switch {
		case f.Path == "":
		case err != nil, f.Format != p.Code.Format, f.Format == firmware.Raw && size != 0 && info.Size() != size:
			return nil, false
		}
	}
	return &qemu.Firmware{Code: p.Code.Path, Vars: p.Vars.Path, Format: string(p.Code.Format), SecureBoot: p.SMM, Snapshot: true}, true
}
