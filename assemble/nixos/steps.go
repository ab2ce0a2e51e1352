// The steps of a build, in the only order that works.

package nixos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
)

// build is what one step of a plan's build finds for another.
type build struct {
	plan   *Plan
	flake  string // pinned, where it has a revision
	meta   nixglue.Metadata
	inputs []assemble.Input // the flake, and what it has locked
	drv    derivation
	out    string // what Nix has built; an image in this machine\'s store
	disk   int64  // bytes
	system System
	tested *boottest.Proof // nil: not verified
}

// Run builds what the plan says. Everything that happens goes to sink.
//
// Errors: of this package's classes, and those of assemble, nixglue, convert,
// watch, verify, files and QEMU; the context's cause. On an error nothing stands
// under the output's name that was not there before. Of a failed nix or guest the
// logs are kept: an *assemble.KeptError names them.
func (p *Plan) Run(ctx context.Context, sink assemble.Sink) (*assemble.Result, error) {
	b := &assemble.Build{
		Outputs: p.Outputs, Steps: p.steps(&build{plan: p}), Secrets: p.hidden,
		Now: p.Host.Now, Version: p.Host.Version, Command: p.Host.Command, Defaults: p.Host.Defaults, Field: p.Host.Field, Cautions: p.Cautions,
		Logs:   guest.TestLogs(),
		Report: p.report,
	}
	b.Logs[nixLogFile] = assemble.Log{About: "what nix and its builders said"}
	if p.Dated {
		b.Date = &p.Time
	}
	return b.Run(ctx, sink)
}

// steps lists what a plan's build does; b is what its steps find.
func (p *Plan) steps(b *build) []assemble.Step {
	disk := assemble.Disk{Arch: p.arch.Name, BIOS: p.bios(), Untested: p.Spec.NoVerify, Time: p.Time}
	untested, flake, places := "", p.Spec.Flake, p.Spec.Out
	if p.Spec.NoVerify {
		untested = "{NoVerify}"
	}
	if p.Own != "" {
		flake = "imgasm's own flake"
	}
	for _, t := range p.Outputs.Images[1:] {
		places += ", " + filepath.Base(t.Path)
	}
	return slices.Concat([]assemble.Step{
		{Name: "flake", Text: "find out what " + flake + " is made of, and pin it", Run: b.takeFlake},
		{Name: "evaluate", Text: "evaluate " + p.Attribute, Run: b.evaluate},
	}, b.diskSteps(), []assemble.Step{{
		Name: "check", Text: "look for a boot loader on the disk, and what it starts",
		Run: func(ctx context.Context, j *assemble.Job) (string, error) { return b.check(ctx, j, disk) },
	}}, p.Outputs.ImageSteps(disk), []assemble.Step{
		{Name: "verify", Text: guest.TestText(p.Outputs), Skip: untested, Patient: true, Run: b.verify},
		{Name: "publish", Text: "move the image to " + places, Run: b.publish},
	})
}

// diskSteps make the disk: all that follows begins with it, however it came about.
func (b *build) diskSteps() []assemble.Step {
	p := b.plan
	steps := []assemble.Step{{Name: "build", Text: "have " + p.Nix.Who() + " build it", Patient: true, Run: b.runNix}}
	if p.Spec.Assemble {
		// The archives of a remote store are read twice, the first time silently.
		return append(steps, assemble.Step{Name: "disk", Text: "put the system on a disk, without a virtual machine", Patient: p.Spec.On != "", Run: b.assembleDisk})
	}
	if p.Spec.On != "" {
		steps = append(steps, assemble.Step{Name: "copy", Text: "copy the image to this machine's store", Patient: true, Run: b.copyHome})
	}
	return append(steps, assemble.Step{Name: "disk", Text: "take the disk out of the image that Nix has built", Run: b.takeDisk})
}

// check looks at what firmware will start, and at the system that it starts.
func (b *build) check(_ context.Context, j *assemble.Job, d assemble.Disk) (string, error) {
	text, err := d.Check(j)
	if errors.Is(err, inspect.ErrCannotBoot) {
		j.DropImages()
		return "", j.Fail("the look at the built disk", &fault.Error{
			Class: ErrCannotBoot, Err: fmt.Errorf("the disk that Nix has built cannot boot on %s: %w", d.Arch, err),
			Do: "see what is on it: imgasm inspect IMAGE; {Arch} says which machine it is for, {Firmware} bios that it is for a BIOS",
		}, nil)
	}
	if err != nil {
		return "", err
	}
	if b.system, err = look(j); err != nil {
		j.Note("what system the image holds is not known: " + err.Error())
	}
	if b.plan.Spec.Assemble {
		b.system.Toplevel = b.out // and no specialisation of it
	}
	if name := b.system.name(); name != "" {
		text += ", " + name
	}
	return text, nil
}

// verify starts the image as its user will. Nobody is known who could log in, so
// that what its console or its ssh server shows is the proof.
func (b *build) verify(ctx context.Context, j *assemble.Job) (text string, err error) {
	p := b.plan
	if !slices.Contains(b.system.Consoles, p.arch.Console) {
		j.Emit(event.Event{
			Kind: event.Warning, Text: fmt.Sprintf("nobody has seen that this image boots: no entry of its boot loader that imgasm can read has console=%s, where a verification looks", p.arch.Console),
			Hint: fmt.Sprintf("in the flake: boot.kernelParams = [ \"console=%s,115200n8\" ]; or boot the image yourself before you use it", p.arch.Console),
		})
		return "not done: no console on which it would show", nil
	}
	b.tested, text, err = p.Guests.Verify(ctx, j, p.TestMachine, guest.Verification{})
	return text, err
}

// report is what a failure's bundle says besides logs.
func (p *Plan) report(_ string, cause error) assemble.Report {
	var r assemble.Report
	if p.Guests != nil {
		r = p.Guests.Report(p.Outputs.Path, p.View(), cause)
	} else {
		r = assemble.Report{Files: map[string][]byte{}, About: map[string]string{}}
	}
	r.About[nixFile] = "nix's command, and how it ended"
	r.Facts += fmt.Sprintf("- nix %s, store %s\n- flake: %s, %s\n", p.Nix.Version, p.Nix.Store.URL, p.ref, p.Attribute)
	return r
}
