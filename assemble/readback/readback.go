// Package readback reads media that imgasm has written by code that imgasm did
// not write, before a guest sees them: what a writer of ours has misunderstood,
// a reader of ours would misunderstand alike.
package readback

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/diskfs/go-diskfs/backend"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/tree"
)

// ErrDifference says that somebody else reads from a medium something other
// than what was written: a defect of imgasm, or of the reader.
var ErrDifference = fault.Class(fault.Other, "a medium is not what was written")

// difference is what reader, somebody else's package, did not read of what
// writer, a package of ours, has written: "ks.cfg has 10 bytes, not 11".
func difference(writer, reader, format string, args ...any) error {
	return &fault.Error{Class: ErrDifference, Do: "this is a defect of imgasm or of the reader: please report it, with the names and sizes of the files",
		Err: fmt.Errorf("internal error: %s has written what %s does not read: %s", writer, reader, fmt.Sprintf(format, args...))}
}

// errUnread is what a reader could not read. It proves nothing.
type errUnread struct {
	reader string
	err    error
}

func (e *errUnread) Error() string {
	return fmt.Sprintf("%s could not read the medium back: %v", e.reader, e.err)
}
func (e *errUnread) Unwrap() error { return e.err }

// differ makes the error of a difference.
type differ func(format string, args ...any) error

// reading runs one reader over a medium. What it refuses, or panics over, is an
// answer about the reader alone: unread.
func reading(writer, reader string, read func(differ differ) error) (unread, err error) {
	differ := func(format string, args ...any) error {
		return difference(writer, reader, format, args...)
	}
	func() {
		defer func() {
			if value := recover(); value != nil {
				unread = &errUnread{reader, fmt.Errorf("panic: %v", value)}
			}
		}()
		err = read(differ)
	}()
	if err != nil && !errors.Is(err, ErrDifference) && !errors.As(err, new(*sourceError)) {
		unread, err = &errUnread{reader, err}, nil
	}
	return unread, err
}

// sourceError is a file that was written and cannot be read now.
type sourceError struct{ err error }

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// source opens what was written.
func source(f iso.File) (io.ReadCloser, error) {
	r, err := f.Open()
	if err != nil {
		return nil, &sourceError{fmt.Errorf("%s: %w", f.Path, err)}
	}
	return r, nil
}

// same compares n bytes of two readers, in pieces.
func same(a, b io.Reader, n int64) (bool, error) {
	const piece = 256 << 10
	x, y := make([]byte, min(n, piece)), make([]byte, min(n, piece))
	for n > 0 {
		k := min(n, piece)
		if _, err := io.ReadFull(a, x[:k]); err != nil {
			return false, &sourceError{err}
		}
		if _, err := io.ReadFull(b, y[:k]); err != nil {
			return false, err
		}
		if !bytes.Equal(x[:k], y[:k]) {
			return false, nil
		}
		n -= k
	}
	return true, nil
}

// lister is how go-diskfs shows a file system.
type lister interface {
	ReadDir(string) ([]fs.DirEntry, error)
}

// names compares the names, kinds and sizes that go-diskfs lists with what was
// written. shown is how it shows a name.
func names(l lister, root *tree.Node, shown func(string) string, differ differ) error {
	var walk func(dir string, n *tree.Node) error
	walk = func(dir string, n *tree.Node) error {
		entries, err := l.ReadDir(dir)
		if err != nil {
			return err
		}
		found := map[string]fs.DirEntry{}
		for _, e := range entries {
			found[e.Name()] = e
		}
		if len(entries) != len(n.Children) {
			return differ("%q has %d entries, not %d", n.Path, len(entries), len(n.Children))
		}
		for _, c := range n.Children {
			e := found[shown(c.Name)]
			if e == nil {
				return differ("%s is not there", c.Path)
			}
			if e.IsDir() != c.IsDir() {
				return differ("%s is a folder: %v, not %v", c.Path, e.IsDir(), c.IsDir())
			}
			if c.IsDir() {
				if err := walk(path.Join(dir, e.Name()), c); err != nil {
					return err
				}
				continue
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			if info.Size() != c.SizeBytes {
				return differ("%s has %d bytes, not %d", c.Path, info.Size(), c.SizeBytes)
			}
		}
		return nil
	}
	return walk(".", root)
}

// storage is a part of a medium, as go-diskfs wants to have it.
type storage struct{ *io.SectionReader }

func newStorage(r io.ReaderAt, off, n int64) storage { return storage{io.NewSectionReader(r, off, n)} }

func (storage) Stat() (fs.FileInfo, error)              { return nil, errors.ErrUnsupported }
func (storage) Sys() (*os.File, error)                  { return nil, errors.ErrUnsupported }
func (storage) Writable() (backend.WritableFile, error) { return nil, errors.ErrUnsupported }
func (storage) Close() error                            { return nil }
func (storage) Path() string                            { return "" }
