// No step waits for ever: one that makes no progress is given up.

package alma

import (
	"context"
	"fmt"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
)

// patience is how long a step may make no progress, where neither --timeout
// nor --stall-timeout is shorter: the slowest disk writes something meanwhile.
const patience = 10 * time.Minute

// StuckError is a step of ours that made no progress: a QEMU that was stopped,
// a disk or a network file system that does not answer.
type StuckError struct {
	Step  string
	After time.Duration
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("the step %s made no progress for %s", e.Step, e.After)
}

// Kind says that it took too long.
func (e *StuckError) Kind() fault.Kind { return fault.Timeout }

// Hint says where to look.
func (e *StuckError) Hint() string {
	return "see whether QEMU is stopped or the disk does not answer: ps -eo pid,stat,args; --stall-timeout and --timeout bound how long is waited"
}

// watchdog ends a step that makes no progress.
type watchdog struct {
	timer *time.Timer
	after time.Duration
	done  int64
}

// patient runs a step under a watchdog. Those that follow a guest have rules of
// their own for that: a guest may be paused for a full disk, or a host asleep.
func (b *build) patient(ctx context.Context, s step, run func(context.Context) (string, error)) (string, error) {
	if s.name == "install" || s.name == "boot test" {
		return run(ctx)
	}
	stuck := &StuckError{s.name, min(patience, b.Timeout)}
	if b.Spec.StallTimeout > 0 {
		stuck.After = min(stuck.After, b.Spec.StallTimeout)
	}
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &watchdog{time.AfterFunc(stuck.After, func() { cancel(stuck) }), stuck.After, -1}
	defer w.timer.Stop()
	b.watch(w)
	defer b.watch(nil)
	text, err := run(watched)
	if err != nil && context.Cause(watched) == error(stuck) && ctx.Err() == nil {
		err = stuck
	}
	return text, err
}

func (b *build) watch(w *watchdog) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dog = w
}

// see lets the watchdog see an event; b.mu is held.
func (w *watchdog) see(e event.Event) {
	if w != nil && e.Kind == event.Progress && e.Done != w.done {
		w.done = e.Done
		w.timer.Reset(w.after)
	}
}
