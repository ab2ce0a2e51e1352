// Package tmpdir makes temporary folders that do not outlive the program: what
// one that was killed has left, the next one removes that makes one in the same
// place. A folder in use is known by a lock, which the system forgets when the
// program dies.
package tmpdir

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"

	"github.com/gofrs/flock"
)

const lockName = ".imgasm.lock" // locked for as long as the folder is in use

// A folder's name, such as imgasm-1234567890 or, beside files of the user's,
// .imgasm-1234567890.
var ours = regexp.MustCompile(`^\.?imgasm-[0-9]+$`)

// New makes a folder that is ours alone in base ("": the system's place for
// them), after it has removed those of programs that were killed. remove takes
// it away.
func New(base string) (dir string, remove func(), err error) {
	return create(cmp.Or(base, os.TempDir()), "imgasm-")
}

// Hidden is New in a folder that has other things than temporary ones: what is
// made there is on the file system of its neighbours, and may be renamed to one.
func Hidden(base string) (dir string, remove func(), err error) { return create(base, ".imgasm-") }

// MaxSocketPath is how long a unix socket's path may be, its final NUL not
// counted: sun_path has 108 bytes on Linux, 104 on macOS and the BSDs.
func MaxSocketPath(goos string) int {
	if goos == "linux" {
		return 107
	}
	return 103
}

// Sockets is New for sockets, the longest of whose names has so many bytes: macOS'
// TMPDIR leaves little room for them, a user's own may leave none, and then the
// folder is in /tmp.
func Sockets(longest int) (dir string, remove func(), err error) {
	most := MaxSocketPath(runtime.GOOS)
	for _, base := range []string{"", "/tmp"} {
		if dir, remove, err = New(base); err != nil {
			continue
		}
		if len(dir)+1+longest <= most || runtime.GOOS == "windows" {
			return dir, remove, nil
		}
		remove()
		err = fmt.Errorf("no folder for sockets: paths have %d bytes at most, %s has too many: set TMPDIR to a short one", most, dir)
	}
	return "", nil, err
}

func create(base, prefix string) (dir string, remove func(), err error) {
	sweep(base)
	for {
		if dir, err = os.MkdirTemp(base, prefix); err != nil {
			return "", nil, err
		}
		path := filepath.Join(dir, lockName)
		lock := flock.New(path)
		remove := func() { discard(dir, lock) }
		ok, err := lock.TryLock()
		if there, e := os.Lstat(path); e == nil && err != nil {
			// No locks on this file system: nobody can take it for abandoned either.
			return dir, remove, nil
		} else if err == nil && ok && e == nil {
			// Somebody who sweeps may have come between: then it is gone, or his.
			if held, err := lock.Stat(); err == nil && os.SameFile(held, there) {
				return dir, remove, nil
			}
		}
		_ = lock.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			_ = os.RemoveAll(dir)
			return "", nil, fmt.Errorf("lock %s: %w", path, err)
		}
	}
}

// Is reports whether a path is one that New or Hidden gives, as far as its name tells.
func Is(dir string) bool { return ours.MatchString(filepath.Base(dir)) }

// sweep removes the folders that nobody uses. What cannot be removed stays.
func sweep(base string) {
	all, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, entry := range all {
		if !entry.IsDir() || !ours.MatchString(entry.Name()) {
			continue
		}
		dir := filepath.Join(base, entry.Name())
		path := filepath.Join(dir, lockName)
		if there, err := os.Lstat(path); err != nil || !there.Mode().IsRegular() {
			if errors.Is(err, fs.ErrNotExist) {
				// Nobody's, or about to be locked: then another one is made. What has
				// something in it is not ours, and stays.
				_ = os.Remove(dir)
			}
			continue
		}
		lock := flock.New(path, flock.SetFlag(os.O_RDWR))
		if ok, err := lock.TryLock(); ok && err == nil {
			discard(dir, lock)
		} else {
			_ = lock.Close()
		}
	}
}

// discard removes a folder whose lock we hold.
func discard(dir string, lock *flock.Flock) {
	_ = os.RemoveAll(dir) // with the lock held: nobody else sweeps it meanwhile
	_ = lock.Close()
	_ = os.RemoveAll(dir) // where a file that is open cannot be removed
}
