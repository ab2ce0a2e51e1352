// The file system as an fs.FS.

package xfs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxLinks is how many symbolic links a path may lead through, as Linux has it.
const maxLinks = 40

var errNotDir = errors.New("not a directory")

// walk finds a path's inode. A link at its end is followed if wanted.
func (f *FS) walk(op, name string, follow bool) (*inode, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	in, err := f.resolve(name, follow)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return in, nil
}

func (f *FS) resolve(name string, follow bool) (*inode, error) {
	root, err := f.root()
	if err != nil {
		return nil, err
	}
	way := []*inode{root} // directories down to here
	todo := strings.Split(name, "/")
	for links := 0; len(todo) > 0; {
		part := todo[0]
		todo = todo[1:]
		here := way[len(way)-1]
		if !here.mode.IsDir() {
			return nil, errNotDir
		}
		switch part {
		case "", ".":
			continue
		case "..":
			way = way[:max(1, len(way)-1)]
			continue
		}
		e, err := here.lookup(part)
		if err != nil {
			return nil, err
		}
		c, err := here.child(e)
		if err != nil {
			return nil, err
		}
		if c.mode.Type() != fs.ModeSymlink || len(todo) == 0 && !follow {
			way = append(way, c)
			continue
		}
		if links++; links > maxLinks {
			return nil, fmt.Errorf("more than %d symbolic links", maxLinks)
		}
		target, err := c.readLink()
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

// Open opens a file or directory; of what is neither, only Stat works.
func (f *FS) Open(name string) (fs.File, error) {
	in, err := f.walk("open", name, true)
	if err != nil {
		return nil, err
	}
	o := &openFile{in: in, path: name}
	if in.mode.IsDir() {
		return &openDir{openFile: o, reader: dirReader{in: in}}, nil
	}
	return o, nil
}

// Stat describes a file. Its Sys is a *Stat.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.stat("stat", name, true) }

// Lstat is Stat that describes a symbolic link itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.stat("lstat", name, false) }

func (f *FS) stat(op, name string, follow bool) (fs.FileInfo, error) {
	in, err := f.walk(op, name, follow)
	if err != nil {
		return nil, err
	}
	return info{path.Base(name), in}, nil
}

// ReadLink returns what a symbolic link holds, as it is.
func (f *FS) ReadLink(name string) (string, error) {
	in, err := f.walk("readlink", name, false)
	if err != nil {
		return "", err
	}
	target := ""
	if err = fs.ErrInvalid; in.mode.Type() == fs.ModeSymlink {
		target, err = in.readLink()
	}
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return target, nil
}

// ReadDir lists a directory, by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
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

// ReadFile reads a file of at most 256 MiB; Open has no such limit.
func (f *FS) ReadFile(name string) ([]byte, error) {
	o, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	in, err := o.Stat()
	if err != nil {
		return nil, err
	}
	if in.Size() > int64(maxListing) {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("file of %d bytes is too large to be read as a whole", in.Size())}
	}
	var b bytes.Buffer
	if in.Mode().IsRegular() {
		b.Grow(int(in.Size()) + bytes.MinRead)
	}
	_, err = b.ReadFrom(o)
	return b.Bytes(), err
}

var linkHeader = header{sum: 12, address: 40, uuid: 16, owner: 32}

const (
	linkHeaderSize = 56
	maxLink        = 1024 // XFS_SYMLINK_MAXLEN
)

// readLink returns a symbolic link's target: in the inode, or in up to two
// extents that have a header each (the book, "Symbolic Links").
func (in *inode) readLink() (string, error) {
	size := int(min(in.size, maxLink+1))
	if size < 1 || size > maxLink {
		return "", corrupt("inode %d: symbolic link of %d bytes", in.ino, in.size)
	}
	if in.data.format == formatLocal {
		if size > len(in.data.raw) {
			return "", corrupt("inode %d: symbolic link of %d bytes in %d", in.ino, size, len(in.data.raw))
		}
		return linkTarget(in.ino, in.data.raw[:size])
	}
	sb := &in.fs.sb
	var target []byte
	for off := uint64(0); len(target) < size; {
		e, err := in.data.at(off)
		if err != nil {
			return "", err
		}
		off += e.count
		if e.zero || e.count<<sb.blockLog > 1<<16 {
			return "", corrupt("inode %d: symbolic link in %d blocks", in.ino, e.count)
		}
		at, err := sb.address(e.block, e.count)
		if err != nil {
			return "", err
		}
		buf, err := in.fs.read(at, int(e.count<<sb.blockLog))
		if err != nil {
			return "", fmt.Errorf("inode %d: %w", in.ino, err)
		}
		if err := linkHeader.check(sb, buf, at, in.ino); err != nil {
			return "", err
		}
		n := int64(be.Uint32(buf[8:]))
		if string(buf[:4]) != "XSLM" || int64(be.Uint32(buf[4:])) != int64(len(target)) ||
			n == 0 || n > int64(len(buf)-linkHeaderSize) || n > int64(size-len(target)) {
			return "", corrupt("inode %d: symbolic link's block at byte %d", in.ino, at)
		}
		target = append(target, buf[linkHeaderSize:linkHeaderSize+n]...)
	}
	return linkTarget(in.ino, target)
}

func linkTarget(ino uint64, target []byte) (string, error) {
	if slices.Contains(target, 0) {
		return "", corrupt("inode %d: symbolic link to %q", ino, target)
	}
	return string(target), nil
}
