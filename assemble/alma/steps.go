// The steps of a build, in the only order that works. What one of them finds
// for another stands at the head of steps.

package alma

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/internal/size"
)

// Run builds what the plan says. Everything that happens goes to sink.
//
// Errors: of this package's classes, and those of assemble, watch, boottest,
// files and QEMU; the context's cause. On an error nothing stands under the
// output's name that was not there before, and the guest's logs are kept: an
// *assemble.KeptError names them.
func (p *Plan) Run(ctx context.Context, sink assemble.Sink) (*assemble.Result, error) {
	return p.build().Run(ctx, sink)
}

// build is the plan as something that runs.
func (p *Plan) build() *assemble.Build {
	var report anaconda.Report // what the installation said
	b := &assemble.Build{
		Outputs: p.Outputs, Steps: p.steps(&report), Secrets: p.hidden,
		Now: p.Host.Now, Version: p.Host.Version, Command: p.Host.Command, Field: p.Host.Field,
		Patience: p.Timeout, Notes: p.Notes, Cautions: p.Cautions,
		Logs: logs, Report: func(what string, cause error) assemble.Report { return p.report(cause, report) },
	}
	if p.Spec.StallTimeout > 0 {
		b.Patience = min(b.Patience, p.Spec.StallTimeout)
	}
	if p.Dated {
		b.Date = &p.Time
	}
	return b
}

// steps lists what a plan's build does.
func (p *Plan) steps(report *anaconda.Report) []assemble.Step {
	var (
		hash   = make(chan hashed, 1) // of the installer ISO, computed beside the installation
		tested *boottest.Proof        // nil: not tested
	)
	unless := func(cond bool, why string) string {
		if cond {
			return ""
		}
		return why
	}
	media := p.Spec.Boot == "media"
	withKickstart := ""
	if p.delivery().InInitrd() {
		withKickstart = ", and append the kickstart to the initrd"
	}
	// planned is a step that needs no more than the plan.
	planned := func(run func(context.Context, *assemble.Job, *Plan) (string, error)) func(context.Context, *assemble.Job) (string, error) {
		return func(ctx context.Context, j *assemble.Job) (string, error) { return run(ctx, j, p) }
	}
	booted := "boot the finished image on its own"
	if boots, _ := p.tested(); boots == diskFile {
		booted = "boot the installed disk on its own: QEMU runs no machine of " + strings.Join(p.Spec.Formats, " or ")
	}
	places := p.Spec.Out
	for _, t := range p.Outputs.Images[1:] {
		places += ", " + filepath.Base(t.Path)
	}
	return slices.Concat([]assemble.Step{{
		Name: "source", Text: "check the installer ISO " + filepath.Base(p.Installer.Path),
		Run: func(context.Context, *assemble.Job) (string, error) { return checkSource(p, hash) },
	}, {
		Name: "boot files", Text: "take kernel and initrd out of the ISO" + withKickstart, Skip: unless(!media, "they go onto the boot medium"),
		Run: planned(makeBootFiles),
	}, {
		Name: "kickstart", Text: "write the kickstart " + p.Kickstart.Name + " with our reporting sections",
		Run: planned(writeKickstart),
	}, {
		Name: "OEMDRV", Text: "make the volume on which the installer finds the kickstart", Skip: unless(p.delivery().OnVolume(), "the kickstart is in the initrd"),
		Run: planned(makeOEMDRV),
	}, {
		Name: "EFI medium", Text: "make a boot medium with the ISO's own boot loader" + withKickstart, Skip: unless(media, "QEMU loads the kernel by itself"),
		Run: planned(makeBootMedium),
	}, {
		Name: "disk", Text: "make a blank disk of " + size.Format(p.Spec.DiskSize),
		Run: planned(makeDisk),
	}, {
		Name: "install", Text: fmt.Sprintf("install %s on %s (%s)", p.Installer.name(), p.Accel.Accel, p.arch.Name), Patient: true,
		Run: func(ctx context.Context, j *assemble.Job) (string, error) { return install(ctx, j, p, report) },
	}, {
		Name: "check", Text: "look for partitions and a boot loader on the disk",
		Run: planned(checkDisk),
	}}, p.imageSteps(), []assemble.Step{{
		Name: "boot test", Text: booted, Skip: unless(!p.Spec.NoBootTest, "{NoBootTest}"), Patient: true,
		Run: func(ctx context.Context, j *assemble.Job) (text string, err error) {
			tested, text, err = bootTest(ctx, j, p)
			return text, err
		},
	}, {
		Name: "publish", Text: "move the image to " + places,
		Run: func(ctx context.Context, j *assemble.Job) (string, error) {
			return publish(ctx, j, p, hash, *report, tested)
		},
	}})
}

// imageSteps make the images, one each.
func (p *Plan) imageSteps() (steps []assemble.Step) {
	for _, n := range p.imageOrder() {
		format := p.Outputs.Images[n].Format
		steps = append(steps, assemble.Step{
			Name: format, Text: "write the image as " + format,
			Run: func(ctx context.Context, j *assemble.Job) (string, error) { return makeImage(ctx, j, p, n) },
		})
	}
	return steps
}

// describe is steps without their code.
func (p *Plan) describe() []StepPlan {
	var all []StepPlan
	for _, s := range p.steps(nil) {
		text := s.Text
		if s.Skip != "" {
			text = "nothing: " + s.Skip
		}
		all = append(all, StepPlan{s.Name, text})
	}
	return all
}

// name is what the ISO installs, for a person.
func (i Installer) name() string {
	if i.Rehearsal {
		return "the rehearsal's tiny system (no AlmaLinux)"
	}
	return strings.TrimSpace(or(i.Product, i.Label) + " " + i.Version)
}
