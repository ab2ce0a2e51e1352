// One download at a time: a lock that other processes see.

package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/event"
)

// withLock runs do while holding the entry's lock. While another process
// holds it, that one's progress is told as if it were ours. Lock files are
// never removed: one that is deleted while somebody waits for it would let
// two in.
func (f *Fetcher) withLock(ctx context.Context, e entry, wantSize int64, do func() error) error {
	if err := os.MkdirAll(filepath.Dir(e.lock()), 0o755); err != nil {
		return err
	}
	l := flock.New(e.lock())
	ok, err := l.TryLock()
	if err != nil {
		return fmt.Errorf("lock %s: %w", e.lock(), err)
	}
	if !ok {
		f.note("another imgasm is downloading " + e.name + "; waiting for it")
		if err := f.await(ctx, l, e, wantSize); err != nil {
			return err
		}
	}
	defer l.Unlock()
	if err := os.MkdirAll(e.dir, 0o755); err != nil {
		return err
	}
	return do()
}

func (f *Fetcher) await(ctx context.Context, l *flock.Flock, e entry, wantSize int64) error {
	for {
		wait, stop := context.WithTimeout(ctx, time.Second)
		ok, err := l.TryLockContext(wait, 200*time.Millisecond)
		stop()
		switch {
		case ok:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && wait.Err() == nil:
			return fmt.Errorf("lock %s: %w", e.lock(), err)
		}
		if st, err := os.Stat(e.part()); err == nil {
			f.progress(event.Event{Text: e.name + ", by another imgasm", Done: st.Size(), Total: wantSize})
		}
	}
}
