package nixdisk

// The few files of a closure that say what the disk shall be like.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/nixglue"
	"github.com/imgasm/imgasm/nixglue/nar"
)

const (
	maxText  = 1 << 20  // bytes of a file that is looked at
	maxFiles = 100_000  // in the store paths that are looked into
	maxKept  = 32 << 20 // bytes of their files that are kept
	maxLinks = 40       // symbolic links on the way to a file, as Linux has it
)

// files reads files of a closure: each store path that one of them is in as a
// whole, once, and only what is small of it is kept.
type files struct {
	ctx     context.Context
	nix     nixglue.Nix
	closure []nixglue.PathInfo
	nodes   map[string]file // by their whole paths
	kept    int64           // bytes in them
}

type file struct {
	mode   fs.FileMode
	target string // of a symbolic link
	large  bool
	data   []byte
}

// read reads a file by its whole path, through links. If it is not there the
// error is ErrSystem and wraps fs.ErrNotExist.
func (f *files) read(name string) ([]byte, error) {
	name, err := realPath(name, f.link)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, broken("%w", err)
	} else if err != nil {
		return nil, err
	}
	n := f.nodes[name]
	switch {
	case !n.mode.IsRegular():
		return nil, broken("%s is not a file", name)
	case n.large:
		return nil, broken("%s has more than %d bytes", name, maxText)
	}
	return n.data, nil
}

// link is what the symbolic link at name says; "" of what is none.
func (f *files) link(name string) (string, error) {
	if n, ok := f.nodes[name]; ok {
		return n.target, nil
	}
	i := pathOf(f.closure, name)
	if i < 0 || f.nodes[f.closure[i].Path].mode != 0 {
		if strings.HasPrefix(f.closure[0].Path, name+"/") { // above the store
			return "", nil
		}
		return "", &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	if err := f.load(f.closure[i]); err != nil {
		return "", err
	}
	return f.link(name)
}

// pathOf finds the store path that name is, or is in; -1 if none is.
func pathOf(closure []nixglue.PathInfo, name string) int {
	return slices.IndexFunc(closure, func(p nixglue.PathInfo) bool { return name == p.Path || strings.HasPrefix(name, p.Path+"/") })
}

// load reads a store path.
func (f *files) load(p nixglue.PathInfo) error {
	return f.nix.Archives(f.ctx, []nixglue.PathInfo{p}, func(p nixglue.PathInfo, r *nar.Reader) error { return f.keep(p, r) })
}

// keep keeps what is small of a store path.
func (f *files) keep(p nixglue.PathInfo, a archive) error {
	for {
		e, err := a.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		n := file{mode: e.Mode, target: e.Target, large: e.Size > maxText}
		if !n.large {
			f.kept += e.Size + int64(len(e.Target))
		}
		if len(f.nodes) == maxFiles || f.kept > maxKept {
			return broken("%s has more than %d files, or more than %d bytes in small ones", p.Path, maxFiles, maxKept)
		}
		if e.Mode.IsRegular() && !n.large {
			if n.data, err = io.ReadAll(a); err != nil {
				return err
			}
		}
		f.nodes[path.Join(p.Path, e.Path)] = n
	}
}

// realPath follows the symbolic links on the way to name, which begins at the
// root. link is what one says, or "" of what is none.
func realPath(name string, link func(string) (string, error)) (string, error) {
	wanted := name
	for range maxLinks {
		next, err := firstLink(name, link)
		if err != nil || next == "" {
			return name, err
		}
		name = next
	}
	return "", fmt.Errorf("%s: more than %d symbolic links", wanted, maxLinks)
}

// firstLink replaces the first symbolic link in name by what it says; "" if
// there is none.
func firstLink(name string, link func(string) (string, error)) (string, error) {
	name = path.Clean("/" + name)
	for end := 1; end <= len(name); end++ {
		if end < len(name) && name[end] != '/' {
			continue
		}
		target, err := link(name[:end])
		if err != nil {
			return "", err
		}
		if target == "" {
			continue
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name[:end]), target)
		}
		return path.Join(target, name[end:]), nil
	}
	return "", nil
}
