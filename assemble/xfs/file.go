// Open files and directories, and what is told of them.

package xfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"time"
)

// Stat is what a FileInfo's Sys gives.
type Stat struct {
	Inode    uint64
	UID, GID uint32
	Links    uint32
}

type info struct {
	name string
	in   *inode
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.in.size }
func (i info) Mode() fs.FileMode  { return i.in.mode }
func (i info) ModTime() time.Time { return i.in.mtime }
func (i info) IsDir() bool        { return i.in.mode.IsDir() }
func (i info) Sys() any           { return &Stat{i.in.ino, i.in.uid, i.in.gid, i.in.links} }
func (i info) String() string     { return fs.FormatFileInfo(i) }

type openFile struct {
	in     *inode
	path   string
	at     int64
	closed bool
}

func (o *openFile) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: o.path, Err: err}
}

func (o *openFile) Stat() (fs.FileInfo, error) { return info{path.Base(o.path), o.in}, nil }

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
		off += o.in.size
	}
	if off < 0 {
		return 0, o.fail("seek", fs.ErrInvalid)
	}
	o.at = off
	return off, nil
}

// ReadAt implements io.ReaderAt. Holes, and blocks that were never written,
// are zeros.
func (o *openFile) ReadAt(p []byte, off int64) (int, error) {
	switch in := o.in; {
	case o.closed:
		return 0, o.fail("read", fs.ErrClosed)
	case in.mode.IsDir():
		return 0, o.fail("read", errors.New("is a directory"))
	case !in.mode.IsRegular():
		return 0, o.fail("read", errors.New("is no regular file"))
	case in.realtime:
		return 0, o.fail("read", unsupported("its contents are on a realtime device"))
	case off < 0:
		return 0, o.fail("read", fs.ErrInvalid)
	}
	end := len(p)
	if rest := o.in.size - off; rest <= 0 {
		end = 0
	} else if rest < int64(end) {
		end = int(rest)
	}
	for done := 0; done < end; {
		n, err := o.in.readPiece(p[done:end], off+int64(done))
		if done += n; err != nil {
			return done, o.fail("read", err)
		}
	}
	if end < len(p) || len(p) == 0 && off >= o.in.size {
		return end, io.EOF
	}
	return end, nil
}

// readPiece reads what one extent or hole has of p.
func (in *inode) readPiece(p []byte, off int64) (int, error) {
	sb := &in.fs.sb
	e, err := in.data.at(uint64(off) >> sb.blockLog)
	if err != nil {
		return 0, err
	}
	within := off & (1<<sb.blockLog - 1)
	// In blocks first: a hole may have 2^63 bytes.
	if blocks := uint64(len(p))>>sb.blockLog + 2; e.count > blocks {
		e.count = blocks
	}
	p = p[:min(int64(len(p)), int64(e.count<<sb.blockLog)-within)]
	if e.zero {
		clear(p)
		return len(p), nil
	}
	at, err := sb.address(e.block, e.count)
	if err != nil {
		return 0, err
	}
	if err := readFull(in.fs.r, p, at+within); err != nil {
		return 0, err
	}
	return len(p), nil
}

type openDir struct {
	*openFile
	reader  dirReader
	pending []entry
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
				d.pending, d.err = d.reader.next()
				continue
			}
			break
		}
		take := len(d.pending)
		if n > 0 {
			take = min(take, n-len(list))
		}
		for _, e := range d.pending[:take] {
			list = append(list, &dirEntry{d.in, e})
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

type dirEntry struct {
	dir *inode
	entry
}

func (e *dirEntry) Name() string      { return e.name }
func (e *dirEntry) IsDir() bool       { return e.typ.IsDir() }
func (e *dirEntry) Type() fs.FileMode { return e.typ }
func (e *dirEntry) String() string    { return fs.FormatDirEntry(e) }

// Info implements fs.DirEntry. It reads the inode, without a walk.
func (e *dirEntry) Info() (fs.FileInfo, error) {
	in, err := e.dir.child(e.entry)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: e.name, Err: err}
	}
	return info{e.name, in}, nil
}
