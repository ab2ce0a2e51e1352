// This file says what differs between two images: packages, and files.

package inspect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/imgasm/imgasm/internal/digest"
)

// Kinds of differences.
const (
	Added   = "added"   // only the second has it
	Removed = "removed" // only the first has it
	Changed = "changed"
	Unread  = "unread" // one of them could not be read
)

// PackageChange is a package that differs.
type PackageChange struct {
	Kind string `json:"change"`
	Name string `json:"name"`
	Arch string `json:"arch,omitempty"`
	A    string `json:"a,omitempty"` // its version in the first
	B    string `json:"b,omitempty"` // and in the second
}

// DiffPackages compares what is installed, by name and architecture. Of one that is
// installed in several versions, as kernels are, each is one of its own.
func DiffPackages(a, b []Package) []PackageChange {
	type key struct{ name, arch string }
	versions := func(list []Package) map[key][]string {
		m := map[key][]string{}
		for _, p := range list {
			m[key{p.Name, p.Arch}] = append(m[key{p.Name, p.Arch}], p.Version)
		}
		return m
	}
	of, with := versions(a), versions(b)
	var all []PackageChange
	add := func(kind string, k key, a, b string) { all = append(all, PackageChange{kind, k.name, k.arch, a, b}) }
	for k, va := range of {
		vb := with[k]
		if len(va) == 1 && len(vb) == 1 {
			if va[0] != vb[0] {
				add(Changed, k, va[0], vb[0])
			}
			continue
		}
		for _, v := range va {
			if !slices.Contains(vb, v) {
				add(Removed, k, v, "")
			}
		}
	}
	for k, vb := range with {
		if va := of[k]; len(va) != 1 || len(vb) != 1 {
			for _, v := range vb {
				if !slices.Contains(va, v) {
					add(Added, k, "", v)
				}
			}
		}
	}
	slices.SortFunc(all, func(x, y PackageChange) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Arch, y.Arch), cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B))
	})
	return all
}

// FileState is what a file is.
type FileState struct {
	Mode   string `json:"mode"` // as ls shows it: "-rw-r--r--"
	UID    uint32 `json:"uid"`  // 0 on FAT
	GID    uint32 `json:"gid"`
	Bytes  int64  `json:"bytes"`            // of a regular file
	Target string `json:"target,omitempty"` // of a symbolic link
	// SHA256 is that of a regular file's contents in hex, where they had to be
	// read: sizes that differ say enough.
	SHA256 string `json:"sha256,omitempty"`

	mode fs.FileMode
}

// FileChange is a file that differs.
type FileChange struct {
	Kind string     `json:"change"`
	Path string     `json:"path"`
	A    *FileState `json:"a,omitempty"` // what it is in the first
	B    *FileState `json:"b,omitempty"` // and in the second
	// What differs of a changed one: "type", "mode", "owner", "size",
	// "contents", "target".
	What    []string `json:"what,omitempty"`
	Problem string   `json:"problem,omitempty"` // why it could not be read
}

// DiffFiles compares two trees, and tells each file that differs, in the order
// of their paths, a folder before what is in it. Times are not compared: two
// installations never have the same. Of a folder that only one has, all files
// are told. The error is tell's, or ctx's.
func DiffFiles(ctx context.Context, a, b fs.FS, tell func(FileChange) error) error {
	d := &differ{ctx: ctx, a: a, b: b, tell: tell}
	return d.dirs(".", true, true)
}

type differ struct {
	ctx  context.Context
	a, b fs.FS
	tell func(FileChange) error

	pieces [2][256 << 10]byte // of the contents of both
}

// dirs compares a directory that one or both have.
func (d *differ) dirs(dir string, inA, inB bool) error {
	list := func(fsys fs.FS, has bool) ([]fs.DirEntry, error) {
		if !has {
			return nil, nil
		}
		return fs.ReadDir(fsys, dir)
	}
	as, errA := list(d.a, inA)
	bs, errB := list(d.b, inB)
	if err := errors.Join(errA, errB); err != nil {
		return d.unread(dir, err)
	}
	for len(as) > 0 || len(bs) > 0 {
		if d.ctx.Err() != nil {
			return context.Cause(d.ctx)
		}
		var a, b fs.DirEntry
		order := 0
		switch {
		case len(bs) == 0:
			order = -1
		case len(as) == 0:
			order = 1
		default:
			order = cmp.Compare(as[0].Name(), bs[0].Name())
		}
		if order <= 0 {
			a, as = as[0], as[1:]
		}
		if order >= 0 {
			b, bs = bs[0], bs[1:]
		}
		if err := d.pair(dir, a, b); err != nil {
			return err
		}
	}
	return nil
}

// unread tells what could not be read, unless that is because ctx has ended.
func (d *differ) unread(name string, err error) error {
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	return d.tell(FileChange{Kind: Unread, Path: path.Join("/", name), Problem: err.Error()})
}

// pair compares files of one name, of which one may be nil.
func (d *differ) pair(dir string, a, b fs.DirEntry) error {
	name := ""
	for _, e := range []fs.DirEntry{a, b} {
		if e != nil {
			name = path.Join(dir, e.Name())
		}
	}
	change := FileChange{Path: "/" + name}
	var err error
	if a != nil {
		change.A, err = state(d.a, name, a)
	}
	if b != nil && err == nil {
		change.B, err = state(d.b, name, b)
	}
	dirA, dirB := a != nil && a.IsDir(), b != nil && b.IsDir()
	switch {
	case err != nil:
		return d.unread(name, err)
	case a == nil:
		change.Kind = Added
	case b == nil:
		change.Kind = Removed
	default:
		if change.What, err = d.compare(name, change.A, change.B); err != nil {
			return d.unread(name, err)
		}
		if change.What != nil {
			change.Kind = Changed
		}
	}
	if change.Kind != "" {
		if err := d.tell(change); err != nil {
			return err
		}
	}
	if dirA || dirB {
		return d.dirs(name, dirA, dirB)
	}
	return nil
}

func state(fsys fs.FS, name string, e fs.DirEntry) (*FileState, error) {
	in, err := e.Info()
	if err != nil {
		return nil, err
	}
	s := &FileState{Mode: ModeText(in.Mode()), mode: in.Mode()}
	s.UID, s.GID, _ = Owner(in)
	switch in.Mode().Type() {
	case 0:
		s.Bytes = in.Size()
	case fs.ModeSymlink:
		s.Target, err = fs.ReadLink(fsys, name)
	}
	return s, err
}

// compare lists what differs.
func (d *differ) compare(name string, a, b *FileState) ([]string, error) {
	var what []string
	note := func(differs bool, word string) {
		if differs {
			what = append(what, word)
		}
	}
	sameType := a.mode.Type() == b.mode.Type()
	note(!sameType, "type")
	note(a.mode&^fs.ModeType != b.mode&^fs.ModeType, "mode")
	note(a.UID != b.UID || a.GID != b.GID, "owner")
	note(a.Bytes != b.Bytes, "size")
	note(a.Target != b.Target, "target")
	if !sameType || a.Bytes != b.Bytes || a.Bytes == 0 {
		return what, nil
	}
	if what == nil { // most files are the same: to compare takes a third of the time that sums do
		if same, err := d.same(name); same || err != nil {
			return nil, err
		}
	}
	var err error
	if a.SHA256, err = d.sum(d.a, name); err != nil {
		return nil, err
	}
	if b.SHA256, err = d.sum(d.b, name); err != nil {
		return nil, err
	}
	note(a.SHA256 != b.SHA256, "contents")
	return what, nil
}

// same compares the contents of two files of one size.
func (d *differ) same(name string) (bool, error) {
	a, err := d.a.Open(name)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := d.b.Open(name)
	if err != nil {
		return false, err
	}
	defer b.Close()
	for d.ctx.Err() == nil {
		n, err := io.ReadFull(a, d.pieces[0][:])
		m, errB := io.ReadFull(b, d.pieces[1][:])
		switch {
		case !bytes.Equal(d.pieces[0][:n], d.pieces[1][:m]):
			return false, nil // or one cannot be read, which its sum tells
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return true, nil
		case err != nil || errB != nil:
			return false, errors.Join(err, errB)
		}
	}
	return false, context.Cause(d.ctx)
}

func (d *differ) sum(fsys fs.FS, name string) (string, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum, _, err := digest.Reader(d.ctx, f, func(int64) {})
	return sum, err
}
