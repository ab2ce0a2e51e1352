package publish

// Files that several builds write: one at a time reads, adds to and replaces them.

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"
)

// lockName is the file that is locked where a folder cannot be. It stays: one
// that is removed while somebody waits for it would let two in.
const lockName = ".imgasm.lock-folder"

// LockFolders waits until no other imgasm holds one of the folders, and holds
// them until unlock is called. Who changes a file that others add to as well
// holds its folder from reading to replacing it.
func LockFolders(ctx context.Context, dirs ...string) (unlock func(), err error) {
	var held []*flock.Flock
	unlock = func() {
		for _, l := range held {
			_ = l.Close()
		}
	}
	all, err := distinct(dirs)
	if err != nil {
		return nil, err
	}
	for _, dir := range all {
		l := flock.New(dir, flock.SetFlag(os.O_RDONLY))
		ok, err := l.TryLockContext(ctx, 50*time.Millisecond)
		if err != nil && ctx.Err() == nil { // Windows, some network file systems
			l = flock.New(filepath.Join(dir, lockName))
			ok, err = l.TryLockContext(ctx, 50*time.Millisecond)
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if !ok || err != nil {
			unlock()
			return nil, fmt.Errorf("lock %s: %w", dir, err)
		}
		held = append(held, l)
	}
	return unlock, nil
}

// distinct resolves folders, each named once, in an order that all have: nobody
// waits for one while he holds one that comes later.
func distinct(dirs []string) ([]string, error) {
	var all []string
	var infos []fs.FileInfo
	for _, dir := range dirs {
		path, err := filepath.EvalSymlinks(dir)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(infos, func(i fs.FileInfo) bool { return os.SameFile(i, info) }) {
			all, infos = append(all, path), append(infos, info)
		}
	}
	slices.Sort(all)
	return all, nil
}
