// The steps that run a guest and watch it: the installation, and the boot test.

package alma

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
)

// guest says what a watched guest does, in messages, and what keeps its channels.
type guest struct {
	what string
	logs map[anaconda.Channel]string
}

var (
	theInstallation = guest{"the installation", map[anaconda.Channel]string{anaconda.OnConsole: serialFile, anaconda.OnLog: logFile, anaconda.OnProgress: progressFile}}
	theBootTest     = guest{"the boot test", map[anaconda.Channel]string{anaconda.OnConsole: testSerialFile}}
)

// start starts a machine, and its private firmware. It waits for its Cont.
func start(ctx context.Context, j *assemble.Job, p *Plan, m qemu.Config) (*qemu.VM, error) {
	if m.Firmware != nil {
		private, err := makeFirmware(j, p, *m.Firmware)
		if err != nil {
			return nil, err
		}
		m.Firmware = &private
	}
	vm, err := qemu.Start(ctx, m, qemu.Options{})
	if err == nil || errors.Is(err, qemu.ErrMissing) {
		return vm, err
	}
	return nil, lacking(fmt.Errorf("start QEMU: %w", err), or(assemble.Hint(err), "imgasm doctor shows what this host can run"))
}

// makeFirmware makes a machine's private firmware, beside its variables.
func makeFirmware(j *assemble.Job, p *Plan, f qemu.Firmware) (qemu.Firmware, error) {
	dir := filepath.Dir(f.Vars)
	if err := j.Folder.MkdirAll(filepath.Base(dir), 0o700); err != nil {
		return f, err
	}
	code, vars, err := firmware.Prepare(p.Firmware, dir)
	if err != nil {
		return f, err
	}
	if code.Format != firmware.Raw {
		// Both flash drives have one format in a machine; the variables are raw.
		if code, err = firmware.CopyRaw(code, filepath.Join(dir, "code.fd"), p.arch.PflashSize); err != nil {
			return f, err
		}
	}
	f.Code, f.Vars = code.Path, vars.Path
	return f, nil
}

// install starts the installer and follows it to its end. report is what it has said.
func install(ctx context.Context, j *assemble.Job, p *Plan, report *anaconda.Report) (string, error) {
	vm, err := start(ctx, j, p, p.Machine)
	if err != nil {
		return "", err
	}
	defer vm.Close()
	judge := anaconda.New(anaconda.Config{
		Arch: p.arch.Name, Accel: p.Accel.Accel, Field: p.Host.Field, Nonce: p.nonce(), DoneMarker: true, KickstartRequired: true,
		EndsWithReboot: p.Kickstart.End == "reboot", PreScripts: p.Kickstart.HasPre, Stall: p.Spec.StallTimeout,
		Kickstart: anaconda.Kickstart{Name: p.Kickstart.Name, Text: p.Kickstart.Guest},
	})
	g := watch.New(vm, judge, watch.Options{
		What: theInstallation.what, Timeout: p.Timeout, SpaceWait: p.Spec.SpaceWait,
		Free: func() (int64, error) { return p.Host.Free(filepath.Dir(p.Outputs.Path)) },
		Keep: func(port string) (*os.File, error) {
			return j.Create(map[string]string{"": serialFile, watch.LogPort: logFile, watch.ProgressPort: progressFile}[port])
		},
		Emit: j.Emit,
	})
	defer g.FinishLogs()
	failure, err := g.Follow(ctx, nil)
	*report = judge.Report()
	if failure != nil || err != nil {
		return "", failed(ctx, j, p, g, theInstallation, failure, err)
	}
	// The guest is off and QEMU paused: what it still holds goes to the disk now.
	if err := vm.Quit(ctx); err != nil && ctx.Err() == nil {
		return "", lacking(
			fmt.Errorf("QEMU exited with an error after the installation, before all of the guest's disk was written: %w", err),
			"try again, and see what on this host ends processes: a lack of memory, perhaps",
		)
	}
	text := "complete"
	if n := len(report.Packages); n > 0 {
		text = fmt.Sprintf("complete, %d packages", n)
	}
	if release := report.Facts["release"]; release != "" {
		text += ", " + release
	}
	return text, nil
}

// bootTest starts the image as its user will.
func bootTest(ctx context.Context, j *assemble.Job, p *Plan) (*boottest.Proof, string, error) {
	vm, err := start(ctx, j, p, p.TestMachine)
	if err != nil {
		return nil, "", err
	}
	defer vm.Close()
	port, err := vm.ForwardedPort(ctx, sshPort)
	if err != nil {
		return nil, "", err
	}
	o := watch.Options{
		What: theBootTest.what, Timeout: 5 * time.Minute, OffWait: 20 * time.Second,
		Keep: func(string) (*os.File, error) { return j.Create(testSerialFile) },
		Emit: func(e event.Event) {
			// The machine names phases of an installation; this is none.
			if e.Kind != event.Phase && e.Kind != event.Progress {
				j.Emit(e)
			}
		},
	}
	if p.Accel.Emulated() {
		o.Timeout, o.OffWait = 20*time.Minute, time.Minute
	}
	g := watch.New(vm, anaconda.New(anaconda.Config{Arch: p.arch.Name, Accel: p.Accel.Accel, Field: p.Host.Field, Stall: -1, Installed: true}), o)
	defer g.FinishLogs()
	proof, failure, err := boottest.Run(ctx, g, g.Begun, port, p.Kickstart.Login)
	if failure != nil && failure.Class == anaconda.ClassEnded {
		failure, err = nil, boottest.Unproven(errors.New("the image went down before anybody could log in"))
	}
	if failure != nil || err != nil {
		return nil, "", failed(ctx, j, p, g, theBootTest, failure, err)
	}
	return proof, proof.String(), nil
}

// failingError is a build that was interrupted while its guest was failing.
type failingError struct {
	error
	guest *watch.Error
}

func (e *failingError) Unwrap() error { return e.error }
func (e *failingError) Error() string {
	return fmt.Sprintf("%v while %s was failing: %s", e.error, e.guest.What, strings.TrimSuffix(e.guest.Failure.Meaning, "."))
}

// failed ends a guest that failed, keeps what is known of it, and returns the
// error that says so. A build that was interrupted keeps nothing, unless its
// guest was failing already.
func failed(ctx context.Context, j *assemble.Job, p *Plan, g *watch.Guest, which guest, failure *anaconda.Failure, err error) error {
	interrupted := failure == nil && ctx.Err() != nil
	if interrupted {
		if failure = g.Pending; failure == nil {
			return err
		}
	}
	told := &watch.Error{What: which.what, Failure: hideFailure(failure, p.hidden), Logs: which.logs}
	switch {
	case interrupted:
		err = &failingError{err, told}
	case failure != nil:
		err = watch.Failed(told)
	}
	// The context may be what ended the guest: looking at it takes its own time.
	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	files := look(looking, j, g)
	held := p.Spec.KeepVM && ctx.Err() == nil && g.Alive()
	if !held {
		g.VM.Kill()
		j.MakeRoom(scratch(j)...)
	}
	g.Settle(time.Second) // what it had said by then
	if err := g.FinishLogs(); err != nil {
		j.Emit(event.Event{Kind: event.Warning, Text: "the guest's logs could not be kept whole: " + err.Error()})
	}
	files["qemu.txt"] = p.qemuText(g.VM)
	err = j.Fail(which.what, err, files)
	if held {
		hold(ctx, j, g, which, err)
	}
	return err
}
