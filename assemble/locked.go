// imgasm.lock: a build writes what its inputs were, or demands what they were.

package assemble

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/lock"
)

func (o Output) lockPath() string { return cmp.Or(o.LockFile, lock.FileName) }

// lockName is the build's name in the lock: that of its output.
func (o Output) lockName() string { return filepath.Base(o.Out) }

// ReadLock is what the lock demands of a build of this output. Errors are of
// class ErrInput.
func (o Output) ReadLock() (lock.Build, error) {
	path := o.lockPath()
	file, err := lock.Read(path)
	if err == nil {
		var b lock.Build
		if b, err = file.Build(o.lockName()); err == nil {
			return b, nil
		}
		err = fmt.Errorf("%s: %w", path, err)
	}
	do := ""
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, lock.ErrNoBuild) {
		do = "a build with {Lock} writes it"
	}
	return lock.Build{}, bad("Locked", err, do)
}

// CheckLock compares a build with the lock. Errors are of class ErrInput and
// lock.ErrMismatch.
func (o Output) CheckLock(b lock.Build) error {
	locked, err := o.ReadLock()
	if err != nil {
		return err
	}
	return lock.Demand(o.lockPath(), o.lockName(), locked, b)
}
