// This file joins a system's file systems to one, as its fstab says.

package inspect

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/assemble/xfs"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/nodefs"
)

// ErrNoFiles says that a disk holds no file system that can be read.
var ErrNoFiles = fault.Class(fault.Input, "no file system that can be read")

// Tree is what a system would see of a disk: the file systems that its fstab
// mounts, joined to an fs.FS. Symbolic links lead where they would lead in that
// system, and never out of the image. A FileInfo's Sys is that of the file
// system: *xfs.Stat, *ext4.Stat or nil.
type Tree struct {
	// Mounts are the file systems that are joined; the first is the root.
	Mounts []Mount
	// Fstab is what /etc/fstab has, in its order.
	Fstab []FstabEntry

	mu   sync.Mutex
	dirs map[string]*treeNode
}

// Mount is a file system in a tree.
type Mount struct {
	Point  string // without the slash in front: "" for the root, "boot/efi"
	Volume *Volume
}

var (
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.StatFS     = (*Tree)(nil)
	_ fs.ReadFileFS = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
)

// Tree joins the file systems of the disk. The root is the first with an
// /etc/os-release or /etc/fstab, else the first that can be read. If there is
// none, the error is ErrNoFiles and says what there is.
func (m *Image) Tree() (*Tree, error) {
	var root *Volume
	var kinds []string
	for i := range m.Volumes {
		v := &m.Volumes[i]
		if v.fsys == nil {
			kinds = append(kinds, m.describe(v))
			continue
		}
		if root == nil || !hasSystem(root.fsys) && hasSystem(v.fsys) {
			root = v
		}
	}
	switch {
	case root == nil && kinds == nil:
		return nil, &fault.Error{Class: ErrNoFiles, Err: errors.New("the disk holds nothing that imgasm knows")}
	case root == nil:
		return nil, &fault.Error{Class: ErrNoFiles, Err: fmt.Errorf("the disk holds no file system that imgasm reads: %s", strings.Join(kinds, ", "))}
	}
	t := &Tree{Mounts: []Mount{{Volume: root}}, dirs: map[string]*treeNode{}}
	t.Fstab = m.readFstab(root.fsys)
	for _, e := range t.Fstab {
		point := strings.Trim(path.Clean("/"+e.Point), "/")
		if e.volume == nil || e.volume.fsys == nil || !strings.HasPrefix(e.Point, "/") || point == "" {
			continue
		}
		at := func(other Mount) bool { return other.Point == point || other.Volume == e.volume }
		if !slices.ContainsFunc(t.Mounts, at) {
			t.Mounts = append(t.Mounts, Mount{point, e.volume})
		}
	}
	return t, nil
}

// SystemTree is Tree for who asks what system the disk holds. Where none was found
// and some of the disk cannot be read, the system may be there, in LUKS perhaps:
// the error is ErrNoFiles.
func (m *Image) SystemTree() (*Tree, error) {
	t, err := m.Tree()
	if err != nil || hasSystem(t.Mounts[0].Volume.fsys) {
		return t, err
	}
	for i := range m.Volumes {
		if v := &m.Volumes[i]; v.Unread != "" {
			return nil, &fault.Error{Class: ErrNoFiles, Err: fmt.Errorf("no system is on what imgasm reads of the disk, and %s", m.describe(v))}
		}
	}
	return t, nil
}

// Partition is the file system of one partition alone, by its number. The error
// is ErrNoFiles if there is none that can be read.
func (m *Image) Partition(number int) (*Tree, error) {
	for i := range m.Volumes {
		v := &m.Volumes[i]
		switch {
		case v.Number != number:
			continue
		case v.fsys == nil:
			return nil, &fault.Error{Class: ErrNoFiles, Err: fmt.Errorf("%s, which holds no files that imgasm reads", m.describe(v))}
		}
		return &Tree{Mounts: []Mount{{Volume: v}}, dirs: map[string]*treeNode{}}, nil
	}
	return nil, &fault.Error{Class: ErrNoFiles, Err: fmt.Errorf("there is no partition %d", number)}
}

// describe names a volume for people.
func (m *Image) describe(v *Volume) string {
	kind := cmp.Or(v.Kind, "unknown")
	if v.Unread != "" && !strings.Contains(v.Unread, "reads no") {
		kind += " (" + v.Unread + ")"
	}
	switch {
	case v.LV != "":
		return v.LV + " is " + kind
	case m.Table == "":
		return "it is " + kind
	}
	return fmt.Sprintf("partition %d is %s", v.Number, kind)
}

// nixosEtc has what will be in /etc when a NixOS has booted for the first time.
const nixosEtc = "nix/var/nix/profiles/system/etc"

// hasSystem reports whether a file system looks like a system's root.
func hasSystem(fsys fs.FS) bool {
	for _, name := range []string{"etc/os-release", "etc/fstab", nixosEtc + "/fstab"} {
		if _, err := fs.Lstat(fsys, name); err == nil {
			return true
		}
	}
	return false
}

// maxReadFile is the largest file that ReadFile reads, in bytes.
const maxReadFile = 256 << 20

func (t *Tree) tree() nodefs.FS {
	return nodefs.FS{MaxFile: maxReadFile, Root: func() (nodefs.Node, error) { return t.node("", t.Mounts[0].Volume.fsys, ".") }}
}

// Open opens a file or directory; of what is neither, only Stat works.
func (t *Tree) Open(name string) (fs.File, error) { return t.tree().Open(name) }

// Stat describes a file.
func (t *Tree) Stat(name string) (fs.FileInfo, error) { return t.tree().Stat(name) }

// Lstat is Stat that describes a symbolic link itself.
func (t *Tree) Lstat(name string) (fs.FileInfo, error) { return t.tree().Lstat(name) }

// ReadLink returns what a symbolic link holds, as it is.
func (t *Tree) ReadLink(name string) (string, error) { return t.tree().ReadLink(name) }

// ReadDir lists a directory, by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) { return t.tree().ReadDir(name) }

// ReadFile reads a file of at most 256 MiB; Open has no such limit.
func (t *Tree) ReadFile(name string) ([]byte, error) { return t.tree().ReadFile(name) }

// Owner is who owns a file of a tree, by number; ok is false on FAT, which has no
// owners.
func Owner(in fs.FileInfo) (uid, gid uint32, ok bool) {
	switch s := in.Sys().(type) {
	case *xfs.Stat:
		return s.UID, s.GID, true
	case *ext4.Stat:
		return s.UID, s.GID, true
	}
	return 0, 0, false
}

// treeNode is a file of one of the file systems. No part of its paths is a
// symbolic link.
type treeNode struct {
	t    *Tree
	path string // in the tree, "" for the root
	fsys fs.FS
	name string // in its file system
	in   fs.FileInfo

	file fs.File // once its contents were read
}

// maxDirs is how many directories are kept, so that paths are not walked from
// the root again and again.
const maxDirs = 10_000

func (t *Tree) node(treePath string, fsys fs.FS, name string) (*treeNode, error) {
	t.mu.Lock()
	n := t.dirs[treePath]
	t.mu.Unlock()
	if n != nil {
		return n, nil
	}
	in, err := fs.Lstat(fsys, name)
	if err != nil {
		return nil, bare(err)
	}
	n = &treeNode{t: t, path: treePath, fsys: fsys, name: name, in: in}
	if in.IsDir() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if len(t.dirs) >= maxDirs {
			clear(t.dirs)
		}
		t.dirs[treePath] = n
	}
	return n, nil
}

// bare takes the path off an error that will get another.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// mounted returns what is mounted at a path.
func (t *Tree) mounted(treePath string) fs.FS {
	for _, m := range t.Mounts {
		if m.Point == treePath {
			return m.Volume.fsys
		}
	}
	return nil
}

// Lookup implements nodefs.Node.
func (n *treeNode) Lookup(name string) (nodefs.Node, error) {
	at := path.Join(n.path, name)
	fsys, inside := n.fsys, path.Join(n.name, name)
	if other := n.t.mounted(at); other != nil {
		fsys, inside = other, "."
	}
	c, err := n.t.node(at, fsys, inside)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Mode implements nodefs.Node.
func (n *treeNode) Mode() fs.FileMode { return n.in.Mode() }

// Size implements nodefs.Node.
func (n *treeNode) Size() int64 { return n.in.Size() }

// ModTime implements nodefs.Node.
func (n *treeNode) ModTime() time.Time { return n.in.ModTime() }

// Sys implements nodefs.Node.
func (n *treeNode) Sys() any { return n.in.Sys() }

// ReadLink implements nodefs.Node.
func (n *treeNode) ReadLink() (string, error) {
	target, err := fs.ReadLink(n.fsys, n.name)
	return target, bare(err)
}

// ReadPiece implements nodefs.Node.
func (n *treeNode) ReadPiece(p []byte, off int64) (int, error) {
	if n.file == nil {
		f, err := n.fsys.Open(n.name)
		if err != nil {
			return 0, bare(err)
		}
		n.file = f
	}
	m, err := n.file.(io.ReaderAt).ReadAt(p, off)
	return m, bare(err)
}

// List implements nodefs.Node.
func (n *treeNode) List() nodefs.Lister { return &treeLister{n: n} }

type treeLister struct {
	n   *treeNode
	dir fs.ReadDirFile
}

// Next implements nodefs.Lister.
func (l *treeLister) Next() ([]nodefs.Entry, error) {
	if l.dir == nil {
		f, err := l.n.fsys.Open(l.n.name)
		if err != nil {
			return nil, bare(err)
		}
		l.dir = f.(fs.ReadDirFile)
	}
	list, err := l.dir.ReadDir(1000)
	var entries []nodefs.Entry
	for _, e := range list {
		entries = append(entries, treeEntry{l.n, e})
	}
	return entries, bare(err)
}

type treeEntry struct {
	dir *treeNode
	fs.DirEntry
}

// Node implements nodefs.Entry.
func (e treeEntry) Node() (nodefs.Node, error) { return e.dir.Lookup(e.Name()) }

// Type implements nodefs.Entry.
func (e treeEntry) Type() fs.FileMode {
	if e.dir.t.mounted(path.Join(e.dir.path, e.Name())) != nil {
		return fs.ModeDir
	}
	return e.DirEntry.Type()
}
