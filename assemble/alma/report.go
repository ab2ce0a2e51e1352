// What a failure's bundle says of a build.

package alma

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// logs are those that a bundle takes out of the working folder.
var logs = map[string]assemble.Log{
	serialFile:     {About: "the guest's serial console, byte by byte"},
	logFile:        {About: "the installer's log, as it came on its port"},
	progressFile:   {About: "what imgasm's own sections of the kickstart said", Filter: func(w io.Writer) io.Writer { return &payloadFilter{w: w} }},
	testSerialFile: {About: "the serial console of the boot test"},
}

// aboutFiles says what the other files of a bundle are.
var aboutFiles = map[string]string{
	kickstartFile:  "the kickstart that the guest read, without secrets",
	"plan.json":    "everything that was decided before the build",
	"host.json":    "this host",
	"failure.json": "the failure, with the guest's lines",
	"guest.json":   "what QEMU said of the guest",
	"qemu.txt":     "QEMU's command and what it printed",
	screenFile:     "the guest's screen",
}

// report is what a bundle has besides logs, and besides what a guest's end has given it.
func (p *Plan) report(cause error, said anaconda.Report) assemble.Report {
	r := assemble.Report{About: maps.Clone(aboutFiles), Files: map[string][]byte{kickstartFile: kickstart.Redact(p.Kickstart.Guest)}}
	facts := map[string]any{"plan.json": p.View(), "host.json": p.hostFacts()}
	if e := failureOf(cause); e != nil {
		facts["failure.json"] = e.Failure
		r.Failure = failureText(e)
	}
	for name, value := range facts {
		if text, err := json.MarshalIndent(value, "", "  "); err == nil { // structs of strings and numbers
			r.Files[name] = append(text, '\n')
		}
	}
	for name, text := range said.Logs {
		r.Files[watch.InstallerLogs+"/"+filepath.Base(name)] = text
	}
	if names := slices.Sorted(maps.Keys(said.Logs)); len(names) > 0 {
		r.About[watch.InstallerLogs+"/"] = "the ends of the installer's own logs: " + strings.Join(names, ", ")
	}
	r.Facts = fmt.Sprintf("- imgasm %s, QEMU %s, %s on %s (%s)\n- installer: %s, volume %q\n- kickstart: %s\n- kernel arguments: `%s`\n",
		p.Host.Version, p.QEMU.Version, p.Accel.Accel, p.Host.OS, p.Accel.Reason, p.Installer.name(), p.Installer.Label, p.Kickstart.Name, strings.Join(p.Arguments, " "))
	r.Next = fmt.Sprintf("\n`imgasm replay %s` shows how the installation went. Numbers of lines are those of the files here.\n", filepath.Base(assemble.BundleDir(p.Outputs.Path)))
	return r
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

// look asks QEMU what it can tell about a guest that still exists.
func look(ctx context.Context, j *assemble.Job, g *watch.Guest) map[string][]byte {
	files := map[string][]byte{}
	if !g.Alive() {
		return files
	}
	if g.VM.Screendump(ctx, j.Path(screenFile)) == nil {
		if png, err := j.Folder.ReadFile(screenFile); err == nil {
			files[screenFile] = png
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
func (p *Plan) qemuText(vm *qemu.VM) []byte {
	return []byte(proc.Quote(p.hidden.Strings(vm.Argv())) + "\n\n" + p.QEMU.Version.String() + "\n\n" + vm.Stderr())
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

func (p *Plan) hostFacts() hostFacts {
	f := hostFacts{
		OS: p.Host.OS, Arch: runtime.GOARCH, CPUs: p.Host.CPUs, MemoryMiB: int(host.MemoryMiB()), Imgasm: p.Host.Version,
		QEMU: p.QEMU.Path + " " + p.QEMU.Version.String(), Accel: p.Accel, Firmware: "BIOS",
	}
	f.FreeBytes, _ = p.Host.Free(filepath.Dir(p.Outputs.Path)) // 0: unknown
	if p.Firmware != nil {
		f.Firmware = p.Firmware.String()
	}
	return f
}
