package instance

// What a guest says on its console, kept within bounds however long it runs.

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// maxLog is the size, in bytes, at which a log becomes the older one, which is
// replaced: the last 4 to 8 MiB are kept.
const maxLog = 4 << 20

// greetingBytes is how much of what was said before whoever connects to the
// console is shown: some screens.
const greetingBytes = 4 << 10

func olderLog(dir string) string { return filepath.Join(dir, consoleFile+".1") }

// consoleLog keeps what a guest says. A log that cannot be written is no reason
// to end the guest: Write never fails.
type consoleLog struct {
	dir  string
	file *os.File
	n    int
	tail *proc.Tail
}

func newConsoleLog(dir string) (*consoleLog, error) {
	l := &consoleLog{dir: dir, tail: proc.NewTail(greetingBytes)}
	return l, l.open()
}

func (l *consoleLog) open() (err error) {
	l.n = 0
	l.file, err = os.OpenFile(filepath.Join(l.dir, consoleFile), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	return err
}

// Write is called by one goroutine at a time.
func (l *consoleLog) Write(p []byte) (int, error) {
	_, _ = l.tail.Write(p)
	if l.n > maxLog {
		l.close()
		if publish.Rename(filepath.Join(l.dir, consoleFile), olderLog(l.dir)) != nil || l.open() != nil {
			l.file, l.n = nil, 0 // not again for a while
		}
	}
	l.n += len(p)
	if l.file != nil {
		_, _ = l.file.Write(p)
	}
	return len(p), nil
}

func (l *consoleLog) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}

// logPoll is how often a log that is followed is looked at.
const logPoll = 100 * time.Millisecond

// Log writes what the guest has said on its console, as far as it is kept; with
// follow, also what it says from now on, until the machine ends or ctx does. The
// error is w's, that of the file system, or ctx's cause.
func (i *Instance) Log(ctx context.Context, w io.Writer, follow bool) error {
	if err := copyLog(olderLog(i.Dir), w); err != nil {
		return err
	}
	path := filepath.Join(i.Dir, consoleFile)
	f, err := smallfile.Open(path)
	if err != nil {
		return err
	}
	defer func() { f.Close() }()
	for {
		alive := i.alive() // looked at first: what it says before its end is read
		if _, err := io.Copy(w, f); err != nil || !follow || !alive {
			return err
		}
		if newer, err := smallfile.Open(path); err == nil {
			before, err1 := f.Stat()
			after, err2 := newer.Stat()
			if err1 == nil && err2 == nil && !os.SameFile(before, after) {
				_, err := io.Copy(w, f) // what came until it was put away
				f.Close()
				f = newer
				if err != nil {
					return err
				}
				continue
			}
			newer.Close()
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(logPoll):
		}
	}
}

func copyLog(path string, w io.Writer) error {
	f, err := smallfile.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}
