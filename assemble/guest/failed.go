// A guest that failed: what is kept of it, and what a build's bundle says of it
// and of this host.

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// Watched says what a guest does, in messages, and in which files of the working
// folder its channels are kept.
type Watched struct {
	What string // "the installation"
	Logs map[anaconda.Channel]string
}

// TestLogs are the logs of a verification that a bundle takes out of the working folder.
func TestLogs() map[string]assemble.Log {
	all := map[string]assemble.Log{verify.ReportFile: {About: "the checks, and what the guest said to each"}, verify.ScreenFile: {About: "the guest's screen"}}
	for n, which := range []string{"", ", of the second machine"} {
		all[verify.LogFile(n+1)] = assemble.Log{About: "the serial console of the verification" + which}
	}
	return all
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

// Failed ends a guest that failed, keeps what is known of it, and returns the
// error that says so. A build that was interrupted keeps nothing, unless its
// guest was failing already.
func (r *Runner) Failed(ctx context.Context, j *assemble.Job, g *watch.Guest, w Watched, failure *anaconda.Failure, err error) error {
	interrupted := failure == nil && ctx.Err() != nil
	if interrupted {
		if failure = g.Pending; failure == nil {
			return err
		}
	}
	told := &watch.Error{What: w.What, Failure: hideFailure(failure, j.Secrets), Logs: w.Logs}
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
	held := r.Hold && ctx.Err() == nil && g.Alive()
	if !held {
		g.VM.Kill()
		j.DropImages()
	}
	g.Settle(time.Second) // what it had said by then
	if err := g.FinishLogs(); err != nil {
		j.Emit(event.Event{Kind: event.Warning, Text: "the guest's logs could not be kept whole: " + err.Error()})
	}
	files["qemu.txt"] = r.qemuText(j, g.VM)
	err = j.Fail(w.What, err, files)
	if held {
		hold(ctx, j, g, w, err)
	}
	return err
}

// look asks QEMU what it can tell about a guest that still exists.
func look(ctx context.Context, j *assemble.Job, g *watch.Guest) map[string][]byte {
	files := map[string][]byte{}
	if !g.Alive() {
		return files
	}
	if g.VM.Screendump(ctx, j.Path(verify.ScreenFile)) == nil {
		if png, err := j.Folder.ReadFile(verify.ScreenFile); err == nil {
			files[verify.ScreenFile] = png
		}
	}
	status, err1 := g.VM.Status(ctx)
	stats, err2 := g.VM.BlockStats(ctx)
	if text, err := json.MarshalIndent(map[string]any{"status": status, "drives": stats}, "", "  "); err1 == nil && err2 == nil && err == nil {
		files["guest.json"] = append(text, '\n')
	}
	return files
}

// qemuText is QEMU's command, its version and what it printed.
func (r *Runner) qemuText(j *assemble.Job, vm *qemu.VM) []byte {
	return []byte(proc.Quote(j.Secrets.Strings(vm.Argv())) + "\n\n" + r.QEMU.Version.String() + "\n\n" + vm.Stderr())
}

// Report is what a bundle says of a build of out that failed by cause, besides its
// logs: the plan, this host, and the guest's failure if that is the cause.
func (r *Runner) Report(out string, plan any, cause error) assemble.Report {
	rep := assemble.Report{Files: map[string][]byte{}, About: map[string]string{
		"plan.json":    "everything that was decided before the build",
		"host.json":    "this host",
		"failure.json": "the failure, with the guest's lines",
		"guest.json":   "what QEMU said of the guest",
		"qemu.txt":     "QEMU's command and what it printed",
	}}
	facts := map[string]any{"plan.json": plan, "host.json": r.hostFacts(out)}
	if e := failureOf(cause); e != nil {
		facts["failure.json"] = e.Failure
		rep.Failure = failureText(e)
	}
	for name, value := range facts {
		if text, err := json.MarshalIndent(value, "", "  "); err == nil { // structs of strings and numbers
			rep.Files[name] = append(text, '\n')
		}
	}
	rep.Facts = fmt.Sprintf("- imgasm %s, QEMU %s, %s on %s (%s)\n", r.host.Version, r.QEMU.Version, r.Accel.Accel, r.host.OS, r.Accel.Reason)
	return rep
}

// failureOf is the guest's failure that an error tells of; nil: it tells of none.
func failureOf(err error) *watch.Error {
	var failed *watch.Error
	if errors.As(err, &failed) {
		return failed
	}
	var failing *failingError
	if errors.As(err, &failing) {
		return failing.guest
	}
	return nil
}

// failureText is the summary's part about a guest's failure.
func failureText(e *watch.Error) string {
	var s strings.Builder
	f := e.Failure
	fmt.Fprintf(&s, "- phase: %v\n- rule: %s (%s)\n- meaning: %s\n- what to do: %s\n\n", f.Phase, f.Rule, f.Class, f.Says(), f.Hint)
	if lines := slices.Concat(f.Lines, f.Said); len(lines) > 0 {
		s.WriteString("What the guest said:\n\n")
		for _, l := range lines {
			fmt.Fprintf(&s, "    %s\n", e.Place(l)+l.Text)
		}
		s.WriteString("\n")
	}
	for _, o := range f.Others {
		fmt.Fprintf(&s, "Also seen: %s (%s)\n", o.Says(), o.Rule)
	}
	return s.String()
}

// hideFailure is a failure without secrets: the guest's words are in it.
func hideFailure(f *anaconda.Failure, values *assemble.Secrets) *anaconda.Failure {
	if f == nil {
		return nil
	}
	clean := *f
	clean.Meaning, clean.Hint, clean.KickstartText = values.String(f.Meaning), values.String(f.Hint), values.String(f.KickstartText)
	clean.Source = values.String(f.Source)
	for _, lines := range []*[]anaconda.Line{&clean.Lines, &clean.Said, &clean.Context} {
		*lines = slices.Clone(*lines)
		for i := range *lines {
			(*lines)[i].Text = values.String((*lines)[i].Text)
		}
	}
	clean.Others = nil
	for i := range f.Others {
		clean.Others = append(clean.Others, *hideFailure(&f.Others[i], values))
	}
	return &clean
}

// hostFacts are what a bug report needs to know of the host.
type hostFacts struct {
	OS        string       `json:"os"`
	Arch      string       `json:"arch"`
	CPUs      int          `json:"cpus"`
	MemoryMiB int          `json:"memoryMiB,omitempty"` // 0: unknown
	FreeBytes int64        `json:"freeBytes,omitempty"` // of the output's file system, at the end
	Imgasm    string       `json:"imgasm"`
	QEMU      string       `json:"qemu"`
	Accel     accel.Choice `json:"accelerator"` // and all that were tried
	Firmware  string       `json:"firmware"`
}

func (r *Runner) hostFacts(out string) hostFacts {
	f := hostFacts{
		OS: r.host.OS, Arch: runtime.GOARCH, CPUs: r.host.CPUs, MemoryMiB: int(host.MemoryMiB()), Imgasm: r.host.Version,
		QEMU: r.QEMU.Path + " " + r.QEMU.Version.String(), Accel: r.Accel, Firmware: "BIOS",
	}
	f.FreeBytes, _ = r.host.Free(filepath.Dir(out)) // 0: unknown
	if r.Firmware != nil {
		f.Firmware = r.Firmware.String()
	}
	return f
}
