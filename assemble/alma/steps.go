// The steps of a build, in the only order that works. What one of them finds
// for another stands at the head of steps.

package alma

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/boottest"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/size"
)

// Run builds what the plan says. Everything that happens goes to sink.
//
// Errors: of this package's classes, and those of assemble, watch, verify,
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
		Now: p.Host.Now, Version: p.Host.Version, Command: p.Host.Command, Defaults: p.Host.Defaults, Field: p.Host.Field,
		Patience: p.Timeout, Notes: p.Notes, Cautions: p.Cautions,
		Logs: logs(), Report: func(what string, cause error) assemble.Report { return p.report(cause, report) },
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
		tested *boottest.Proof        // nil: not verified
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
	disk := assemble.Disk{Arch: p.arch.Name, BIOS: p.Firmware == nil, Untested: p.Spec.NoVerify, Time: p.Time}
	volume := "make the volume on which the installer finds the kickstart"
	if n := p.provisions.bytes; n > 0 {
		volume += ", and what is copied: " + size.Text(n)
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
		Name: "OEMDRV", Text: volume, Skip: unless(p.delivery().OnVolume(), "the kickstart is in the initrd"),
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
		Run: func(_ context.Context, j *assemble.Job) (string, error) { return checkDisk(j, disk) },
	}}, p.Outputs.ImageSteps(disk), []assemble.Step{{
		Name: "verify", Text: guest.TestText(p.Outputs), Skip: unless(!p.Spec.NoVerify, "{NoVerify}"), Patient: true,
		Run: func(ctx context.Context, j *assemble.Job) (text string, err error) {
			tested, text, err = p.Verify(ctx, j, p.TestMachine, guest.Verification{Account: p.Kickstart.Login, Leftovers: p.Spec.Settings.CloudInit})
			return text, err
		},
	}, {
		Name: "publish", Text: "move the image to " + places,
		Run: func(ctx context.Context, j *assemble.Job) (string, error) {
			return publish(ctx, j, p, hash, *report, tested)
		},
	}})
}

// checkDisk looks for what firmware will start on the installed disk.
func checkDisk(j *assemble.Job, d assemble.Disk) (string, error) {
	text, err := d.Check(j)
	if !errors.Is(err, inspect.ErrCannotBoot) {
		return text, err
	}
	j.DropImages()
	return "", j.Fail("the look at the installed disk", &fault.Error{
		Class: ErrCannotBoot, Err: fmt.Errorf("the installer reported success, but its disk cannot boot: %w", err),
		Do: "the kickstart probably installs to another disk or makes no boot partition: imgasm kickstart lint shows what this machine offers",
	}, nil)
}

// name is what the ISO installs, for a person.
func (i Installer) name() string {
	if i.Rehearsal {
		return "the rehearsal's tiny system (no AlmaLinux)"
	}
	return strings.TrimSpace(cmp.Or(i.Product, i.Label) + " " + i.Version)
}
