// A plan as it is shown: everything that was decided, without secrets.

package nixos

import (
	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// PlanView is a Plan for reading, as JSON or as text.
type PlanView struct {
	Arch      string              `json:"arch"`
	Images    []assemble.Target   `json:"images"`
	Flake     string              `json:"flake"`
	Own       bool                `json:"own,omitempty"` // the flake is imgasm's own
	Attribute string              `json:"attribute"`
	Nix       Builder             `json:"nix"`
	Firmware  *firmware.Pair      `json:"firmware,omitempty"`
	Accel     *accel.Choice       `json:"accelerator,omitempty"`
	QEMU      string              `json:"qemu,omitempty"`
	WorkDir   string              `json:"workDir"`
	Steps     []assemble.StepPlan `json:"steps"`
	// TestCommand is QEMU for the verification; nil: there is none.
	TestCommand []string           `json:"testCommand,omitempty"`
	Cautions    []assemble.Caution `json:"cautions,omitempty"`
	Defaults    []host.Default     `json:"defaults,omitempty"` // flags that were set elsewhere than on the command line
}

// View returns the plan for reading.
func (p *Plan) View() PlanView {
	h := p.hidden
	v := PlanView{
		Arch: p.arch.Name, Images: p.Outputs.Images, Flake: h.String(p.ref), Own: p.Own != "", Attribute: h.String(p.Attribute),
		Nix: p.Nix, WorkDir: assemble.WorkFolder(p.Outputs.Path), Defaults: host.Shown(p.Host.Defaults, h.Strings),
	}
	v.Nix.Store.URL = h.String(v.Nix.Store.URL)
	if m := v.Nix.Machine; m != nil {
		shown := *m
		shown.URL, v.Nix.Machine = h.String(m.URL), &shown
	}
	named := func(text string) string { return fault.Fill(h.String(text), p.Host.Field) }
	for _, s := range p.Steps {
		v.Steps = append(v.Steps, assemble.StepPlan{Name: s.Name, Text: named(s.Text)})
	}
	for _, c := range p.Cautions {
		v.Cautions = append(v.Cautions, assemble.Caution{Text: named(c.Text), Do: named(c.Do), Lasting: c.Lasting})
	}
	if g := p.Guests; g != nil && !p.Spec.NoVerify {
		v.Firmware, v.Accel, v.QEMU = g.Firmware, &g.Accel, g.QEMU.Path+" "+g.QEMU.Version.String()
		v.TestCommand = h.Strings(p.TestMachine.Argv(qemu.Links{}))
	}
	return v
}
