// The failure bundle: what is kept of a build that failed, in OUT.failed/.
package assemble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/qemu"
)

// bundleDir is the folder that keeps the logs of a failed build of out.
func bundleDir(out string) string { return out + ".failed" }

// summaryFile marks a folder as a bundle of ours, which a later failure may replace.
const summaryFile = "SUMMARY.md"

// failed keeps what is known of a guest that failed, and returns the error
// that says so. what is "the installation" or "the boot test".
func (b *build) failed(ctx context.Context, vm *qemu.VM, what string, failure *anaconda.Failure, err error) error {
	// The context may be what ended the guest: looking at it takes its own time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	look := b.look(ctx, vm)
	vm.Kill()
	look["qemu.txt"] = []byte(proc.Quote(vm.Argv()) + "\n\n" + b.QEMU.Version.String() + "\n\n" + vm.Stderr())
	if failure != nil {
		b.mapKickstartLine(failure)
		err = b.classed(what, failure)
	}
	dir, kept := b.keepBundle(what, err, failure, look)
	if kept != nil {
		b.emit(event.Event{Kind: event.Warning, Text: "the guest's logs could not be kept: " + kept.Error()})
		return err
	}
	return withBundle(err, dir)
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
	var boot *BootTestError
	switch {
	case errors.As(err, &install):
		install.Bundle = dir
	case errors.As(err, &timeout):
		timeout.Bundle = dir
	case errors.As(err, &boot):
		boot.Bundle = dir
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
	select {
	case <-vm.Done():
		return files
	default:
	}
	if vm.Screendump(ctx, b.ws.path(screenFile)) == nil {
		if png, err := os.ReadFile(b.ws.path(screenFile)); err == nil {
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

// mapKickstartLine turns a line of what the guest read into one of the user's file.
func (b *build) mapKickstartLine(failure *anaconda.Failure) {
	if failure.KickstartLine == 0 || b.Kickstart.Line == nil {
		return
	}
	if file, line, ok := b.Kickstart.Line(failure.KickstartLine); ok {
		failure.Hint = strings.TrimSpace(fmt.Sprintf("look at %s, line %d: %s\n%s", file, line, sourceLine(b.Kickstart.User, line), failure.Hint))
	}
}

// sourceLine is a line of a text, 1-based, without its secrets.
func sourceLine(text []byte, line int) string {
	lines := strings.Split(string(kickstart.Redact(text)), "\n")
	if line < 1 || line > len(lines) {
		return ""
	}
	return strings.TrimSpace(lines[line-1])
}

// keepBundle writes the folder. An older bundle of the same output makes room.
func (b *build) keepBundle(what string, cause error, failure *anaconda.Failure, files map[string][]byte) (string, error) {
	dir := bundleDir(b.Out)
	if _, err := os.Stat(filepath.Join(dir, summaryFile)); err == nil {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{serialFile, logFile, progressFile, testSerialFile, eventsFile} {
		if err := os.Rename(b.ws.path(name), filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	for name, text := range b.report.Logs {
		files[filepath.Base(name)] = text
	}
	files[kickstartFile] = kickstart.Redact(b.Kickstart.Guest)
	if failure != nil {
		if text, err := json.MarshalIndent(failure, "", "  "); err == nil {
			files["failure.json"] = append(text, '\n')
		}
	}
	if text, err := json.MarshalIndent(b.Plan.View(), "", "  "); err == nil {
		files["plan.json"] = append(text, '\n')
	}
	files[summaryFile] = []byte(b.summary(what, cause, failure))
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// summary is what a person pastes into a bug report.
func (b *build) summary(what string, cause error, failure *anaconda.Failure) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# %s failed\n\n%v\n\n", what, cause)
	if failure != nil {
		fmt.Fprintf(&s, "- phase: %v\n- rule: %s (%s)\n- meaning: %s\n- what to do: %s\n\n", failure.Phase, failure.Rule, failure.Class, failure.Meaning, failure.Hint)
		if len(failure.Lines) > 0 {
			s.WriteString("What the guest said:\n\n")
			for _, l := range failure.Lines {
				fmt.Fprintf(&s, "    %s\n", place(l)+l.Text)
			}
			s.WriteString("\n")
		}
		for _, o := range failure.Others {
			fmt.Fprintf(&s, "Also seen: %s (%s)\n", o.Meaning, o.Rule)
		}
	}
	fmt.Fprintf(&s, "\n- imgasm %s, QEMU %s, %s on %s (%s)\n- installer: %s, volume %q\n- kickstart: %s\n- kernel arguments: `%s`\n",
		b.Host.Version, b.QEMU.Version, b.Accel.Accel, b.Host.OS, b.Accel.Reason, b.productName(), b.Installer.Label, b.Kickstart.Name, strings.Join(b.Arguments, " "))
	return s.String()
}

// place names where a line of the guest stands in the kept logs.
func place(l anaconda.Line) string {
	name := map[anaconda.Channel]string{anaconda.OnConsole: serialFile, anaconda.OnLog: logFile, anaconda.OnProgress: progressFile}[l.Channel]
	if name == "" || l.Line == 0 {
		return string(l.Channel) + ": "
	}
	return fmt.Sprintf("%s:%d: ", name, l.Line)
}

// describe says what failed, in the guest's own words where it said some.
func describe(what string, f *anaconda.Failure, bundle string) string {
	text := fmt.Sprintf("%s failed (%s): %s", what, f.Phase, f.Meaning)
	for _, l := range f.Lines[:min(len(f.Lines), 6)] {
		text += "\n    " + place(l) + l.Text
	}
	if bundle != "" {
		text += "\nlogs: " + bundle
	}
	return text
}
