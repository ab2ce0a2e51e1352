// Package tmpdir makes temporary folders that do not outlive the program: what
// one that was killed has left, the next one removes.
package tmpdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	prefix   = "imgasm-"
	lockName = ".lock" // locked for as long as the folder is in use
)

// abandoned is the age from which a folder without a lock is nobody's: it was
// killed before it had one, or an older imgasm made it.
const abandoned = 24 * time.Hour

// New makes a folder that is ours alone in base ("": the system's place for
// them), after it has removed those of programs that were killed. remove takes
// it away.
func New(base string) (dir string, remove func(), err error) {
	if base == "" {
		base = os.TempDir()
	}
	sweep(base)
	for {
		if dir, err = os.MkdirTemp(base, prefix); err != nil {
			return "", nil, err
		}
		path := filepath.Join(dir, lockName)
		lock := flock.New(path)
		ok, err := lock.TryLock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			_ = os.RemoveAll(dir)
			return "", nil, fmt.Errorf("lock %s: %w", path, err)
		}
		// Somebody who sweeps may have come between: then it is gone, or his.
		if ok && err == nil {
			if held, err := lock.Stat(); err == nil {
				if there, err := os.Lstat(path); err == nil && os.SameFile(held, there) {
					return dir, func() {
						_ = os.RemoveAll(dir) // with the lock held: nobody else sweeps it meanwhile
						_ = lock.Close()
						_ = os.RemoveAll(dir) // where a file that is open cannot be removed
					}, nil
				}
			}
		}
		_ = lock.Close()
	}
}

// sweep removes the folders that nobody uses. What cannot be removed stays.
func sweep(base string) {
	all, err := filepath.Glob(filepath.Join(base, prefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range all {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() {
			continue
		}
		path := filepath.Join(dir, lockName)
		if there, err := os.Lstat(path); err != nil || !there.Mode().IsRegular() {
			if errors.Is(err, fs.ErrNotExist) && time.Since(info.ModTime()) > abandoned {
				_ = os.RemoveAll(dir)
			}
			continue
		}
		lock := flock.New(path, flock.SetFlag(os.O_RDWR))
		if ok, err := lock.TryLock(); ok && err == nil {
			_ = os.RemoveAll(dir)
		}
		_ = lock.Close()
	}
}
