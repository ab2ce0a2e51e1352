// No step waits for ever: one that makes no progress is given up.

package assemble

import (
	"context"
	"errors"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// patience is the longest that a step may make no progress: the slowest disk
// writes something meanwhile.
const patience = 10 * time.Minute

// watchdog ends a step that makes no progress.
type watchdog struct {
	timer *time.Timer
	after time.Duration
	done  int64
}

// patiently runs a step under a watchdog.
func (j *Job) patiently(ctx context.Context, s Step) (string, error) {
	after := patience
	if j.Patience > 0 {
		after = min(after, j.Patience)
	}
	givenUp := stuck(s.Name, after)
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w := &watchdog{time.AfterFunc(after, func() { cancel(givenUp) }), after, -1}
	defer w.timer.Stop()
	j.watch(w)
	defer j.watch(nil)
	text, err := s.Run(watched, j)
	if err != nil && errors.Is(context.Cause(watched), givenUp) && ctx.Err() == nil {
		err = givenUp
	}
	return text, err
}

func (j *Job) watch(w *watchdog) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.dog = w
}

// see lets the watchdog see an event; the job's mu is held.
func (w *watchdog) see(e event.Event) {
	if w != nil && e.Kind == event.Progress && e.Done != w.done {
		w.done = e.Done
		w.timer.Reset(w.after)
	}
}
