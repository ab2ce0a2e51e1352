// The steps that run virtual machines, and the look at what came out.

package alma

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/qemu"
)

// What fails, in messages.
const (
	theInstallation = "the installation"
	theCheck        = "the look at the installed disk"
	theBootTest     = "the boot test"
)

// install starts the installer and follows it to its end.
func (b *build) install(ctx context.Context) (string, error) {
	if err := b.prepareFirmware(&b.Machine); err != nil {
		return "", err
	}
	vm, err := qemu.Start(ctx, b.Machine, qemu.Options{})
	if err != nil {
		return "", b.startError(err)
	}
	defer vm.Close()
	machine := anaconda.New(anaconda.Config{
		Arch: b.Arch.Name, Accel: b.Accel.Accel, Nonce: b.nonce(), DoneMarker: true, KickstartRequired: true,
		EndsWithReboot: b.Kickstart.End == "reboot", PreScripts: b.Kickstart.HasPre, Stall: b.Spec.StallTimeout,
		Kickstart: anaconda.Kickstart{Name: b.Kickstart.Name, Text: b.Kickstart.Guest},
	})
	f := newFollower(vm, machine, b.emit)
	f.keep = func(port string) (*os.File, error) {
		return b.ws.create(map[string]string{"": serialFile, logPort: logFile, progressPort: progressFile}[port])
	}
	defer f.finishLogs()
	failure, err := f.follow(ctx, followOptions{
		what: theInstallation, timeout: b.Timeout, spaceWait: b.Spec.SpaceWait,
		free: func() (int64, error) { return b.Host.Free(filepath.Dir(b.Out)) },
	})
	b.report = machine.Report()
	if failure != nil || err != nil {
		return "", b.failed(ctx, f, theInstallation, failure, err)
	}
	// The guest is off and QEMU paused: what it still holds goes to the disk now.
	if err := vm.Quit(ctx); err != nil && ctx.Err() == nil {
		return "", &HostError{
			Err: fmt.Errorf("QEMU exited with an error after the installation, before all of the guest's disk was written: %w", err),
			Do:  "try again, and see what on this host ends processes: a lack of memory, perhaps",
		}
	}
	text := "complete"
	if n := len(b.report.Packages); n > 0 {
		text = fmt.Sprintf("complete, %d packages", n)
	}
	if release := b.report.Facts["release"]; release != "" {
		text += ", " + release
	}
	return text, nil
}

// startError classes an error of starting QEMU.
func (b *build) startError(err error) error {
	if errors.Is(err, qemu.ErrMissing) {
		return err
	}
	return &HostError{Err: fmt.Errorf("start QEMU: %w", err), Do: or(hint(err), "imgasm doctor shows what this host can run")}
}

// prepareFirmware makes the machine's private firmware.
func (b *build) prepareFirmware(m *qemu.Config) error {
	if m.Firmware == nil {
		return nil
	}
	dir := filepath.Dir(m.Firmware.Vars)
	if err := b.ws.root.MkdirAll(filepath.Base(dir), 0o700); err != nil {
		return err
	}
	code, vars, err := firmware.Prepare(b.Firmware, dir)
	if err != nil {
		return err
	}
	if code.Format != firmware.Raw {
		// Both flash drives have one format in a machine; the variables are raw.
		if code, err = firmware.CopyRaw(code, filepath.Join(dir, "code.fd"), b.Arch.PflashSize); err != nil {
			return err
		}
	}
	m.Firmware.Code, m.Firmware.Vars = code.Path, vars.Path
	return nil
}

// imageProduct names what the image is. A rehearsal's ISO is laid out as
// AlmaLinux's and says so; the image must not.
func (b *build) imageProduct() string {
	if b.Installer.Rehearsal {
		return "imgasm rehearsal"
	}
	return or(b.Installer.Product, b.Installer.Label)
}

func (b *build) describeImage(out File) *Image {
	facts := map[string]string{} // the guest's own words
	for name, fact := range b.report.Facts {
		facts[name] = b.hidden.String(fact)
	}
	m := &Image{
		Schema: ImageSchema, Rehearsal: b.Installer.Rehearsal, Product: b.imageProduct(), Version: b.Installer.Version,
		Arch: b.Arch.Name, Boot: b.bootMode(), Output: out, Format: b.Spec.Format, Virtual: b.Spec.DiskSize,
		Inputs: b.inputs, Guest: facts, Package: b.report.Packages, Tested: b.tested, Kernel: b.hidden.String(strings.Join(b.Arguments, " ")),
		Tool: b.Host.Version, QEMU: b.QEMU.Version.String(), Accel: b.Accel.Accel, Took: b.took,
	}
	if b.Dated {
		m.Created, m.Took = &b.Time, nil
		if m.Tested != nil {
			m.Tested.Seconds = 0
		}
	} else {
		now := b.Host.Now().UTC().Truncate(time.Second)
		m.Created = &now
	}
	return m
}
