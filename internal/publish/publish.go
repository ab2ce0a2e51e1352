// Package publish makes files appear whole or not at all.
package publish

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// ErrNotFile says that something that is no regular file stands where a file
// should be put, such as a drive: it is not replaced.
var ErrNotFile = errors.New("exists and is not a regular file")

// ErrPlace says that no file can be put at a path.
var ErrPlace = fault.Class(fault.Input, "no place for a file")

// File creates the file path with what write puts into it. Until write has
// returned nil and everything is on disk, the contents stand in a hidden folder
// beside path (see package tmpdir: what a kill leaves of it, the next File
// there removes); then the file takes path's place, and that of a file that
// was there.
//
// The error is ErrPlace if path is no place for a file.
//
// The file handed to write is empty and open for reading and writing.
func File(path string, write func(f *os.File) error) error {
	return FileContext(context.Background(), path, write)
}

// Bytes is File for contents that are there already.
func Bytes(path string, contents []byte) error {
	return File(path, func(f *os.File) error {
		_, err := f.Write(contents)
		return err
	})
}

// FileContext is File for much data: if ctx ends while it goes to disk, the
// file does not appear, and the error is ctx's cause. write sees to ctx itself.
func FileContext(ctx context.Context, path string, write func(f *os.File) error) error {
	return file(ctx, path, 0o666, write)
}

// Private is FileContext for a file that holds secrets: it is its owner's alone
// from its first byte on.
func Private(ctx context.Context, path string, write func(f *os.File) error) error {
	return file(ctx, path, 0o600, write)
}

func file(ctx context.Context, path string, mode fs.FileMode, write func(f *os.File) error) error {
	if err := Check(path); err != nil {
		return err
	}
	f, remove, err := partial(path, mode)
	if err != nil {
		return err
	}
	defer remove()
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	if err := Sync(ctx, f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return Rename(f.Name(), path)
}

// syncFile is what a test replaces by a slow disk.
var syncFile = (*os.File).Sync

// Sync waits until all that was written to f is on disk, or ctx ends; then the
// error is ctx's cause, and the system goes on with what it has begun. Who
// writes much calls it from time to time, or there is much to wait for: the
// program does not end before the system has done that.
func Sync(ctx context.Context, f *os.File) error {
	done := make(chan error, 1)
	go guard.Func(func() { done <- syncFile(f) }, func(err error) { done <- err })()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func noPlace(do, format string, args ...any) error {
	return &fault.Error{Class: ErrPlace, Err: fmt.Errorf(format, args...), Do: do}
}

// Check refuses what must not be replaced, and what has no folder, before time is
// spent: ErrPlace.
func Check(path string) error {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		advice := "write to a file, and copy that with dd"
		switch {
		case info.IsDir():
			advice = "name the file too: " + filepath.Join(path, "NAME")
		case info.Mode()&fs.ModeSymlink != 0:
			advice = "it is a link: name the file that it leads to; see ls -l " + path
		}
		return noPlace(advice, "%s: %w", path, ErrNotFile)
	}
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case err != nil:
		return noPlace("mkdir -p "+dir, "%s: its folder: %w", path, err)
	case !info.IsDir():
		return noPlace("give another path", "%s: %s is not a folder", path, dir)
	}
	return nil
}

// hidden is a new name for a hidden file beside path.
func hidden(path, kind string) string {
	var r [6]byte
	rand.Read(r[:])
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+hex.EncodeToString(r[:])+"."+kind)
}

// isHidden reports whether name is one that hidden gives.
func isHidden(name, path, kind string) bool {
	random, ok := strings.CutPrefix(filepath.Base(name), "."+filepath.Base(path)+".")
	random, ok2 := strings.CutSuffix(random, "."+kind)
	_, err := hex.DecodeString(random)
	return ok && ok2 && err == nil && filepath.Dir(name) == filepath.Dir(path)
}

// partial opens the file that will be path, in a hidden folder, which remove
// removes. It has the mode that is asked for, without what the user's umask forbids.
func partial(path string, mode fs.FileMode) (f *os.File, remove func(), err error) {
	dir := filepath.Dir(path)
	work, remove, err := tmpdir.Hidden(dir)
	if err == nil {
		if f, err = os.OpenFile(filepath.Join(work, filepath.Base(path)), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode); err != nil {
			remove()
		}
	}
	var p *fs.PathError
	if errors.As(err, &p) && !errors.Is(err, syscall.ENOSPC) {
		return nil, nil, noPlace("see who may write there: ls -ld "+dir+"; or give another path", "%s: no file can be made in its folder: %w", path, p.Err)
	}
	return f, remove, err
}
