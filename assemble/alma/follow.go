// Following an installation: every channel of a running guest becomes inputs
// of the anaconda machine, and its verdict becomes the step's result.

package alma

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

// The virtio-serial ports on which the guest talks to us.
const (
	logPort      = "org.fedoraproject.anaconda.log.0" // Anaconda looks for this name by itself
	progressPort = "org.imgasm.progress.0"
)

const (
	tickEvery  = 100 * time.Millisecond // what waits for a time to pass is looked at so often
	statsEvery = 5 * time.Second
	// monitorGrace is how long QEMU may live on once its monitor is closed:
	// without it nobody learns how the guest ends.
	monitorGrace = 5 * time.Second
)

// follower follows one virtual machine.
type follower struct {
	vm      *qemu.VM
	machine *anaconda.Machine
	emit    func(event.Event)
	begun   time.Time
	inputs  chan anaconda.Input

	channels []*channel
	// keep, if set, makes the file that keeps the log of a channel: of the serial
	// console ("") or of a port.
	keep func(port string) (*os.File, error)
	logs []*keptLog
	// record, if set, sees every console record too.
	record func(console.Record)
	// pending is a failure that is certain while the installer's last words are awaited.
	pending *anaconda.Failure
	// lost is closed when QEMU has closed its monitor and lives on.
	lost chan struct{}
	// broken has the panic of a goroutine that works for the follower.
	broken chan error
	// now and ticks are the clock; a test sets its own.
	now   func() time.Time
	ticks <-chan time.Time // one every tickEvery; nil: a ticker's
}

// followOptions say for how long to follow.
type followOptions struct {
	what    string        // "the installation"
	timeout time.Duration // of the whole
	// spaceWait is how long a guest may stay paused because the host's disk is
	// full; free tells the disk's free bytes, so that it goes on once there are some.
	spaceWait time.Duration
	free      func() (int64, error)
}

// enoughSpace is what must be free on a disk that was full before a guest goes
// on: with less it would be paused again at once.
const enoughSpace = 64 << 20

// newFollower begins to read all channels of vm. The guest may then run.
func newFollower(vm *qemu.VM, machine *anaconda.Machine, emit func(event.Event)) *follower {
	return &follower{
		vm: vm, machine: machine, emit: emit, begun: time.Now(), now: time.Now,
		inputs: make(chan anaconda.Input, 1024), lost: make(chan struct{}), broken: make(chan error, 1),
	}
}

// start starts the readers; they end with QEMU.
func (f *follower) start(ctx context.Context) {
	reader := console.NewReader(func(r console.Record) { f.send(ctx, anaconda.Console(r)) })
	f.read("", f.vm.Serial, reader, func(bool) { reader.Flush() })
	f.port(ctx, logPort, func(line int, text string) anaconda.What { return anaconda.Log{Line: line, Text: text} })
	f.port(ctx, progressPort, func(line int, text string) anaconda.What { return anaconda.Progress{Line: line, Text: text} })
	events := f.vm.Events()
	go guard.Func(func() { f.qmp(ctx, events) }, f.fail)()
	go guard.Func(func() { f.stats(ctx) }, f.fail)()
}

func (f *follower) port(ctx context.Context, name string, what func(int, string) anaconda.What) {
	conn := f.vm.Port(name)
	if conn == nil {
		return
	}
	lines := &lineSplitter{emit: func(line int, text string) { f.send(ctx, what(line, text)) }}
	f.read(name, conn, lines, func(last bool) {
		if last { // the guest is down, or its verdict is due: a line without an end is whole
			_ = lines.Close()
		}
	})
}

// read begins to read a channel, and to keep what comes on it.
func (f *follower) read(port string, conn net.Conn, to io.Writer, flush func(last bool)) {
	if f.keep != nil {
		file, err := f.keep(port)
		if err != nil {
			f.emit(event.Event{Kind: event.Warning, Text: "what the guest says cannot be kept: " + err.Error()})
		} else {
			log := newKeptLog(file)
			f.logs = append(f.logs, log)
			to = io.MultiWriter(log, to)
		}
	}
	f.channels = append(f.channels, readChannel(conn, func(p []byte) { _, _ = to.Write(p) }, flush, f.fail))
}

// finishLogs completes the kept logs. What the guest says from now on is not in
// them.
func (f *follower) finishLogs() error {
	var failed error
	for _, log := range f.logs {
		failed = errors.Join(failed, log.finish())
	}
	return failed
}

// fail ends the following by a panic, the first of them.
func (f *follower) fail(err error) {
	select {
	case f.broken <- err:
	default:
	}
}

// send hands an observation to the loop.
func (f *follower) send(ctx context.Context, what anaconda.What) {
	in := anaconda.Input{At: f.now().Sub(f.begun), What: what}
	select {
	case f.inputs <- in:
	case <-ctx.Done(): // the loop has ended: drop, but go on reading
	}
}

// qmp passes QEMU's events on and, at the very end, QEMU's own end.
func (f *follower) qmp(ctx context.Context, events *monitor.Subscription) {
	for e := range events.C() {
		if e.Event == "SHUTDOWN" || e.Event == "GUEST_PANICKED" {
			// The guest's last words are on their way through other sockets.
			settle(5*time.Second, f.channels...)
		}
		f.send(ctx, anaconda.QMP{Name: e.Event, Data: e.Data})
	}
	// A QEMU that ends closes its monitor first.
	select {
	case <-f.vm.Done():
	case <-ctx.Done():
		return
	case <-time.After(monitorGrace):
		close(f.lost)
		return
	}
	settle(5*time.Second, f.channels...)
	exit := anaconda.Exit{Stderr: f.vm.Stderr()}
	var failed *proc.Error
	if errors.As(f.vm.Wait(), &failed) {
		exit.Code = failed.Code
		exit.Signal = signalName(failed)
	}
	f.send(ctx, exit)
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
func (f *follower) stats(ctx context.Context) {
	ticker := time.NewTicker(statsEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.vm.Done():
			return
		case <-ticker.C:
		}
		stats, err := f.vm.BlockStats(ctx)
		if err != nil {
			continue // QEMU's end is told by other means
		}
		var sum anaconda.Blocks
		for _, s := range stats {
			sum.WrittenBytes += s.WriteBytes
			sum.ReadBytes += s.ReadBytes
		}
		f.send(ctx, sum)
	}
}

// follow lets the guest run until the machine has a verdict. It returns the
// machine's failure, nil on success, or the error that ended the following:
// the context's, or a *TimeoutError after timeout.
func (f *follower) follow(parent context.Context, o followOptions) (*anaconda.Failure, error) {
	ctx, stop := context.WithCancel(parent)
	defer stop()
	f.start(ctx)
	if err := f.vm.Cont(ctx); err != nil && parent.Err() == nil {
		// QEMU may have died already: then its end tells more than the monitor does.
		select {
		case <-f.vm.Done():
		case <-time.After(time.Second):
			return nil, fmt.Errorf("start the guest: %w", err)
		}
	}
	ticks := f.ticks
	if ticks == nil {
		ticker := time.NewTicker(tickEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	var space <-chan time.Time // fires when a full host disk has been waited for long enough
	clock := newSuspendClock(f.begun)
	for {
		var in anaconda.Input
		select {
		case in = <-f.inputs:
		case now := <-ticks:
			in = anaconda.Input{At: now.Sub(f.begun), What: anaconda.Tick{}}
			if slept := clock.slept(now); slept > 0 {
				in.What = anaconda.Suspended{For: slept}
			}
			if clock.awake >= o.timeout {
				return nil, &TimeoutError{What: o.what, After: o.timeout}
			}
			if space != nil {
				if free, err := o.free(); err == nil && free >= enoughSpace {
					_ = f.vm.Cont(ctx) // if the disk is full again, we are told again
				}
			}
		case <-space:
			return nil, &HostError{
				Err: errors.New("the host's disk is full, and the guest has been paused for it for " + o.spaceWait.String()),
				Do:  "free space beside the output, or give --out on another disk; --enospc-wait waits longer",
			}
		case <-f.lost:
			return nil, &HostError{
				Err: errors.New("QEMU has closed its monitor and runs on: what becomes of the guest cannot be told"),
				Do:  "try again; if it happens again, look at what QEMU said in the kept qemu.txt",
			}
		case err := <-f.broken:
			return nil, err
		case <-parent.Done():
			return nil, context.Cause(parent)
		}
		if r, ok := in.What.(anaconda.Console); ok {
			if f.record != nil {
				f.record(console.Record(r))
			}
			if !r.Partial { // a prompt comes again when its line has ended
				f.emit(event.Event{Kind: event.Console, Text: r.Text, Line: r.Line})
			}
		}
		if q, ok := in.What.(anaconda.QMP); ok && q.Name == "RESUME" {
			space = nil
		}
		out := f.machine.Step(in)
		for _, e := range out.Events {
			f.emit(e)
		}
		if out.Pending != nil {
			f.pending = out.Pending
		}
		switch out.Do {
		case anaconda.PowerDown:
			if err := f.vm.Monitor.Do(ctx, "system_powerdown", nil, nil); err != nil {
				f.emit(event.Event{Kind: event.Warning, Text: "the guest could not be asked to power off: " + err.Error()})
			}
		case anaconda.WaitForSpace:
			if space == nil {
				space = time.After(o.spaceWait)
			}
		}
		switch out.Verdict {
		case anaconda.Succeeded:
			return nil, nil
		case anaconda.Failed:
			f.lastWords()
			return f.machine.Failure(), nil
		}
	}
}

// lastWords lets the machine see what the guest had sent by the time it failed:
// the installer's logs may be on their way through another channel.
func (f *follower) lastWords() {
	read := make(chan struct{})
	go guard.Func(func() {
		defer close(read)
		settle(time.Second, f.channels...)
	}, f.fail)()
	for {
		select {
		case in := <-f.inputs:
			f.machine.Step(in)
		case <-read:
			for n := len(f.inputs); n > 0; n-- { // a guest that goes on talking is not waited for
				f.machine.Step(<-f.inputs)
			}
			return
		}
	}
}

// sleepGap is a gap between two ticks that no busy host makes.
const sleepGap = 10 * time.Second

// suspendClock notices that the host slept: the wall clock then runs ahead of
// the monotonic one, or ticks stay away. It is fed with the time of every tick.
type suspendClock struct {
	last  time.Time
	awake time.Duration // since the beginning, without the sleep
}

func newSuspendClock(now time.Time) *suspendClock { return &suspendClock{last: now} }

// slept is how long the host slept since the last call, 0 if it did not. A wall
// clock that is set back is no sleep.
func (c *suspendClock) slept(now time.Time) time.Duration {
	wall := now.Round(0).Sub(c.last.Round(0)) // Round strips the monotonic reading
	gap := max(wall, now.Sub(c.last))
	c.last = now
	if gap > sleepGap {
		c.awake += tickEvery
		return gap
	}
	c.awake += max(gap, 0)
	return 0
}
