// This file makes an image an fs.FS: paths to entries, entries to files.

package iso

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/tree"
)

// maxLinks bounds how many symbolic links one path may lead through.
const maxLinks = 10

// maxWalk bounds what Walk reads of directories, in bytes: AlmaLinux's DVD
// has about 4 MiB of them in all.
const maxWalk = 256 << 20

var (
	_ fs.ReadDirFS = (*Image)(nil)
	_ fs.StatFS    = (*Image)(nil)
)

// Open opens the file or directory called name, in the form that fs.ValidPath
// asks for. Files implement io.ReaderAt and io.Seeker. Names are told apart
// as Linux does: on images with plain or Joliet names case does not matter.
func (m *Image) Open(name string) (fs.File, error) {
	n, err := m.find("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return &openDir{m: m, n: n}, nil
	}
	if !n.mode.IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("neither a file nor a directory")}
	}
	return m.openFile(n), nil
}

// Stat describes the file or directory called name; see Open.
func (m *Image) Stat(name string) (fs.FileInfo, error) {
	n, err := m.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{n}, nil
}

// ReadDir lists a directory, sorted by name.
func (m *Image) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := m.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return m.list(n)
}

func (m *Image) list(dir node) ([]fs.DirEntry, error) {
	var all []fs.DirEntry
	err := m.scan(dir, func(n node) error {
		all = append(all, fs.FileInfoToDirEntry(info{n}))
		return nil
	})
	sort.Slice(all, func(i, j int) bool { return all[i].Name() < all[j].Name() })
	for i := 1; i < len(all); i++ {
		if all[i].Name() == all[i-1].Name() {
			return nil, m.corrupt("directory %q has two entries called %q", dir.name, all[i].Name())
		}
	}
	return all, err
}

// find walks from the root to name, through symbolic links.
func (m *Image) find(op, name string) (node, error) {
	if !fs.ValidPath(name) {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := m.root
	links := 0
	var at string // the directory that n is, without links
	for rest := name; rest != "." && rest != ""; {
		element, after, _ := strings.Cut(rest, "/")
		next, err := m.lookup(n, element)
		if err != nil {
			return node{}, &fs.PathError{Op: op, Path: name, Err: err}
		}
		rest = after
		if next.mode&fs.ModeSymlink != 0 {
			if links++; links > maxLinks {
				return node{}, &fs.PathError{Op: op, Path: name, Err: errors.New("too many symbolic links")}
			}
			target := next.target
			if !strings.HasPrefix(target, "/") {
				target = at + "/" + target
			}
			// Links cannot lead out: ".." stops at the root.
			rest = strings.TrimPrefix(path.Clean("/"+target+"/"+after), "/")
			n, at = m.root, ""
			continue
		}
		n, at = next, path.Join(at, next.name)
	}
	return n, nil
}

// lookup finds one name in a directory.
func (m *Image) lookup(dir node, name string) (node, error) {
	if !dir.dir {
		return node{}, fs.ErrNotExist
	}
	var found node
	ok := false
	err := m.scan(dir, func(n node) error {
		if n.name == name || m.naming != rockRidge && strings.EqualFold(n.name, name) {
			found, ok = n, true
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return node{}, err
	}
	if !ok {
		return node{}, fs.ErrNotExist
	}
	if found.dir && found.first.offset == dir.first.offset {
		return node{}, m.corrupt("directory %q contains itself", name)
	}
	return found, nil
}

// Walk calls visit for every file and directory but the root, folders before
// what is in them, names in order. A visit that returns fs.SkipDir for a
// directory leaves it out. Directories that can be reached twice are refused:
// no honest image has them, and a hostile one could make the walk endless.
func (m *Image) Walk(visit func(name string, info fs.FileInfo) error) error {
	seen := map[int64]bool{m.root.first.offset: true}
	read := int64(0)
	var walk func(dir node, prefix string) error
	walk = func(dir node, prefix string) error {
		if read += dir.size; read > maxWalk {
			return m.corrupt("more than %d bytes of directories", maxWalk)
		}
		entries, err := m.list(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			i, err := e.Info()
			if err != nil {
				return err
			}
			n := i.(info).node
			full := prefix + n.name
			if err := visit(full, i); err != nil {
				if n.dir && errors.Is(err, fs.SkipDir) {
					continue
				}
				return err
			}
			if !n.dir {
				continue
			}
			if seen[n.first.offset] && n.size > 0 {
				return m.corrupt("directory %q can be reached by two paths", full)
			}
			seen[n.first.offset] = true
			if strings.Count(full, "/") > 128 {
				return m.corrupt("directories nested too deeply at %q", full)
			}
			if err := walk(n, full+"/"); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(m.root, "")
}

// info is a node as fs.FileInfo.
type info struct{ node }

func (i info) Name() string       { return i.node.name }
func (i info) Size() int64        { return i.node.size }
func (i info) Mode() fs.FileMode  { return i.node.mode }
func (i info) ModTime() time.Time { return i.node.time }
func (i info) IsDir() bool        { return i.node.dir }
func (i info) Sys() any           { return nil }

// openDir is an opened directory.
type openDir struct {
	m    *Image
	n    node
	all  []fs.DirEntry
	read bool
}

func (d *openDir) Stat() (fs.FileInfo, error) { return info{d.n}, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.n.name, Err: errors.New("is a directory")}
}

// ReadDir is fs.ReadDirFile's.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		all, err := d.m.list(d.n)
		if err != nil {
			return nil, err
		}
		d.all, d.read = all, true
	}
	if n <= 0 {
		rest := d.all
		d.all = nil
		return rest, nil
	}
	if len(d.all) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.all))
	some := d.all[:n]
	d.all = d.all[n:]
	return some, nil
}

// openFile is an opened file: a reader over its extents.
type openFile struct {
	m       *Image
	n       node
	extents []extent
	at      int64
}

func (m *Image) openFile(n node) *openFile {
	return &openFile{m: m, n: n, extents: append([]extent{n.first}, n.rest...)}
}

func (f *openFile) Stat() (fs.FileInfo, error) { return info{f.n}, nil }
func (f *openFile) Close() error               { return nil }

// ReadAt implements io.ReaderAt.
func (f *openFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("%s: read at %d", f.n.name, off)
	}
	done := 0
	for _, e := range f.extents {
		if off >= e.length {
			off -= e.length
			continue
		}
		want := p[done:min(int64(len(p)), int64(done)+e.length-off)]
		k, err := f.m.r.ReadAt(want, e.offset+off)
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

func (f *openFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Seek implements io.Seeker.
func (f *openFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += f.n.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("%s: seek to %d", f.n.name, offset)
	}
	f.at = offset
	return offset, nil
}

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
		return m.openFile(node{name: m.Path, size: m.SizeBytes, first: extent{0, m.SizeBytes}}), nil
	}}
}
