// Package verify boots copies of a disk image and checks what a user of it relies
// on: that it comes up, says so on the serial console, lets somebody in by ssh,
// grows with its disk, keeps time, and shares no identity with its twin. The
// image itself stays as it is: each machine writes to an overlay, and learns who
// may log in from a NoCloud seed.
//
// What an image cannot answer is skipped, with the reason, and never passed.
package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
)

// Classes of errors.
var (
	ErrFailed = fault.Class(fault.Guest, "the image failed its verification")
	// ErrOption is an option that makes no sense.
	ErrOption = fault.Class(fault.Input, "cannot be verified so")
)

// Sink takes what happens.
type Sink = event.Sink

// Login is an account of the image that its user knows.
type Login struct {
	Name     string
	Password string
	Key      string // a private key without a passphrase, in a format of OpenSSH or PEM
}

// Options say what is verified, and on what. Image, Machine and Dir are needed.
type Options struct {
	Image   *machine.Image
	Machine *machine.Machine
	// Inside is what the image's files say; nil: they cannot be read, because of Unread.
	Inside *machine.Inside
	Unread error
	// Dir is a folder of ours: overlays, seeds, firmware, and what is kept of a
	// failure, or with Keep in any case: see Report.Kept.
	Dir string

	// Login is an account that the checks may use where the seed's is not made.
	Login Login
	// Account proves that somebody can log in to an image that reads no seed; nothing
	// further is asked by it.
	Account Login
	Skip    map[string]string // why checks are not made, by name
	Own     []Check           // the user's
	// Decides says whether the image fails if a check does, of a machine whose ssh
	// server has answered or not; nil: it always does. Others are told as warnings.
	Decides func(check string, answered bool) bool
	// Twin boots a second machine at the same time: what two must not share is
	// looked at then only.
	Twin bool
	// Keep has what is kept of a failure kept of a success too.
	Keep bool
	// Timeout of the whole; 0: 20 minutes, emulated 1 hour.
	Timeout time.Duration
	// Grace is how long one sign of life may come after another, and half of how long
	// a question may take; 0: 1 minute, emulated 5 minutes.
	Grace time.Duration
	// Field is how advice calls a field of what was asked for; nil: as it is.
	Field func(string) string
	Emit  Sink // nil: nobody
	// Failed, if set, is called when a check has failed, or something else ends the
	// verification, before the machines end. g is the first of them.
	Failed func(ctx context.Context, g *watch.Guest, r *Report, err error)
}

// GrowBytes is by how much the machines' disks are larger than the image's.
const GrowBytes = 10 << 30

// Run verifies an image. A check that fails is no error: see Report.Err. With an
// error the report, where it is not nil, says how far it came.
//
// Errors: ErrOption; those of packages machine, watch and qemu, and of the file
// system; the context's cause.
func Run(ctx context.Context, o Options) (*Report, error) {
	r, err := newRun(o)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	begun := time.Now()
	defer r.close()
	for i := range r.report.Machines {
		c, err := r.boot(ctx, i+1)
		if err != nil {
			return nil, err
		}
		r.clones = append(r.clones, c)
	}
	for _, c := range r.checks() {
		res, err := r.check(ctx, c)
		if err = cmp.Or(err, r.stopped(ctx)); err != nil {
			r.fail(ctx, err)
			return r.report, err
		}
		r.report.Results = append(r.report.Results, res)
	}
	r.report.Seconds = time.Since(begun).Seconds()
	if err := r.report.Err(); err != nil {
		r.fail(ctx, err)
	} else {
		if r.Keep {
			r.keep(ctx)
		}
		r.powerOff(ctx)
		r.report.Seconds = time.Since(begun).Seconds()
	}
	return r.report, r.stopped(ctx)
}

// run is a verification that runs.
type run struct {
	Options
	key      seedKey
	accounts []account
	clones   []*clone
	report   *Report
	asked    atomic.Bool // an ssh server has asked for a password
}

func newRun(o Options) (*run, error) {
	emulated := o.Machine.Accel.Emulated()
	if o.Timeout == 0 {
		if o.Timeout = 20 * time.Minute; emulated {
			o.Timeout = time.Hour
		}
	}
	if o.Grace == 0 {
		if o.Grace = time.Minute; emulated {
			o.Grace = 5 * time.Minute
		}
	}
	if o.Emit == nil {
		o.Emit = func(event.Event) {}
	}
	r := &run{Options: o, report: &Report{
		Image: o.Image.Path, Arch: o.Image.Arch, Firmware: "BIOS", Accel: o.Machine.Accel.Accel, QEMU: o.Machine.QEMU.Version.String(), Machines: 1,
	}}
	if o.Twin {
		r.report.Machines = 2
	}
	if o.Machine.Firmware != nil {
		r.report.Firmware = "UEFI"
	}
	if o.Inside != nil {
		r.report.System = o.Inside.Name()
	}
	names := Names()
	for _, c := range o.Own {
		if slices.Contains(names, c.Name) {
			return nil, &fault.Error{Class: ErrOption, Field: "Check", Err: fmt.Errorf("two checks have the name %q", c.Name), Do: "give each a name of its own"}
		}
		names = append(names, c.Name)
	}
	for name := range o.Skip {
		if !slices.Contains(names, name) {
			return nil, &fault.Error{Class: ErrOption, Field: "Skip", Err: fmt.Errorf("there is no check %q: %s", name, strings.Join(names, ", ")), Do: "give one of them, such as {Skip} " + names[0]}
		}
	}
	var err error
	if r.key, err = newKey(); err != nil {
		return nil, err
	}
	r.accounts, err = r.findAccounts()
	return r, err
}

// check runs one check, or says why it does not.
func (r *run) check(ctx context.Context, c check) (Result, error) {
	res := Result{Name: c.name, Text: c.text}
	begun := time.Now()
	r.Emit(event.Event{Kind: event.StepStart, Step: c.name, Text: c.text})
	var v verdict
	switch why := r.unanswered(c); {
	case why != "":
		v = skipped("%s", why)
	default:
		if err := guard.Call(func() error { v = c.run(ctx, r); return nil }); err != nil {
			return res, err
		}
	}
	if ctx.Err() != nil { // which says nothing of the image
		return res, context.Cause(ctx)
	}
	if r.Field != nil {
		v.why = fault.Fill(v.why, r.Field)
	}
	res.Status, res.Why, res.Said = v.status, v.why, v.said
	if first := r.clones[0]; r.Decides != nil && v.status == Failed {
		res.Warning = !r.Decides(c.name, is(first.banner))
	}
	res.Seconds = time.Since(begun).Seconds()
	e := event.Event{Kind: event.StepDone, Step: c.name, Text: v.why, Elapsed: res.Seconds}
	switch v.status {
	case Skipped:
		e.Kind = event.StepSkip
	case Failed:
		e.Kind, e.Text = event.Warning, c.name+" failed: "+v.why // the guest's words come with the report
	}
	r.Emit(e)
	return res, nil
}

// unanswered says why a check is not made; "": it is.
func (r *run) unanswered(c check) string {
	first := r.clones[0]
	switch {
	case r.Skip[c.name] != "":
		return r.Skip[c.name]
	case c.needs == ofFiles && r.Inside == nil:
		return "the image's files cannot be read: " + fmt.Sprint(r.Unread)
	case c.needs == ofFiles:
		return ""
	case c.needs > ofMachine && first.down():
		return "the machine has ended"
	case c.needs > ofMachine && is(first.locked) && !is(first.prompted) && !is(first.banner):
		return "the machine waits for the passphrase of its disk"
	case c.needs >= ofTwins && len(r.clones) < 2:
		return "one machine was booted, and this takes two: imgasm verify " + r.Image.Path
	case c.needs >= ofTwins && r.clones[1].down():
		return "the second machine has ended: " + r.clones[1].fate()
	case c.needs == ofLogin || c.needs == ofTwinLogins:
		return first.mute()
	}
	return ""
}

// stopped is the error that ends the verification, other than by a check.
func (r *run) stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, c := range r.clones {
		select {
		case <-c.ended:
			if c.err != nil {
				return c.err
			}
		default:
		}
	}
	return nil
}

// fail has what is known of a failure kept, while the machines live.
func (r *run) fail(ctx context.Context, err error) {
	first := r.clones[0]
	if first.down() {
		r.report.Failure = first.failure
	}
	r.report.Proof = first.proof()
	r.keep(ctx)
	if r.Failed != nil {
		r.Failed(ctx, first.guest, r.report, err)
	}
}

// powerOff asks the machines to power off.
func (r *run) powerOff(ctx context.Context) {
	off := make(chan bool, len(r.clones))
	for _, c := range r.clones {
		go guard.Func(func() { off <- c.guest.PowerOff(ctx) }, func(error) { off <- false })()
	}
	down := true
	for range r.clones {
		down = <-off && down
	}
	if r.report.Proof = r.clones[0].proof(); r.report.Proof != nil {
		r.report.Proof.Off = down
	}
}

func (r *run) close() {
	for _, c := range r.clones {
		c.close()
	}
}
