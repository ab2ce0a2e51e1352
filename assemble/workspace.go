// The working folder of a build: beside the output, so that publishing is a
// rename, and locked, so that two builds never write to one output.

package assemble

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// workspace is a build's own folder, ".NAME.imgasm" beside the output NAME.
// What an earlier build left there when it was killed is removed on opening.
type workspace struct {
	dir  string
	lock *flock.Flock
}

// lockFile is locked for as long as a build runs in the folder.
const lockFile = "lock"

// touch makes sure that a file exists, and returns what it is.
func touch(path string) (os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Stat()
}

// BusyError is an output that another build is writing.
type BusyError struct{ Out string }

func (e *BusyError) Error() string { return e.Out + ": another build is writing this output" }
func (e *BusyError) Hint() string {
	return "wait for it to end (one that holds a guest for imgasm console ends with Ctrl-C), or give this build another name with --out"
}

// openWorkspace makes and locks the working folder of out.
func openWorkspace(out string) (*workspace, error) {
	dir := workDir(out)
	for {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		path := filepath.Join(dir, lockFile)
		before, err := touch(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the build before us has just removed its folder
		}
		if err != nil {
			return nil, err
		}
		lock := flock.New(path)
		locked, err := lock.TryLock()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !locked {
			return nil, &BusyError{out}
		}
		// The file may have been removed between being opened and being
		// locked: then we hold a lock that nobody else will ever see.
		if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
			_ = lock.Close()
			continue
		}
		w := &workspace{dir: dir, lock: lock}
		if err := w.sweep(); err != nil {
			w.close(true)
			return nil, err
		}
		return w, nil
	}
}

// sweep removes everything but the lock.
func (w *workspace) sweep() error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(w.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// path names a file in the folder.
func (w *workspace) path(name string) string { return filepath.Join(w.dir, name) }

// close releases the lock; unless keep, the folder goes away.
func (w *workspace) close(keep bool) {
	if !keep {
		// The lock file goes last and while we hold it, so that a build which
		// comes in between finds either our lock or no folder.
		_ = w.sweep()
		_ = os.Remove(w.path(lockFile))
		_ = os.Remove(w.dir)
	}
	_ = w.lock.Close()
}
