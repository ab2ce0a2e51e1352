package nixdisk

// Where the closure's files come from: the store of this machine, or archives.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
	"github.com/imgasm/imgasm/nixglue/nar"
)

// archive is a store path, as a nar.Reader or a nar.Folder reads it.
type archive interface {
	Next() (nar.Entry, error)
	io.Reader
}

// local tells whether the closure's files are this machine's. A Mac's store may
// have other names than its archives.
func (s *System) local() bool {
	if s.c.Nix.Store != "" || runtime.GOOS != "linux" {
		return false
	}
	_, err := os.Lstat(s.Toplevel)
	return err == nil
}

// each calls visit for every path of the closure, in order, and compares it with
// what its store has registered: by its hash if hashed, or if it comes from
// elsewhere, else by the size of its archive, which tells of files that are gone,
// were added or cut.
func (s *System) each(ctx context.Context, hashed bool, visit func(nixglue.PathInfo, archive) error) error {
	if !s.local() {
		return s.c.Nix.Archives(ctx, s.closure, func(p nixglue.PathInfo, r *nar.Reader) error { return visit(p, r) })
	}
	for _, p := range s.closure {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := here(p, hashed, visit); err != nil {
			return err
		}
	}
	return nil
}

// here visits a path of this machine's store.
func here(p nixglue.PathInfo, hashed bool, visit func(nixglue.PathInfo, archive) error) error {
	want, err := p.SHA256()
	if err != nil {
		return err
	}
	f, hash := nar.NewFolder(p.Path, nil), sha256.New()
	if hashed {
		f = nar.NewFolder(p.Path, hash)
	}
	defer f.Close()
	if err := visit(p, f); err != nil {
		return err
	}
	for err == nil {
		_, err = f.Next()
	}
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case f.Size() != p.NarSize, hashed && [sha256.Size]byte(hash.Sum(nil)) != want:
		return &fault.Error{Class: nixglue.ErrDamaged, Err: fmt.Errorf("%s: its contents are not those that the store has registered", p.Path),
			Do: "have its store fetch or build it again: nix-store --repair-path " + p.Path}
	}
	return nil
}

// measure counts the root's files, folders and links, and bytes in them.
func (s *System) measure(ctx context.Context) (files int, content int64, err error) {
	files = skeleton
	for _, p := range s.closure { // what is registered of it, at most
		content += 4*int64(len(p.Path)) + 512 + 256*int64(len(p.References))
	}
	content += 1 << 20
	err = s.each(ctx, false, func(_ nixglue.PathInfo, a archive) error {
		for {
			e, err := a.Next()
			if errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			files, content = files+1, content+e.Size
		}
	})
	return files, content, err
}
