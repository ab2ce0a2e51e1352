// The steps that run nix: evaluate, build, copy home.

package nixos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/nixglue"
)

// Files of the working folder, and of a bundle.
const (
	nixLogFile = "nix.log"
	nixFile    = "nix.txt"
	resultLink = "result" // keeps what was built from garbage collection
)

// derivation is what there is to know of an attribute before it is built.
type derivation struct {
	Name     string   `json:"name"` // "": it is no derivation
	System   string   `json:"system"`
	Features []string `json:"features"`
	Drv      string   `json:"drv"`
	Out      string   `json:"out"`
}

// derivationOf is a function of Nix's language: derivation, or null for other values.
const derivationOf = `d: if (d.type or "") == "derivation" then { inherit (d) name system; ` +
	`features = d.requiredSystemFeatures or [ ]; drv = d.drvPath; out = d.outPath; } else null`

// home is nix for what happens on this machine, and tells what it does.
func (b *build) home(j *assemble.Job) nixglue.Nix {
	n := b.plan.Spec.nix()
	n.Events = b.told(j, nil)
	return n
}

// progressEvery is the least time between two events of bytes: nix tells of
// hundreds of downloads.
const progressEvery = 200 * time.Millisecond

// told passes on what nix tells, and keeps the lines of it in log, if that is not nil.
func (b *build) told(j *assemble.Job, log *watch.KeptLog) nixglue.Sink {
	quiet := quieter(j.Emit, j.Now)
	return func(e nixglue.Event) {
		if e.Kind != event.Progress && log != nil {
			fmt.Fprintln(log, e.Text)
		}
		quiet(e)
	}
}

// "creating lock file '/src/flake.lock'", "not writing modified lock file of flake 'path:/src'"
var aboutLock = regexp.MustCompile(`^(creating|updating|not writing modified) lock file `)

// quieter passes on what nix tells. What is built, copied and said is shown as a
// guest's console is: it is hundreds of lines, and so are its events of bytes.
func quieter(sink assemble.Sink, now func() time.Time) nixglue.Sink {
	var last time.Time
	return func(e nixglue.Event) {
		switch e.Kind {
		case event.Progress:
			if e.Unit == "B" && now().Sub(last) < progressEvery {
				return
			}
			last = now()
		case event.Note, event.Phase:
			e.Kind = event.Console
		case event.Warning:
			if aboutLock.MatchString(e.Text) { // by each call of nix
				e.Kind = event.Console
			}
		}
		sink(e)
	}
}

// evaluate finds out what is to be built, and whether somebody builds it.
func (b *build) evaluate(ctx context.Context, j *assemble.Job) (string, error) {
	p, n := b.plan, b.home(j)
	out, err := n.Eval(ctx, b.installable(), derivationOf)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(out, &b.drv); err != nil {
		return "", fmt.Errorf("what nix says of %s: %w", p.Attribute, err)
	}
	if b.drv.Name == "" {
		do := "name an attribute that builds a disk image, such as nixosConfigurations.NAME.config.system.build.images.qemu-efi"
		if p.Spec.Assemble {
			do = "name an attribute that builds a system, such as nixosConfigurations.NAME.config.system.build.toplevel"
		}
		return "", bad("Flake", fmt.Errorf("%s#%s is no derivation", p.ref, p.Attribute), do)
	}
	if want := system(p.arch); b.drv.System != want {
		j.Emit(event.Event{Kind: event.Warning, Text: fmt.Sprintf("%s is built on %s, and the image is to be for %s", p.Attribute, b.drv.System, p.arch.Name),
			Hint: "if it is for another machine, say for which: {Arch}"})
	}
	if p.Spec.On == "" && p.Nix.Machine != nil {
		if err := b.findBuilder(ctx, n); err != nil {
			return "", err
		}
	}
	return b.drv.Name + " for " + b.drv.System, nil
}

// findBuilder looks for who builds the derivation, unless it is built already.
func (b *build) findBuilder(ctx context.Context, n nixglue.Nix) error {
	n.Inputs = nil
	_, err := n.PathInfo(ctx, false, b.drv.Out)
	if !errors.Is(err, nixglue.ErrAbsent) {
		return err
	}
	_, err = findBuilder(ctx, n, b.drv.System, b.drv.Features)
	return err
}

// installable is what is built, as nix takes it.
func (b *build) installable() string { return b.flake + "#" + b.plan.Attribute }

// runNix has Nix build, here, in another store, or by its remote builders.
func (b *build) runNix(ctx context.Context, j *assemble.Job) (string, error) {
	p, n := b.plan, b.plan.Spec.nix()
	f, err := j.Create(nixLogFile)
	if err != nil {
		return "", err
	}
	log := watch.NewKeptLog(f)
	defer func() { _ = log.Finish() }() // failed tells
	n.Events = b.told(j, log)
	o := nixglue.BuildOptions{Installables: []string{b.installable()}}
	if n.Store, err = p.Spec.store(); err != nil {
		return "", err
	}
	if n.Store != "" {
		n.EvalStore = "auto"
	} else {
		o.OutLink = j.Path(resultLink)
	}
	built, err := n.Build(ctx, o)
	if err != nil {
		return "", b.failed(ctx, j, log, err)
	}
	if len(built) != 1 || built[0].Outputs["out"] == "" {
		return "", bad("Flake", fmt.Errorf("%s#%s has no output out", p.ref, p.Attribute), "name an attribute that builds one disk image")
	}
	b.out = built[0].Outputs["out"]
	return b.out, nil
}

// failed keeps what is known of a nix that failed. One that was interrupted keeps nothing.
func (b *build) failed(ctx context.Context, j *assemble.Job, log *watch.KeptLog, err error) error {
	var failure *nixglue.Failure
	if context.Cause(ctx) != nil || !errors.As(err, &failure) {
		return err
	}
	if b.plan.Spec.On != "" && errors.Is(err, nixglue.ErrPlatform) {
		err = &fault.Error{Class: nixglue.ErrPlatform, Err: err, Do: "build on a machine of that system: {On} ssh://USER@HOST"}
	}
	if err := log.Finish(); err != nil {
		j.Emit(event.Event{Kind: event.Warning, Text: "nix's log could not be kept whole: " + err.Error()})
	}
	text := fmt.Sprintf("%s\n\nnix %s ended with status %d\n\n%v\n", proc.Quote(failure.Argv), b.plan.Nix.Version, failure.Code, failure)
	return j.Fail("the nix build", err, map[string][]byte{nixFile: []byte(text)})
}

// copyHome copies the image from the store in which it was built.
func (b *build) copyHome(ctx context.Context, j *assemble.Job) (string, error) {
	from, err := b.plan.Spec.store()
	if err != nil {
		return "", err
	}
	n := b.home(j)
	n.Inputs = nil
	// The machine was trusted to build it, and signs nothing unless it is told to.
	return b.out, n.Copy(ctx, nixglue.CopyOptions{Installables: []string{b.out}, From: from, Unsigned: true})
}
