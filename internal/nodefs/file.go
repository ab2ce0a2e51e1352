// Open files and directories, and what is told of them.

package nodefs

import (
	"errors"
	"io"
	"io/fs"
	"path"
)

// info is what a node says of itself, with its name.
type info struct {
	Node
	name string
}

func (i info) Name() string   { return i.name }
func (i info) IsDir() bool    { return i.Mode().IsDir() }
func (i info) String() string { return fs.FormatFileInfo(i) }

type openFile struct {
	node   Node
	path   string
	at     int64
	closed bool
}

func (o *openFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: o.path, Err: err}
}

func (o *openFile) Stat() (fs.FileInfo, error) { return info{o.node, path.Base(o.path)}, nil }

func (o *openFile) Close() error {
	if o.closed {
		return o.fail("close", fs.ErrClosed)
	}
	o.closed = true
	return nil
}

func (o *openFile) Read(p []byte) (int, error) {
	n, err := o.ReadAt(p, o.at)
	o.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (o *openFile) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += o.at
	case io.SeekEnd:
		off += o.node.Size()
	}
	if off < 0 {
		return 0, o.fail("seek", fs.ErrInvalid)
	}
	o.at = off
	return off, nil
}

// ReadAt implements io.ReaderAt.
func (o *openFile) ReadAt(p []byte, off int64) (int, error) {
	switch mode := o.node.Mode(); {
	case o.closed:
		return 0, o.fail("read", fs.ErrClosed)
	case mode.IsDir():
		return 0, o.fail("read", errors.New("is a directory"))
	case !mode.IsRegular():
		return 0, o.fail("read", errors.New("is no regular file"))
	case off < 0:
		return 0, o.fail("read", fs.ErrInvalid)
	}
	size := o.node.Size()
	end := int(max(0, min(int64(len(p)), size-off)))
	for done := 0; done < end; {
		n, err := o.node.ReadPiece(p[done:end], off+int64(done))
		if done += n; err != nil {
			return done, o.fail("read", err)
		}
	}
	if end < len(p) || len(p) == 0 && off >= size {
		return end, io.EOF
	}
	return end, nil
}

type openDir struct {
	*openFile
	lister  Lister
	pending []Entry
	err     error // met after what is pending
}

// ReadDir implements fs.ReadDirFile, in the directory's own order.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if d.closed {
		return nil, d.fail("readdir", fs.ErrClosed)
	}
	var list []fs.DirEntry
	for n <= 0 || len(list) < n {
		if len(d.pending) == 0 {
			if d.err == nil {
				d.pending, d.err = d.lister.Next()
				continue
			}
			break
		}
		take := len(d.pending)
		if n > 0 {
			take = min(take, n-len(list))
		}
		for _, e := range d.pending[:take] {
			list = append(list, dirEntry{e})
		}
		d.pending = d.pending[take:]
	}
	switch {
	case d.err == nil || len(list) == n && n > 0:
		return list, nil
	case !errors.Is(d.err, io.EOF):
		return list, d.fail("readdir", d.err)
	case n > 0 && len(list) == 0:
		return nil, io.EOF
	}
	return list, nil
}

type dirEntry struct{ Entry }

func (e dirEntry) IsDir() bool    { return e.Type().IsDir() }
func (e dirEntry) String() string { return fs.FormatDirEntry(e) }

// Info implements fs.DirEntry, without a walk.
func (e dirEntry) Info() (fs.FileInfo, error) {
	n, err := e.Node()
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: e.Name(), Err: err}
	}
	return info{n, e.Name()}, nil
}
