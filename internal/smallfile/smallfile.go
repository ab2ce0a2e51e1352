// Package smallfile reads small text files that a stranger may have written:
// kickstarts, scripts and what they include; and opens large ones. A device, an endless pipe or a
// link to somebody's secrets costs neither memory, nor time, nor the secret.
package smallfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
)

// ErrUnreadable says that the file that the user named is not there, or cannot be read.
var ErrUnreadable = fault.Class(fault.Input, "cannot be read")

// ErrOutside is what Below refuses a name with that leads out of its folder.
var ErrOutside = errors.New("not below the folder")

var (
	errNeither   = errors.New("neither a regular file nor a pipe")
	errIrregular = errors.New("not a regular file")
)

// Read reads the file that a user named: a regular file, or a pipe, of at most
// limit bytes. If ctx ends first, even while a pipe waits for its writer, the
// error is ctx's cause; a pipe that is being opened is then left to the end of
// the process. Other errors are ErrUnreadable, and wrap an *fs.PathError.
func Read(ctx context.Context, path string, limit int64) ([]byte, error) {
	return read(ctx, path, limit, true)
}

// ReadAgain is Read for files that are read more than once, which a pipe
// cannot be: it takes regular files only.
func ReadAgain(ctx context.Context, path string, limit int64) ([]byte, error) {
	return read(ctx, path, limit, false)
}

func read(ctx context.Context, path string, limit int64, pipe bool) ([]byte, error) {
	return within(ctx, func() ([]byte, error) {
		info, err := os.Stat(path) // first: opening a device may do something
		var failed *fs.PathError
		if errors.As(err, &failed) {
			failed.Op = "open" // what the user asked for
		}
		if err != nil {
			return nil, err
		}
		if err := check(info, path, pipe); err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		return contents(f, path, limit, pipe)
	})
}

// Open is os.Open but for what could let it, or a read, wait for ever, or what
// has no end: pipes, sockets, devices.
func Open(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: path, Err: errIrregular}
	}
	return os.Open(path)
}

// Stream reads r until ctx ends; then the error is ctx's cause, even while a
// pipe or a terminal waits for its writer.
func Stream(ctx context.Context, r io.Reader) io.Reader { return &stream{ctx, r} }

type stream struct {
	ctx context.Context
	r   io.Reader
}

func (s *stream) Read(p []byte) (int, error) {
	b := make([]byte, min(len(p), 64<<10)) // p is the caller's again when ctx has ended
	n, err := wait(s.ctx, func() (int, error) { return s.r.Read(b) })
	return copy(p, b[:n]), err
}

// OpenStream opens a file that a user named, a regular one or a pipe, to be read
// once, as Stream reads. Errors are those of Read.
func OpenStream(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := wait(ctx, func() (*os.File, error) {
		info, err := os.Stat(path)
		if err == nil {
			err = check(info, path, true)
		}
		if err != nil {
			return nil, &fault.Error{Class: ErrUnreadable, Err: err}
		}
		return os.Open(path)
	})
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{Stream(ctx, f), f}, nil
}

// ReadFrom reads all of r, which messages call name; otherwise it is like Read.
func ReadFrom(ctx context.Context, r io.Reader, name string, limit int64) ([]byte, error) {
	return within(ctx, func() ([]byte, error) { return All(r, name, limit) })
}

// Below reads a regular file of at most limit bytes below a folder. No link
// leads out of it. name has the host's separators. Errors are those of Read,
// and of names that are not below the folder ErrOutside.
func Below(ctx context.Context, folder, name string, limit int64) ([]byte, error) {
	path := filepath.Join(folder, name)
	if !filepath.IsLocal(name) {
		return nil, &fs.PathError{Op: "read", Path: path, Err: ErrOutside}
	}
	return within(ctx, func() ([]byte, error) {
		root, err := os.OpenRoot(folder)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		info, err := root.Stat(name) // first: opening a pipe would wait
		if err != nil {
			return nil, err
		}
		if err := check(info, path, false); err != nil {
			return nil, err
		}
		f, err := root.Open(name)
		if err != nil {
			return nil, err
		}
		return contents(f, path, limit, false)
	})
}

// within is wait whose errors are ErrUnreadable, but for ctx's.
func within(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	return wait(ctx, func() ([]byte, error) {
		data, err := read()
		if err != nil {
			return nil, &fault.Error{Class: ErrUnreadable, Err: err}
		}
		return data, nil
	})
}

// wait runs read until ctx ends. Nothing interrupts a read of a pipe, so it
// goes on by itself then, and nobody waits for it.
func wait[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		data T
		err  error
	}
	done := make(chan result, 1)
	go guard.Func(func() {
		data, err := read()
		done <- result{data, err}
	}, func(err error) { done <- result{err: err} })()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// check refuses what is neither a regular file nor, where that may be, a pipe.
func check(info fs.FileInfo, path string, pipe bool) error {
	refuse := func(err error) error { return &fs.PathError{Op: "read", Path: path, Err: err} }
	switch mode := info.Mode(); {
	case mode.IsRegular(), pipe && mode&fs.ModeNamedPipe != 0:
		return nil
	case mode.IsDir():
		return refuse(syscall.EISDIR)
	case pipe:
		return refuse(errNeither)
	}
	return refuse(errIrregular)
}

// contents reads and closes f, which may be another file by now than the one
// that was looked at before.
func contents(f *os.File, path string, limit int64, pipe bool) (_ []byte, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := check(info, path, pipe); err != nil {
		return nil, err
	}
	return All(f, path, limit)
}

// All reads all of r, which is called name in errors, of at most limit bytes.
func All(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("more than %d bytes", limit)
	}
	if err == nil {
		return data, nil
	}
	if errors.As(err, new(*fs.PathError)) {
		return nil, err
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: err}
}
