// The verification of a finished image, and the command by which a person boots it.

package guest

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
)

// nextSSHPort is the host's port by which the pasted command reaches the guest's
// ssh server.
const nextSSHPort = 2222

// TestConfig is the machine that verifies an image of the outputs, or their disk:
// the first, where there are two.
func (r *Runner) TestConfig(o *assemble.Outputs, uuid string) qemu.Config {
	c := r.Config(o.Path, uuid)
	// A first boot may well restart the machine, to relabel files for instance.
	c.Actions.Reboot = "reset"
	c.Display = true // for the picture of a failure
	dir := verify.MachineDir(assemble.WorkFolder(o.Path), 1)
	c.Firmware = r.PrivateFirmware(dir)
	return verify.Config(c, dir)
}

// TestText says what a verification of the outputs will do.
func TestText(o *assemble.Outputs) string {
	if boots, _ := o.Boots(); boots == assemble.DiskFile {
		text := "boot the disk on its own and check what its user relies on: QEMU runs no machine of "
		for n, f := range o.Formats {
			if n > 0 {
				text += " or "
			}
			text += f
		}
		return text
	}
	return "boot the finished image on its own and check what its user relies on"
}

// Verification is what a build asks of its image.
type Verification struct {
	// Account proves that somebody can log in, where nothing in the image reads a
	// seed; the zero value: nobody is known.
	Account verify.Login
	// Leftovers: traces of the installation are a failure.
	Leftovers bool
}

// Verify starts the image as its user will, on machine m of TestConfig, and checks
// what they rely on. It returns the proof of the boot, and what came of it.
//
// Errors: verify's; a guest that failed is a *watch.Error.
func (r *Runner) Verify(ctx context.Context, j *assemble.Job, m qemu.Config, v Verification) (*boottest.Proof, string, error) {
	o, err := r.verification(j, m, v)
	if err != nil {
		return nil, "", err
	}
	var failed error
	o.Failed = func(ctx context.Context, g *watch.Guest, report *verify.Report, err error) {
		failure := report.Failure
		if failure != nil && failure.Class == anaconda.ClassEnded {
			failure = nil // the check says it better: before anybody could log in
		}
		if errors.Is(err, verify.ErrFailed) {
			err = &fault.Error{Class: verify.ErrFailed, Err: err,
				Do: verify.ReportFile + " shows what each check saw, " + verify.LogFile(1) + " how far the image came; {NoVerify} publishes it all the same"}
		}
		w := Watched{What: "the verification", Logs: map[anaconda.Channel]string{anaconda.OnConsole: verify.LogFile(1)}}
		failed = r.Failed(ctx, j, g, w, failure, err)
	}
	report, err := verify.Run(ctx, *o)
	switch {
	case failed != nil:
		return nil, "", failed
	case err != nil:
		return nil, "", err
	}
	skipped := report.Unanswered()
	for _, why := range slices.Sorted(maps.Keys(skipped)) {
		j.Note("not verified: " + strings.Join(skipped[why], ", ") + ": " + why)
	}
	text := "passed: " + strings.Join(report.Names(verify.Passed), ", ")
	if report.Proof != nil {
		text = report.Proof.String() + "; " + text
	} else {
		text = "nobody could see whether it boots"
		j.Cautions = append(slices.Clone(j.Cautions), assemble.Caution{
			Text: "nobody has seen that this image boots: it waits for the passphrase of its disk", Lasting: true,
			Do: "boot it yourself before you use it: imgasm run " + j.Outputs.Path,
		})
	}
	if failed := report.Names(verify.Failed); len(failed) > 0 {
		text += "; failed: " + strings.Join(failed, ", ")
		j.Cautions = append(slices.Clone(j.Cautions), assemble.Caution{
			Text: "the image boots, and not all is well with it: " + strings.Join(failed, ", ") + " failed", Lasting: true,
			Do: "imgasm verify " + j.Outputs.Path + " says more; it fails for them, a build does not",
		})
	}
	return report.Proof, text, nil
}

// verification is what verify.Run is asked.
func (r *Runner) verification(j *assemble.Job, m qemu.Config, v Verification) (*verify.Options, error) {
	boots, format := j.Outputs.Boots()
	image := &machine.Image{Path: j.Path(boots), Format: format, Arch: r.arch.Name, UEFI: r.Firmware != nil, Console: r.arch.Console}
	size, err := image.Size()
	if err != nil {
		return nil, err
	}
	image.SizeBytes = size
	m.Drives, m.Net, m.Firmware = nil, nil, nil // a verification's machines have their own
	o := &verify.Options{
		Image: image, Dir: filepath.Dir(image.Path), Keep: j.Outputs.Report != "", Account: v.Account, Skip: map[string]string{}, Field: j.Field,
		Machine: &machine.Machine{Config: m, Firmware: r.Firmware, Accel: r.Accel, QEMU: r.QEMU},
		// An hour's work is thrown away for an image that is of no use, and for no other.
		Decides: func(check string, answered bool) bool {
			return check == "boot" || check == "ssh" || check == "console" && !answered
		},
		Emit: func(e event.Event) {
			if e.Kind == event.Console || e.Kind == event.Note || e.Kind == event.Warning {
				j.Emit(e)
			}
		},
	}
	if o.Inside, err = image.Look(); err != nil {
		o.Unread = err
	}
	if !v.Leftovers {
		o.Skip["leftovers"] = "the installer's are kept in an image without cloud-init: imgasm inspect lists them"
	}
	o.Twin = o.Inside != nil && o.Inside.CloudInit && !r.Accel.Emulated()
	for _, name := range []string{"host-keys", "machine-id"} {
		if !o.Twin {
			o.Skip[name] = "it takes two machines, which imgasm verify " + j.Outputs.Path + " boots"
		}
	}
	return o, nil
}

// Next is how to go on with the published image that machine m of TestConfig has
// verified. sshUser is who would log in over ssh; "": nobody is known.
func (r *Runner) Next(o *assemble.Outputs, m qemu.Config, sshUser string) (n assemble.Next) {
	m.Name, m.UUID, m.Display = "", "", false
	m.Net = &qemu.Net{Forwards: []qemu.Forward{{HostPort: nextSSHPort, GuestPort: verify.SSHPort}}}
	boots, format := o.Boots()
	m.Drives = []qemu.Drive{{ID: "image", Format: format, Bus: qemu.VirtioBlk, BootIndex: 1, Snapshot: true, Cache: "unsafe"}}
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
