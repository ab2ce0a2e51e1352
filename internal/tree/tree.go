// Package tree describes the files that go onto a medium, before any file
// system is chosen for it: a flat list of paths with their contents, and the
// folders that the list implies.
//
// Contents are opened when a writer reaches them, one at a time, so that a
// list of many gigabytes costs no memory and one open file.
package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/imgasm/imgasm/internal/fault"
)

// File is one file of a medium.
type File struct {
	// Path is relative and separated by slashes: "EFI/BOOT/grub.cfg". Folders
	// need no entry of their own; see Dir for empty ones.
	Path string
	// SizeBytes is how much Open will yield. A writer that reads less or more
	// stops with an error, because it has laid the medium out by this figure.
	SizeBytes int64
	// Mode holds permission bits (and fs.ModeDir for an empty folder). Zero
	// means 0644, or 0755 for a folder. FAT has no place for it.
	Mode fs.FileMode
	// Open yields the contents, from the start, as often as it is called.
	// It is nil for folders, and may be nil for empty files.
	Open func() (io.ReadCloser, error)
}

// Bytes is a file with the given contents.
func Bytes(path string, data []byte) File {
	return File{Path: path, SizeBytes: int64(len(data)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

// Dir is a folder that should exist even if no file lies in it.
func Dir(path string) File { return File{Path: path, Mode: fs.ModeDir | 0o755} }

// ErrUnreadable says that a file of this machine is not there, or cannot be read.
var ErrUnreadable = fault.Class(fault.Input, "cannot be read")

// Host is a file of this machine, read from source, to be put at path. Its
// size is taken now. Only regular files are accepted, reached by a symbolic
// link or not. The error is ErrUnreadable.
func Host(path, source string) (File, error) {
	info, err := os.Stat(source)
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: source, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return File{}, &fault.Error{Class: ErrUnreadable, Err: err}
	}
	return File{Path: path, SizeBytes: info.Size(), Open: func() (io.ReadCloser, error) {
		return os.Open(source)
	}}, nil
}

// FS is a file of a file system, such as an opened installer ISO, to be put
// at path.
func FS(path string, from fs.FS, name string) (File, error) {
	info, err := fs.Stat(from, name)
	if err != nil {
		return File{}, err
	}
	if !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("%s: not a regular file", name)
	}
	return File{Path: path, SizeBytes: info.Size(), Open: func() (io.ReadCloser, error) {
		return from.Open(name)
	}}, nil
}

// Node is a file or folder in its place.
type Node struct {
	File
	Name     string  // the last element of Path; "" for the root
	Children []*Node // sorted by Name, byte by byte; nil for files
}

// IsDir says whether n is a folder.
func (n *Node) IsDir() bool { return n.Mode.IsDir() }

// ErrPath is what a path that no medium can hold is refused with.
var ErrPath = fault.Class(fault.Input, "path cannot be put on a medium")

// maxDepth bounds nested folders; deeper trees are mistakes, and writers recurse.
const maxDepth = 64

// Build arranges files into folders and returns the root. The order of files
// does not matter: equal sets give equal trees. It refuses absolute paths,
// "." and ".." and empty elements, names that are not UTF-8 or longer than
// 255 bytes, a path given twice, and a file that lies inside a file.
func Build(files []File) (*Node, error) {
	root := &Node{File: File{Mode: fs.ModeDir | 0o755}}
	index := map[string]*Node{"": root}
	for _, f := range files {
		if err := CheckPath(f.Path); err != nil {
			return nil, err
		}
		if f.SizeBytes < 0 {
			return nil, fmt.Errorf("%s: negative size %d", f.Path, f.SizeBytes)
		}
		if f.Open == nil && f.SizeBytes > 0 {
			return nil, fmt.Errorf("%s: %d bytes but nothing to read them from", f.Path, f.SizeBytes)
		}
		if err := insert(index, f); err != nil {
			return nil, err
		}
	}
	for _, n := range index {
		sort.Slice(n.Children, func(i, j int) bool { return n.Children[i].Name < n.Children[j].Name })
	}
	return root, nil
}

// insert puts f and the folders above it into the index.
func insert(index map[string]*Node, f File) error {
	parent := index[""]
	for i := 0; i < len(f.Path); i++ {
		if f.Path[i] != '/' {
			continue
		}
		dir := f.Path[:i]
		n := index[dir]
		if n == nil {
			n = add(index, parent, Dir(dir))
		}
		if !n.IsDir() {
			return fmt.Errorf("%s: %s is a file, not a folder", f.Path, dir)
		}
		parent = n
	}
	if f.Mode.Perm() == 0 {
		f.Mode |= 0o644
		if f.Mode.IsDir() {
			f.Mode |= 0o111
		}
	}
	if old := index[f.Path]; old != nil {
		if old.IsDir() && f.Mode.IsDir() {
			old.Mode = f.Mode // a folder named on its own, after files in it
			return nil
		}
		return fmt.Errorf("%s: given twice", f.Path)
	}
	add(index, parent, f)
	return nil
}

func add(index map[string]*Node, parent *Node, f File) *Node {
	n := &Node{File: f, Name: f.Path[strings.LastIndexByte(f.Path, '/')+1:]}
	parent.Children = append(parent.Children, n)
	index[f.Path] = n
	return n
}

// CheckPath says why a path cannot be put on any medium, or nil. The error
// wraps ErrPath.
func CheckPath(path string) error {
	fail := func(why string) error { return fmt.Errorf("%q: %s: %w", path, why, ErrPath) }
	if path == "" {
		return fail("empty")
	}
	if !utf8.ValidString(path) {
		return fail("not UTF-8")
	}
	if strings.Count(path, "/") >= maxDepth {
		return fail(fmt.Sprintf("more than %d folders deep", maxDepth))
	}
	for _, name := range strings.Split(path, "/") {
		switch {
		case name == "":
			return fail("empty element (paths are relative, with single slashes)")
		case name == "." || name == "..":
			return fail("element " + name)
		case len(name) > 255:
			return fail("a name is longer than 255 bytes")
		case strings.ContainsRune(name, 0):
			return fail("NUL in a name")
		}
	}
	return nil
}

// Copy writes the contents of f to w and holds them to SizeBytes: a file that
// shrank or grew since it was listed is an error, not a damaged medium.
// If w is an *os.File and the contents come from a file, the kernel copies.
func Copy(w io.Writer, f File) error {
	if f.Open == nil {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	defer r.Close()
	var n int64
	if to, ok := r.(io.WriterTo); ok && !isFile(r) {
		n, err = to.WriteTo(w)
	} else {
		n, err = io.Copy(w, io.LimitReader(r, f.SizeBytes))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Path, err)
	}
	if n < f.SizeBytes {
		return fmt.Errorf("%s: ended after %d of %d bytes: it was changed while being read, or it is damaged", f.Path, n, f.SizeBytes)
	}
	var one [1]byte
	if k, _ := io.ReadFull(r, one[:]); k > 0 || n > f.SizeBytes {
		return fmt.Errorf("%s: longer than the %d bytes it had at first: it was changed while being read", f.Path, f.SizeBytes)
	}
	return nil
}

// isFile says whether r is a file of this machine. Its own WriteTo knows no
// limit, and io.Copy lets the kernel copy from it anyway.
func isFile(r io.Reader) bool {
	_, ok := r.(*os.File)
	return ok
}
