package alma

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// A step that makes no progress is given up, whatever it waits for; one that
// makes some goes on for as long as it does.
func TestStepsAreNotWaitedForForEver(t *testing.T) {
	p, w := openPlan(t, testSpec(t, qemutest.Script{}))
	b := &build{Plan: p, ws: w, took: map[string]string{}}
	p.Spec.StallTimeout = 200 * time.Millisecond
	var err error
	b.log, err = w.create(eventsFile)
	ok(t, err)
	defer b.log.Close()
	for name, run := range map[string]func(*build, context.Context) (string, error){
		"nothing": func(_ *build, ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() },
		"a QEMU that was stopped": func(_ *build, ctx context.Context) (string, error) {
			_, err := qemu.Inspect(ctx, qemutest.Executable(t, qemutest.Script{Deaf: true, IgnoreTERM: true}))
			return "", err
		},
		"no progress": func(b *build, ctx context.Context) (string, error) {
			for ctx.Err() == nil {
				b.emit(event.Event{Kind: event.Progress, Done: 7, Total: 9})
				time.Sleep(10 * time.Millisecond)
			}
			return "", ctx.Err()
		},
	} {
		err := b.runStep(t.Context(), step{name: "qcow2", run: run})
		var stuck *StuckError
		if !errors.As(err, &stuck) || !strings.Contains(err.Error(), "the step qcow2 made no progress for 200ms") || hint(err) == "" {
			t.Errorf("%s: %v, want a StuckError", name, err)
		}
	}
	err = b.runStep(t.Context(), step{name: "qcow2", run: func(b *build, ctx context.Context) (string, error) {
		for n := range int64(50) {
			b.emit(event.Event{Kind: event.Progress, Done: n, Total: 50})
			time.Sleep(10 * time.Millisecond)
		}
		return "", ctx.Err()
	}})
	if err != nil {
		t.Errorf("a step that makes progress: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("asked to stop")
	err = b.runStep(ctx, step{name: "qcow2", run: func(_ *build, ctx context.Context) (string, error) {
		cancel(asked)
		<-ctx.Done()
		return "", context.Cause(ctx)
	}})
	if !errors.Is(err, asked) {
		t.Errorf("an interrupted step: %v", err)
	}
	if _, err := os.Stat(w.path(eventsFile)); err != nil {
		t.Error(err)
	}
}
