// Package watch follows a running guest: whoever reads a guest's channels never
// stops reading, all that is read becomes inputs for the machine that judges
// them, and its verdict is what following returns.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/console"
	"github.com/imgasm/imgasm/qemu/monitor"
)

// What happens, and who takes it.
type (
	Event = event.Event
	Sink  = event.Sink
)

// The virtio-serial ports on which a guest talks to us.
const (
	LogPort      = "org.fedoraproject.anaconda.log.0" // Anaconda looks for this name by itself
	ProgressPort = "org.imgasm.progress.0"
)

const (
	tickEvery  = 100 * time.Millisecond // what waits for a time to pass is looked at so often
	statsEvery = 5 * time.Second
	// monitorGrace is how long QEMU may live on once its monitor is closed:
	// without it nobody learns how the guest ends.
	monitorGrace = 5 * time.Second
	// enoughSpace is what must be free on a disk that was full before a guest goes
	// on: with less it would be paused again at once.
	enoughSpace = 64 << 20
)

// Options say how to follow a guest.
type Options struct {
	// What the guest does, in messages: "the installation".
	What string
	// Timeout of the whole; the host's sleep does not count.
	Timeout time.Duration
	// SpaceWait is how long the guest may stay paused because the host's disk is
	// full; Free tells the disk's free bytes, so that it goes on once there are some.
	SpaceWait time.Duration
	Free      func() (int64, error)
	// OffWait is how long the guest may take to power off when asked to.
	OffWait time.Duration
	// Keep, if set, makes the file that keeps the log of a channel: of the serial
	// console ("") or of a port.
	Keep func(port string) (*os.File, error)
	// Emit takes what happens.
	Emit Sink
}

// Guest is a virtual machine that is followed.
type Guest struct {
	VM    *qemu.VM
	Begun time.Time
	// Pending is a failure that is certain while the installer's last words are awaited.
	Pending *anaconda.Failure

	o        Options
	judge    *anaconda.Machine
	inputs   chan anaconda.Input
	channels []*channel // the serial console first
	logs     []*KeptLog
	line     int   // of the console that was shown last
	written  int64 // bytes by the guest, as told last
	// lost is closed when QEMU has closed its monitor and lives on.
	lost chan struct{}
	// broken has the panic of a goroutine that works for the guest.
	broken chan error
	// now and ticks are the clock; a test sets its own.
	now   func() time.Time
	ticks <-chan time.Time // one every tickEvery; nil: a ticker's
}

// New prepares to follow vm, which waits for its Cont, and to have it judged.
func New(vm *qemu.VM, judge *anaconda.Machine, o Options) *Guest {
	return &Guest{
		VM: vm, Begun: time.Now(), o: o, judge: judge,
		inputs: make(chan anaconda.Input, 1024), lost: make(chan struct{}), broken: make(chan error, 1), now: time.Now,
	}
}

// start starts the readers; they end with QEMU.
func (g *Guest) start(ctx context.Context) {
	reader := console.NewReader(func(r console.Record) { g.send(ctx, anaconda.Console(r)) })
	g.read("", g.VM.Serial, reader, func(bool) { reader.Flush() })
	g.port(ctx, LogPort, func(line int, text string) anaconda.What { return anaconda.Log{Line: line, Text: text} })
	g.port(ctx, ProgressPort, func(line int, text string) anaconda.What { return anaconda.Progress{Line: line, Text: text} })
	events := g.VM.Events()
	go guard.Func(func() { g.qmp(ctx, events) }, g.fail)()
	go guard.Func(func() { g.stats(ctx) }, g.fail)()
}

func (g *Guest) port(ctx context.Context, name string, what func(int, string) anaconda.What) {
	conn := g.VM.Port(name)
	if conn == nil {
		return
	}
	lines := &lineSplitter{emit: func(line int, text string) { g.send(ctx, what(line, text)) }}
	g.read(name, conn, lines, func(last bool) {
		if last { // the guest is down, or its verdict is due: a line without an end is whole
			_ = lines.Close()
		}
	})
}

// read begins to read a channel, and to keep what comes on it.
func (g *Guest) read(port string, conn net.Conn, to io.Writer, flush func(last bool)) {
	if g.o.Keep != nil {
		file, err := g.o.Keep(port)
		if err != nil {
			g.o.Emit(event.Event{Kind: event.Warning, Text: "what the guest says cannot be kept: " + err.Error()})
		} else {
			log := NewKeptLog(file)
			g.logs = append(g.logs, log)
			to = io.MultiWriter(log, to)
		}
	}
	g.channels = append(g.channels, readChannel(conn, func(p []byte) { _, _ = to.Write(p) }, flush, g.fail))
}

// FinishLogs completes the kept logs. What the guest says from now on is not in
// them.
func (g *Guest) FinishLogs() error {
	var failed error
	for _, log := range g.logs {
		failed = errors.Join(failed, log.Finish())
	}
	return failed
}

// fail ends the following by a panic, the first of them.
func (g *Guest) fail(err error) {
	select {
	case g.broken <- err:
	default:
	}
}

// send hands an observation to the loop.
func (g *Guest) send(ctx context.Context, what anaconda.What) {
	in := anaconda.Input{At: g.now().Sub(g.Begun), What: what}
	select {
	case g.inputs <- in:
	case <-ctx.Done(): // the loop has ended: drop, but go on reading
	}
}

// qmp passes QEMU's events on and, at the very end, QEMU's own end.
func (g *Guest) qmp(ctx context.Context, events *monitor.Subscription) {
	for e := range events.C() {
		if e.Event == "SHUTDOWN" || e.Event == "GUEST_PANICKED" {
			// The guest's last words are on their way through other sockets.
			settle(5*time.Second, g.channels...)
		}
		g.send(ctx, anaconda.QMP{Name: e.Event, Data: e.Data})
	}
	// A QEMU that ends closes its monitor first.
	select {
	case <-g.VM.Done():
	case <-ctx.Done():
		return
	case <-time.After(monitorGrace):
		close(g.lost)
		return
	}
	settle(5*time.Second, g.channels...)
	exit := anaconda.Exit{Stderr: g.VM.Stderr()}
	var failed *proc.Error
	if errors.As(g.VM.Wait(), &failed) {
		exit.Code = failed.Code
		exit.Signal = signalName(failed)
	}
	g.send(ctx, exit)
}

// signalName is the signal that ended QEMU, or "".
func signalName(e *proc.Error) string {
	var status *exec.ExitError
	if errors.As(e, &status) && status.ExitCode() < 0 {
		return strings.TrimPrefix(status.Error(), "signal: ")
	}
	return ""
}

// stats reports how much the guest has written, for as long as QEMU answers.
func (g *Guest) stats(ctx context.Context) {
	ticker := time.NewTicker(statsEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.VM.Done():
			return
		case <-ticker.C:
		}
		stats, err := g.VM.BlockStats(ctx)
		if err != nil {
			continue // QEMU's end is told by other means
		}
		var sum anaconda.Blocks
		for _, s := range stats {
			sum.WrittenBytes += s.WriteBytes
			sum.ReadBytes += s.ReadBytes
		}
		g.send(ctx, sum)
	}
}

// Follow lets the guest run until there is a verdict, and gives record, if it is
// not nil, every line of its console. It returns the failure, nil on success, or
// the error that ended the following: the context's, or one of class ErrTimeout
// or ErrHost.
func (g *Guest) Follow(parent context.Context, record func(console.Record)) (*anaconda.Failure, error) {
	ctx, stop := context.WithCancel(parent)
	defer stop()
	g.start(ctx)
	if err := g.begin(ctx); err != nil && parent.Err() == nil {
		return nil, err
	}
	ticks := g.ticks
	if ticks == nil {
		ticker := time.NewTicker(tickEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	var full <-chan time.Time // fires when a full host disk has been waited for long enough
	clock := newSuspendClock(g.Begun)
	for {
		var in anaconda.Input
		select {
		case in = <-g.inputs:
		case now := <-ticks:
			in = anaconda.Input{At: now.Sub(g.Begun), What: anaconda.Tick{}}
			if slept := clock.slept(now); slept > 0 {
				in.What = anaconda.Suspended{For: slept}
			}
			if clock.awake >= g.o.Timeout {
				return nil, g.timedOut()
			}
			if full != nil {
				g.goOn(ctx)
			}
		case <-full:
			return nil, g.diskFull()
		case <-g.lost:
			return nil, errLost
		case err := <-g.broken:
			return nil, err
		case <-parent.Done():
			return nil, context.Cause(parent)
		}
		g.show(in, record)
		if q, ok := in.What.(anaconda.QMP); ok && q.Name == "RESUME" {
			full = nil
		}
		out := g.judge.Step(in)
		if full == nil && out.Do == anaconda.WaitForSpace {
			full = time.After(g.o.SpaceWait)
		}
		g.obey(ctx, out)
		switch out.Verdict {
		case anaconda.Succeeded:
			return nil, nil
		case anaconda.Failed:
			g.lastWords()
			return g.judge.Failure(), nil
		}
	}
}

// begin lets the guest run. QEMU may have died already: then its end tells more
// than the monitor does.
func (g *Guest) begin(ctx context.Context) error {
	err := g.VM.Cont(ctx)
	if err == nil {
		return nil
	}
	select {
	case <-g.VM.Done():
		return nil
	case <-time.After(time.Second):
		return fmt.Errorf("start the guest: %w", err)
	}
}

// obey does what the judge wants done, and tells what it has to tell.
func (g *Guest) obey(ctx context.Context, out anaconda.Output) {
	for _, e := range out.Events {
		if e.Kind == event.Phase { // it may have been seen on another channel
			e.Line = g.line
		}
		g.o.Emit(e)
	}
	if out.Pending != nil {
		g.Pending = out.Pending
	}
	if out.Do != anaconda.PowerDown {
		return
	}
	if err := g.VM.PowerButton(ctx); err != nil {
		g.o.Emit(event.Event{Kind: event.Warning, Text: "the guest could not be asked to power off: " + err.Error()})
	}
}

// show passes on a line of the console, or how much the guest has written.
func (g *Guest) show(in anaconda.Input, record func(console.Record)) {
	switch r := in.What.(type) {
	case anaconda.Console:
		if record != nil {
			record(console.Record(r))
		}
		g.line = r.Line
		if !r.Partial { // a prompt comes again when its line has ended
			g.o.Emit(event.Event{Kind: event.Console, Text: r.Text, Line: r.Line})
		}
	case anaconda.Blocks:
		if r.WrittenBytes > g.written {
			g.written = r.WrittenBytes
			g.o.Emit(event.Event{Kind: event.Written, Done: r.WrittenBytes, Unit: "B"})
		}
	}
}

// goOn lets a guest run that was paused for a full disk, if there is space. If
// the disk is full again, we are told again.
func (g *Guest) goOn(ctx context.Context) {
	if free, err := g.o.Free(); err == nil && free >= enoughSpace {
		_ = g.VM.Cont(ctx)
	}
}

// lastWords lets the machine see what the guest had sent by the time it failed:
// the installer's logs may be on their way through another channel.
func (g *Guest) lastWords() {
	read := make(chan struct{})
	go guard.Func(func() {
		defer close(read)
		g.Settle(time.Second)
	}, g.fail)()
	for {
		select {
		case in := <-g.inputs:
			g.judge.Step(in)
		case <-read:
			for n := len(g.inputs); n > 0; n-- { // a guest that goes on talking is not waited for
				g.judge.Step(<-g.inputs)
			}
			return
		}
	}
}

// Settle waits until all that the guest has said by now has been read, or most has passed.
func (g *Guest) Settle(most time.Duration) { settle(most, g.channels...) }

// Alive reports whether QEMU runs.
func (g *Guest) Alive() bool {
	select {
	case <-g.VM.Done():
		return false
	default:
		return true
	}
}

// PowerOff asks the guest to power off and reports whether it did, in time.
func (g *Guest) PowerOff(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, g.o.OffWait)
	defer cancel()
	down := g.VM.Events("SHUTDOWN")
	defer down.Close()
	if err := g.VM.PowerButton(ctx); err != nil {
		return false
	}
	select {
	case <-down.C():
		return true
	case <-g.VM.Done():
		return true
	case <-ctx.Done():
		g.o.Emit(event.Event{Kind: event.Note, Text: fmt.Sprintf("the image did not power off within %s of being asked to; it was switched off", g.o.OffWait)})
		return false
	}
}
