// The failure bundle: what is kept of a build that failed, in OUT.failed/ or an archive.

package alma

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/qemu"
)

// bundleDir is the folder that keeps the logs of a failed build of out.
func bundleDir(out string) string { return out + ".failed" }

// summaryFile marks a folder as a bundle of ours, which a later failure may replace.
const summaryFile = "SUMMARY.md"

// panicFile is the bundle's file with the stack of a defect of imgasm.
const panicFile = "panic.txt"

// failed ends a guest that failed, keeps what is known of it, and returns the
// error that says so. what is "the installation" or "the boot test". A build
// that was interrupted keeps nothing, unless its guest was failing already.
func (b *build) failed(ctx context.Context, f *follower, what string, failure *anaconda.Failure, err error) error {
	vm := f.vm
	if interrupted := failure == nil && ctx.Err() != nil; interrupted {
		if failure = f.pending; failure == nil {
			return err
		}
		err = fmt.Errorf("%w while %s was failing: %s", err, what, strings.TrimSuffix(failure.Meaning, "."))
	}
	// The context may be what ended the guest: looking at it takes its own time.
	looking, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	files := b.look(looking, vm)
	held := b.Spec.KeepVM && ctx.Err() == nil && alive(vm)
	if !held {
		vm.Kill()
		b.makeRoom()
	}
	settle(time.Second, f.channels...) // what it had said by then
	if err := f.finishLogs(); err != nil {
		b.emit(event.Event{Kind: event.Warning, Text: "the guest's logs could not be kept whole: " + err.Error()})
	}
	files["qemu.txt"] = []byte(proc.Quote(b.hidden.Strings(vm.Argv())) + "\n\n" + b.QEMU.Version.String() + "\n\n" + vm.Stderr())
	if failure != nil {
		failure = hideFailure(failure, b.hidden)
		if ctx.Err() == nil || !errors.Is(err, context.Cause(ctx)) {
			err = b.classed(what, failure)
		}
	}
	err = b.keepFailure(what, err, failure, files)
	if held {
		b.hold(ctx, f, what, err)
	}
	return err
}

// keepFailure keeps what is known of a build that failed as a bundle, of which
// files are a part, and returns the error that names it.
func (b *build) keepFailure(what string, err error, failure *anaconda.Failure, files map[string][]byte) error {
	var defect *guard.Panic
	if errors.As(err, &defect) {
		files[panicFile] = fmt.Appendf(nil, "%v\n\n%s", defect.Value, defect.Stack)
		err = &PanicError{Step: b.step, Value: defect.Value}
	}
	shown := err
	hide(&shown, b.hidden)
	b.keep(event.Event{Kind: event.Error, Text: shown.Error(), Hint: hint(shown)})
	kept, problem := b.keepBundle(what, shown, failure, files)
	if problem != nil {
		b.emit(event.Event{Kind: event.Warning, Text: "what is known of the guest could not be kept: " + problem.Error()})
	}
	if kept != "" {
		err = withBundle(err, kept)
	}
	hide(&err, b.hidden)
	return err
}

// alive reports whether QEMU runs.
func alive(vm *qemu.VM) bool {
	select {
	case <-vm.Done():
		return false
	default:
		return true
	}
}

// makeRoom removes the guest's disk, which nobody needs any more: a full disk
// may be why the guest failed, and the bundle needs a little of it.
func (b *build) makeRoom() {
	if b.keepWork {
		return
	}
	for _, name := range []string{diskFile, imagePartialFile} {
		_ = b.ws.root.Remove(name) // it goes with the working folder otherwise
	}
}

// classed is the error of a failed guest.
func (b *build) classed(what string, failure *anaconda.Failure) error {
	if failure.TimedOut {
		return &TimeoutError{What: what, Failure: failure}
	}
	return &InstallError{What: what, Failure: failure}
}

// withBundle names the bundle in an error of ours.
func withBundle(err error, dir string) error {
	var install *InstallError
	var timeout *TimeoutError
	var check *CheckError
	var crash *PanicError
	switch {
	case errors.As(err, &install):
		install.Bundle = dir
	case errors.As(err, &timeout):
		timeout.Bundle = dir
	case errors.As(err, &check):
		check.Bundle = dir
	case errors.As(err, &crash):
		crash.Bundle = dir
	default:
		return &bundledError{err, dir}
	}
	return err
}

// bundledError is any other error, with the logs of the guest that it ended.
type bundledError struct {
	err error
	dir string
}

func (e *bundledError) Error() string { return e.err.Error() + "; the guest's logs are in " + e.dir }
func (e *bundledError) Unwrap() error { return e.err }

// look asks QEMU what it can tell about a guest that still exists.
func (b *build) look(ctx context.Context, vm *qemu.VM) map[string][]byte {
	files := map[string][]byte{}
	if !alive(vm) {
		return files
	}
	if vm.Screendump(ctx, b.ws.path(screenFile)) == nil {
		if png, err := b.ws.root.ReadFile(screenFile); err == nil {
			files[screenFile] = png
		}
	}
	status, err1 := vm.Status(ctx)
	stats, err2 := vm.BlockStats(ctx)
	if text, err := json.MarshalIndent(map[string]any{"status": status, "drives": stats}, "", "  "); err1 == nil && err2 == nil && err == nil {
		files["guest.json"] = append(text, '\n')
	}
	return files
}

// keepBundle collects the bundle's files and puts them in their place, the path
// of which it returns. files are those that are known already, by name. Where
// an archive cannot be written the folder is, and the error says why.
func (b *build) keepBundle(what string, cause error, failure *anaconda.Failure, files map[string][]byte) (string, error) {
	for name, text := range b.report.Logs {
		files[installerLogs+"/"+filepath.Base(name)] = text
	}
	files[kickstartFile] = kickstart.Redact(b.Kickstart.Guest)
	for name, value := range map[string]any{"failure.json": failure, "plan.json": b.Plan.View(), "host.json": b.hostFacts()} {
		if value == (*anaconda.Failure)(nil) {
			continue
		}
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return "", err
		}
		files[name] = append(text, '\n')
	}
	files[summaryFile] = []byte(b.summary(what, cause, failure, files))
	if err := b.stage(files); err != nil {
		return "", err
	}
	staged := b.ws.path(stagedBundle)
	if b.Spec.Bundle != "" {
		err := archiveBundle(staged, b.Spec.Bundle, filepath.Base(bundleDir(b.Out)), b.Host.Now())
		if err == nil {
			return b.Spec.Bundle, b.ws.root.RemoveAll(stagedBundle)
		}
		kept, err2 := placeFolder(staged, bundleDir(b.Out))
		return kept, errors.Join(fmt.Errorf("--bundle %s: %w", b.Spec.Bundle, err), err2)
	}
	return placeFolder(staged, bundleDir(b.Out))
}

// place names where a line of the guest stands in the kept logs of what failed.
func place(what string, l anaconda.Line) string {
	name := map[anaconda.Channel]string{anaconda.OnConsole: serialFile, anaconda.OnLog: logFile, anaconda.OnProgress: progressFile}[l.Channel]
	if l.Channel == anaconda.OnConsole && what == theBootTest {
		name = testSerialFile
	}
	if l.File != "" {
		name = installerLogs + "/" + l.File
	}
	if name == "" || l.Line == 0 {
		return string(l.Channel) + ": "
	}
	return fmt.Sprintf("%s:%d: ", name, l.Line)
}

// most is how many lines of the guest an error quotes.
const most = 6

// describe says what failed, and where in the user's kickstart if that is known,
// in the guest's own words where it said some.
func describe(what string, f *anaconda.Failure, bundle string) string {
	text := fmt.Sprintf("%s failed (%s): %s", what, f.Phase, f.Meaning)
	if f.Where != "" {
		text = f.Says()
	}
	lines := f.Lines
	if len(f.Said) > 0 { // the script's own last words
		text, lines = strings.TrimSuffix(text, ".")+":", f.Said
	}
	if f.Source != "" {
		text += "\n    " + f.Source
	}
	text += quote(what, lines)
	if len(f.Context) > 0 {
		text += "\n  before that the console said" + quote(what, f.Context[max(0, len(f.Context)-3):])
	}
	if bundle != "" {
		text += "\nlogs: " + bundle
	}
	return text
}

// quote writes the first and the last of some lines.
func quote(what string, lines []anaconda.Line) (text string) {
	for i, l := range lines {
		switch left := len(lines) - most; {
		case left <= 0 || i == 0 || i > left:
			text += "\n    " + place(what, l) + l.Text
		case i == 1:
			text += "\n    …"
		}
	}
	return text
}
