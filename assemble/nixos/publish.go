// The step that publishes the image, and what is recorded of it.

package nixos

import (
	"cmp"
	"context"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/lock"
)

// publish puts the image, its description and the further records in place.
func (b *build) publish(ctx context.Context, j *assemble.Job) (string, error) {
	p := b.plan
	m := assemble.Image{
		Product: b.system.Title, Version: b.system.Release, Arch: p.arch.Name, Boot: "uefi",
		Inputs: b.inputs, Guest: map[string]string{"derivation": b.drv.Drv, "output": b.out}, Package: b.system.Paths, Tested: b.tested,
	}
	if p.bios() {
		m.Boot = "bios"
	}
	m.Product = cmp.Or(m.Product, b.drv.Name)
	if b.system.Toplevel != "" {
		m.Guest["system"] = b.system.Toplevel
	}
	internal := map[string]any{"derivation": b.drv.Drv, "output": b.out, "builder": p.Nix.Who()}
	var next assemble.Next
	if p.Guests != nil {
		m.QEMU, m.Accel = p.Guests.QEMU.Version.String(), p.Guests.Accel.Accel
		internal["accelerator"] = m.Accel
		next = p.Guests.Next(p.Outputs, p.TestMachine, "")
	}
	next.Logins = b.system.logins()
	made, err := p.Outputs.Made(m, b.disk)
	if err != nil {
		return "", err
	}
	disk, _ := p.Outputs.Boots()
	return j.Publish(ctx, assemble.Product{
		Images: made, Disk: disk,
		Parameters: map[string]any{
			"arch": p.arch.Name, "flake": b.meta.URL, "attribute": p.Attribute, "format": strings.Join(p.Spec.Formats, ","),
			"on": p.Spec.On, "builders": p.Spec.Builders,
		},
		Internal: internal, Versions: p.versions(), Lock: p.lock(b.inputs), Next: next,
	})
}

// versions are those of the tools.
func (p *Plan) versions() map[string]string {
	all := map[string]string{"imgasm": p.Host.Version, "nix": p.Nix.Version}
	if p.Guests != nil {
		all["qemu"] = p.Guests.QEMU.Version.String()
	}
	return all
}

// lock is what a lock says of a build with these inputs.
func (p *Plan) lock(inputs []assemble.Input) lock.Build {
	b := lock.Build{
		Inputs: map[string]lock.Input{}, Tools: p.versions(),
		Settings: map[string]string{"arch": p.arch.Name, "attribute": p.Attribute, "format": strings.Join(p.Spec.Formats, ",")},
	}
	for _, in := range inputs {
		b.Inputs[in.Role] = lock.Input{Name: in.Name, URL: in.URL, SHA256: in.SHA256, SizeBytes: in.Size}
	}
	return b
}
