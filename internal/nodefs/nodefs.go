// Package nodefs makes an io/fs.FS of a file system's nodes. What every format
// needs is here: paths, symbolic links, open files, listings, finding names.
package nodefs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Node is a file, a directory, a symbolic link or a device.
type Node interface {
	Mode() fs.FileMode
	Size() int64 // bytes
	ModTime() time.Time
	Sys() any // for FileInfo.Sys
	// Lookup returns what a directory has by a name. The error wraps
	// fs.ErrNotExist if it has nothing.
	Lookup(name string) (Node, error)
	// List begins to list a directory.
	List() Lister
	// ReadLink returns what a symbolic link holds.
	ReadLink() (string, error)
	// ReadPiece reads a regular file from off on: at least one byte, all of p
	// if it likes. All of p lies within Size.
	ReadPiece(p []byte, off int64) (int, error)
}

// Lister lists a directory piece by piece.
type Lister interface {
	// Next returns the next entries, but "." and "..". io.EOF, at the end,
	// comes alone; another error may come with entries.
	Next() ([]Entry, error)
}

// Entry is a name in a directory.
type Entry interface {
	Name() string
	Type() fs.FileMode // the type bits alone
	Node() (Node, error)
}

// Once knows the directories in a directory. Each must have one number and one
// name in one parent: else walks by names would come to it again and again, and
// to what it holds more often still.
type Once struct {
	numbers map[uint64]bool
	names   map[string]bool
}

// Add reports whether neither number nor name was added before.
func (o *Once) Add(number uint64, name string) bool {
	if o.names == nil {
		o.numbers, o.names = map[uint64]bool{}, map[string]bool{}
	}
	if o.numbers[number] || o.names[name] {
		return false
	}
	o.numbers[number], o.names[name] = true, true
	return true
}

// FS is a file system below a directory. Open and Stat follow symbolic links
// within it: absolute ones start at its root, and no .. leads out.
type FS struct {
	Root func() (Node, error)
	// MaxFile is the size of the largest file that ReadFile reads, in bytes.
	MaxFile int
}

// maxLinks is how many symbolic links a path may lead through, as Linux has it.
const maxLinks = 40

var errNotDir = errors.New("not a directory")

// ValidPath is fs.ValidPath, but that names need not be UTF-8: those of Linux need not.
func ValidPath(name string) bool { return fs.ValidPath(strings.ToValidUTF8(name, "x")) }

// walk finds a path's node. A link at its end is followed if wanted.
func (f FS) walk(op, name string, follow bool) (Node, error) {
	if !ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, err := f.resolve(name, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return n, nil
}

func (f FS) resolve(name string, follow bool) (Node, error) {
	root, err := f.Root()
	if err != nil {
		return nil, err
	}
	way := []Node{root} // directories down to here
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		here := way[len(way)-1]
		if !here.Mode().IsDir() {
			return nil, errNotDir
		}
		switch part {
		case "", ".":
			continue
		case "..":
			way = way[:max(1, len(way)-1)]
			continue
		}
		n, err := here.Lookup(part)
		if err != nil {
			return nil, err
		}
		if n.Mode().Type() != fs.ModeSymlink || len(todo) == 0 && !follow {
			way = append(way, n)
			continue
		}
		if links++; links > maxLinks {
			return nil, fmt.Errorf("more than %d symbolic links", maxLinks)
		}
		target, err := n.ReadLink()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(target, "/") {
			way = way[:1]
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	return way[len(way)-1], nil
}

// Open implements fs.FS. Of what is neither file nor directory, only Stat
// works. Files are io.ReaderAt and io.Seeker.
func (f FS) Open(name string) (fs.File, error) {
	n, err := f.walk("open", name, true)
	if err != nil {
		return nil, err
	}
	o := &openFile{node: n, path: name}
	if n.Mode().IsDir() {
		return &openDir{openFile: o, lister: n.List()}, nil
	}
	return o, nil
}

// Stat implements fs.StatFS.
func (f FS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name, true) }

// Lstat implements fs.ReadLinkFS.
func (f FS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name, false) }

func (f FS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	n, err := f.walk(op, name, follow)
	if err != nil {
		return nil, err
	}
	return info{n, path.Base(name)}, nil
}

// ReadLink implements fs.ReadLinkFS.
func (f FS) ReadLink(name string) (string, error) {
	n, err := f.walk("readlink", name, false)
	if err != nil {
		return "", err
	}
	target := ""
	if err = fs.ErrInvalid; n.Mode().Type() == fs.ModeSymlink {
		target, err = n.ReadLink()
	}
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

// ReadDir implements fs.ReadDirFS.
func (f FS) ReadDir(name string) ([]fs.DirEntry, error) {
	o, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	d, ok := o.(*openDir)
	if !ok {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errNotDir}
	}
	list, err := d.ReadDir(-1)
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return list, err
}

// ReadFile implements fs.ReadFileFS, for files of at most MaxFile bytes.
func (f FS) ReadFile(name string) ([]byte, error) {
	o, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	in, err := o.Stat()
	if err != nil {
		return nil, err
	}
	if in.Size() > int64(f.MaxFile) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("file of %d bytes is too large to be read as a whole", in.Size())}
	}
	var b bytes.Buffer
	if in.Mode().IsRegular() {
		b.Grow(int(in.Size()) + bytes.MinRead)
	}
	_, err = b.ReadFrom(o)
	return b.Bytes(), err
}
