// A build runs a plan's steps, in order, and says what happens as events.

package alma

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/qemu"
)

// step is one step of a build. run returns what came out of it, in a few words.
type step struct {
	name string
	text string // what it will do
	skip string // why there is nothing to do; "": there is
	run  func(*build, context.Context) (string, error)
}

// steps lists what a plan's build does. The order is the only one that works.
func (p *Plan) steps() []step {
	unless := func(cond bool, why string) string {
		if cond {
			return ""
		}
		return why
	}
	media := p.Spec.Boot == "media"
	withKickstart := ""
	if p.Spec.delivery().InInitrd() {
		withKickstart = ", and append the kickstart to the initrd"
	}
	return []step{
		{"source", "check the installer ISO " + filepath.Base(p.Installer.Path), "", (*build).source},
		{"boot files", "take kernel and initrd out of the ISO" + withKickstart, unless(!media, "they go onto the boot medium"), (*build).bootFiles},
		{"kickstart", "write the kickstart " + p.Kickstart.Name + " with our reporting sections", "", (*build).kickstart},
		{"OEMDRV", "make the volume on which the installer finds the kickstart", unless(p.Spec.delivery().OnVolume(), "the kickstart is in the initrd"), (*build).oemdrv},
		{"EFI medium", "make a boot medium with the ISO's own boot loader" + withKickstart, unless(media, "QEMU loads the kernel by itself"), (*build).bootMedium},
		{"disk", "make a blank disk of " + size.Format(p.Spec.DiskSize), "", (*build).disk},
		{"install", fmt.Sprintf("install %s on %s (%s)", p.productName(), p.Accel.Accel, p.Arch.Name), "", (*build).install},
		{"check", "look for partitions and a boot loader on the disk", "", (*build).check},
		{p.Spec.Format, "write the image as " + p.Spec.Format, "", (*build).image},
		{"boot test", "boot the finished image on its own", unless(!p.Spec.NoBootTest, "--no-boot-test"), (*build).bootTest},
		{"publish", "move the image to " + p.Spec.Out, "", (*build).publish},
	}
}

// describe is steps without their code.
func (p *Plan) describe() []StepPlan {
	var all []StepPlan
	for _, s := range p.steps() {
		text := s.text
		if s.skip != "" {
			text = "nothing: " + s.skip
		}
		all = append(all, StepPlan{s.name, text})
	}
	return all
}

// productName is what will be installed, for a person.
func (p *Plan) productName() string {
	if p.Installer.Rehearsal {
		return "the rehearsal's tiny system (no AlmaLinux)"
	}
	return strings.TrimSpace(or(p.Installer.Product, p.Installer.Label) + " " + p.Installer.Version)
}

// build is a running plan.
type build struct {
	*Plan
	ws   *workspace
	sink event.Sink
	log  *os.File // events.jsonl

	mu    sync.Mutex // guards log and the step's beginning
	step  string
	begun time.Time

	started  time.Time
	isoHash  chan hashed // of the installer ISO, computed beside the installation
	inputs   []Input
	report   anaconda.Report
	took     map[string]string
	tested   *BootTest
	keepWork bool
	result   *Result
	dog      *watchdog // of the running step; guarded by mu
}

type hashed struct {
	sum  string
	size int64
	err  error
}

// Result is a published image.
type Result struct {
	Out      string // the image
	Metadata string // its description
	Image    *Image
	Next     Next
}

// Run builds what the plan says. Everything that happens goes to sink.
//
// Errors: *BusyError, *InstallError, *CheckError, boottest.ErrUnproven,
// *TimeoutError, *StuckError, *HostError, *PanicError, the context's cause, and those of files and QEMU. On
// an error nothing stands under the output's name that was not there before, and
// the guest's logs are kept.
func (p *Plan) Run(ctx context.Context, sink event.Sink) (*Result, error) {
	p = p.clone()
	places, err := p.places()
	if err != nil {
		return nil, err
	}
	ws, err := openWorkspace(p.Out, places)
	if err != nil {
		return nil, err
	}
	if err := p.checkOutputs(); err != nil { // they may have changed since, by a build that was killed for one
		ws.close(false)
		return nil, err
	}
	b := &build{Plan: p, ws: ws, sink: sink, took: map[string]string{}, keepWork: p.Spec.Keep, started: p.Host.Now()}
	defer func() { ws.close(b.keepWork) }()
	if b.log, err = ws.create(eventsFile); err != nil {
		return nil, err
	}
	defer b.log.Close()
	b.warn(false)
	for _, note := range p.Notes {
		b.emit(event.Event{Kind: event.Note, Text: note})
	}
	for _, s := range p.steps() {
		if err := b.runStep(ctx, s); err != nil {
			hide(&err, b.hidden)
			return nil, err
		}
	}
	b.warn(true)
	b.emit(event.Event{Kind: event.Result, Text: b.result.Out, Path: b.result.Out})
	return b.result, nil
}

// clone is a plan that a build may change, when it learns what a step has made.
func (p *Plan) clone() *Plan {
	c := *p
	c.seen = maps.Clone(p.seen)
	for _, m := range []*qemu.Config{&c.Machine, &c.TestMachine} {
		if m.Firmware != nil {
			firmware := *m.Firmware
			m.Firmware = &firmware
		}
	}
	return &c
}

func (b *build) runStep(ctx context.Context, s step) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	b.step, b.begun = s.name, b.Host.Now()
	b.mu.Unlock()
	if s.skip != "" {
		b.emit(event.Event{Kind: event.StepSkip, Text: s.skip})
		return nil
	}
	b.emit(event.Event{Kind: event.StepStart, Text: s.text})
	text, err := b.guarded(ctx, s)
	if err != nil {
		return err
	}
	b.took[s.name] = fmt.Sprintf("%.1f", b.Host.Now().Sub(b.begun).Seconds())
	b.emit(event.Event{Kind: event.StepDone, Text: text})
	return nil
}

// guarded runs a step. A panic in it, or in a goroutine that works for it, is an
// error, and the stack is kept.
func (b *build) guarded(ctx context.Context, s step) (text string, err error) {
	err = guard.Call(func() (err error) {
		text, err = b.patient(ctx, s, func(ctx context.Context) (string, error) { return s.run(b, ctx) })
		return err
	})
	if errors.As(err, new(*guard.Panic)) {
		err = b.keepFailure("the step "+s.name, err, nil, map[string][]byte{})
	}
	return text, err
}

// emit completes an event, keeps it, and passes it on.
func (b *build) emit(e event.Event) {
	e = b.keep(e)
	if b.sink != nil {
		b.sink(e)
	}
}

// keep completes an event, takes the secrets out, and writes it to the log.
func (b *build) keep(e event.Event) event.Event {
	e.Text, e.Hint = b.hidden.String(e.Text), b.hidden.String(e.Hint)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dog.see(e)
	e.Time = b.Host.Now()
	if e.Step == "" {
		e.Step = b.step
	}
	if !b.begun.IsZero() {
		e.Elapsed = float64(e.Time.Sub(b.begun).Milliseconds()) / 1000
	}
	if e.Kind != event.Console { // these are in serial.log
		if line, err := json.Marshal(e); err == nil {
			_, _ = b.log.Write(append(line, '\n'))
		}
	}
	return e
}
