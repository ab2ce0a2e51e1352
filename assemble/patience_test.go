package assemble

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

func TestMain(m *testing.M) {
	qemutest.Main()
	os.Exit(m.Run())
}

// A step that makes no progress is given up, whatever it waits for; one that
// makes some goes on for as long as it does.
func TestStepsAreNotWaitedForForEver(t *testing.T) {
	run := func(ctx context.Context, do func(context.Context, *Job) error) error {
		b := toy(t, func(ctx context.Context, j *Job) (string, error) { return "", do(ctx, j) })
		b.Patience = time.Second
		_, err := b.Run(ctx, nil)
		return err
	}
	for name, do := range map[string]func(context.Context, *Job) error{
		"nothing": func(ctx context.Context, _ *Job) error { <-ctx.Done(); return ctx.Err() },
		"a QEMU that was stopped": func(ctx context.Context, _ *Job) error {
			_, err := qemu.Inspect(ctx, qemutest.Executable(t, qemutest.Script{Deaf: true, IgnoreTERM: true}))
			return err
		},
		"no progress": func(ctx context.Context, j *Job) error {
			for ctx.Err() == nil {
				j.Progress(7, 9)
				time.Sleep(10 * time.Millisecond)
			}
			return ctx.Err()
		},
	} {
		err := run(t.Context(), do)
		if !errors.Is(err, ErrStuck) || !strings.Contains(err.Error(), "the step make made no progress for 1s") || Hint(err) == "" {
			t.Errorf("%s: %v, want ErrStuck", name, err)
		}
	}
	err := run(t.Context(), func(ctx context.Context, j *Job) error {
		for n := range int64(150) {
			j.Emit(event.Event{Kind: event.Progress, Done: n, Total: 150})
			time.Sleep(10 * time.Millisecond)
		}
		return ctx.Err()
	})
	if err != nil {
		t.Errorf("a step that makes progress: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("asked to stop")
	err = run(ctx, func(ctx context.Context, _ *Job) error {
		cancel(asked)
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(err, asked) {
		t.Errorf("an interrupted step: %v", err)
	}
}
