// This file makes an image an fs.FS: its nodes, and files.

package iso

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/nodefs"
	"github.com/imgasm/imgasm/internal/tree"
)

var (
	_ fs.ReadDirFS = (*Image)(nil)
	_ fs.StatFS    = (*Image)(nil)
)

// Open opens the file or directory called name, in the form that fs.ValidPath
// asks for. Files implement io.ReaderAt and io.Seeker. Names are told apart
// as Linux does: on images with plain or Joliet names case does not matter.
func (m *Image) Open(name string) (fs.File, error) {
	f, err := m.nodes().Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	n, ok := info.Sys().(*inode)
	if !ok || !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("neither a file nor a directory")}
	}
	return &openFile{reader{io.NewSectionReader(n, 0, n.size), m, n.extents()}, info}, nil
}

// Stat describes the file or directory called name; see Open.
func (m *Image) Stat(name string) (fs.FileInfo, error) { return m.nodes().Stat(name) }

// ReadDir lists a directory, sorted by name.
func (m *Image) ReadDir(name string) ([]fs.DirEntry, error) { return m.nodes().ReadDir(name) }

func (m *Image) nodes() nodefs.FS {
	return nodefs.FS{Root: func() (nodefs.Node, error) { return &inode{node: m.root, m: m}, nil }}
}

// inode is a node in its place.
type inode struct {
	node
	m  *Image
	in *inode // the directory; nil for the root
}

func (n *inode) Mode() fs.FileMode         { return n.mode }
func (n *inode) Size() int64               { return n.size }
func (n *inode) ModTime() time.Time        { return n.time }
func (n *inode) Sys() any                  { return n }
func (n *inode) ReadLink() (string, error) { return n.target, nil }
func (n *inode) List() nodefs.Lister       { return &lister{dir: n} }

// ReadPiece is io.ReaderAt's ReadAt: its p lies within the file.
func (n *inode) ReadPiece(p []byte, off int64) (int, error) { return n.ReadAt(p, off) }

// Lookup implements nodefs.Node.
func (n *inode) Lookup(name string) (nodefs.Node, error) {
	var found *inode
	err := n.m.scan(n.node, func(c node) error {
		if c.name == name || n.m.naming != rockRidge && strings.EqualFold(c.name, name) {
			found = &inode{node: c, m: n.m, in: n}
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	if found == nil {
		return nil, fs.ErrNotExist
	}
	return found, found.honest()
}

// honest refuses a directory within itself: a walk of it would not end.
func (n *inode) honest() error {
	for up := n.in; n.dir && n.size > 0 && up != nil; up = up.in {
		if up.first.offset == n.first.offset {
			return n.m.corrupt("directory %q can be reached by two paths", n.name)
		}
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (n *inode) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for _, e := range n.extents() {
		if off >= e.length {
			off -= e.length
			continue
		}
		want := p[done:min(int64(len(p)), int64(done)+e.length-off)]
		k, err := n.m.r.ReadAt(want, e.offset+off)
		done += k
		if k < len(want) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF // the image got shorter since it was opened
			}
			return done, err
		}
		if done == len(p) {
			return done, nil
		}
		off = 0
	}
	return done, io.EOF
}

// lister lists a directory at once.
type lister struct {
	dir  *inode
	done bool
}

func (l *lister) Next() (all []nodefs.Entry, err error) {
	if l.done {
		return nil, io.EOF
	}
	l.done = true
	names := map[string]bool{}
	err = l.dir.m.scan(l.dir.node, func(c node) error {
		if names[c.name] {
			return l.dir.m.corrupt("directory %q has two entries called %q", l.dir.name, c.name)
		}
		names[c.name] = true
		all = append(all, dirEntry{&inode{node: c, m: l.dir.m, in: l.dir}})
		return nil
	})
	return all, err
}

type dirEntry struct{ n *inode }

func (e dirEntry) Name() string               { return e.n.name }
func (e dirEntry) Type() fs.FileMode          { return e.n.mode.Type() }
func (e dirEntry) Node() (nodefs.Node, error) { return e.n, e.n.honest() }

// reader reads a file's extents.
type reader struct {
	*io.SectionReader
	m       *Image
	extents []extent
}

func (reader) Close() error { return nil }

// openFile is an opened file.
type openFile struct {
	reader
	info fs.FileInfo
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }

// File is a file of the image to be put at another path, on another medium. All that
// is taken out of an image in this way is together at most as large as the
// image: records of a few bytes can make many large files of the same sectors.
// The error is ErrCorrupt if that is too much, or one of Stat.
func (m *Image) File(to, name string) (File, error) {
	f, err := tree.FS(to, m, name)
	if err != nil {
		return f, err
	}
	if taken := m.taken.Add(f.SizeBytes); taken > m.SizeBytes {
		m.taken.Add(-f.SizeBytes)
		return File{}, m.corrupt("%q and what was taken before have %d bytes, of an image of %d", name, taken, m.SizeBytes)
	}
	return f, nil
}

// Whole is the image itself as a file, to be put on another medium.
func (m *Image) Whole() File {
	return File{Path: m.Path, SizeBytes: m.SizeBytes, Open: func() (io.ReadCloser, error) {
		return reader{io.NewSectionReader(m.r, 0, m.SizeBytes), m, []extent{{0, m.SizeBytes}}}, nil
	}}
}
