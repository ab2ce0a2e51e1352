// A plan as it is shown: everything that was decided, without secrets.

package alma

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// PlanView is a Plan for reading, as JSON or as text.
type PlanView struct {
	Arch      string            `json:"arch"`
	Out       string            `json:"out"`
	Metadata  string            `json:"metadata"`
	Images    []assemble.Target `json:"images"`
	DiskSize  int64             `json:"diskSize"`
	Boot      string            `json:"boot"`
	Installer Installer         `json:"installer"`
	Firmware  *firmware.Pair    `json:"firmware,omitempty"`
	Accel     accel.Choice      `json:"accelerator"`
	QEMU      string            `json:"qemu"`
	CPUs      int               `json:"cpus"`
	MemoryMiB int               `json:"memoryMiB"`
	Network   string            `json:"network"` // what the installing guest reaches
	Timeout   float64           `json:"timeoutSeconds"`
	Time      time.Time         `json:"mediaTime"`

	KickstartFrom string              `json:"kickstartFrom"`
	Deliver       string              `json:"deliver"`   // how it comes to the guest: "oemdrv", "initrd", "both"
	Kickstart     string              `json:"kickstart"` // as the guest reads it; passwords and keys redacted
	OwnLines      int                 `json:"ownLines"`  // how many lines of it are not ours
	KernelArgs    string              `json:"kernelArgs"`
	ConsoleMode   string              `json:"consoleMode"`
	KSStrict      bool                `json:"ksStrict,omitempty"`
	WorkDir       string              `json:"workDir"`
	Steps         []assemble.StepPlan `json:"steps"`
	Command       []string            `json:"command"`     // QEMU for the installation
	TestCommand   []string            `json:"testCommand"` // QEMU for the verification, its first machine
	Notes         []string            `json:"notes,omitempty"`
	Cautions      []assemble.Caution  `json:"cautions,omitempty"`
	Defaults      []host.Default      `json:"defaults,omitempty"` // flags that were set elsewhere than on the command line
}

// View returns the plan for reading.
func (p *Plan) View() PlanView {
	h, named := p.hidden, func(text string) string { return fault.Fill(text, p.Host.Field) }
	in := p.Installer
	in.URL = h.String(withoutCredentials(in.URL))
	steps, notes, cautions := slices.Clone(p.Steps), h.Strings(p.Notes), slices.Clone(p.Cautions)
	for i := range steps {
		steps[i].Text = named(steps[i].Text)
	}
	for i := range notes {
		notes[i] = named(notes[i])
	}
	for i := range cautions {
		cautions[i].Do = named(cautions[i].Do)
	}
	return PlanView{
		Arch: p.arch.Name, Out: p.Outputs.Path, Metadata: assemble.Description(p.Outputs.Path), Images: p.Outputs.Images, DiskSize: p.Spec.DiskSize, Boot: p.Spec.Boot,
		Installer: in, Firmware: p.Firmware, Accel: p.Accel, QEMU: p.QEMU.Path + " " + p.QEMU.Version.String(),
		CPUs: p.Spec.CPUs, MemoryMiB: p.Spec.MemoryMiB, Network: p.reach(), Timeout: p.Timeout.Seconds(), Time: p.Time,
		KickstartFrom: p.Kickstart.Name, Deliver: p.Spec.Deliver, Kickstart: h.String(string(kickstart.Redact(p.Kickstart.Guest))), OwnLines: bytes.Count(p.Kickstart.Asked, []byte("\n")),
		KernelArgs: h.String(strings.Join(p.Arguments, " ")), ConsoleMode: p.Spec.ConsoleMode, KSStrict: p.Spec.KSStrict,
		WorkDir: assemble.WorkFolder(p.Outputs.Path), Steps: steps, Command: h.Strings(p.Machine.Argv(qemu.Links{})), TestCommand: h.Strings(p.TestMachine.Argv(qemu.Links{})), Notes: notes, Cautions: cautions,
		Defaults: host.Shown(p.Host.Defaults, h.Strings),
	}
}

// CommandLine is the installation's QEMU command, to be pasted into a shell.
// The files it names are there while a build runs, and after one with --keep.
func (v PlanView) CommandLine() string { return proc.Quote(v.Command) }

// Name is the image's file name.
func (v PlanView) Name() string { return filepath.Base(v.Out) }
