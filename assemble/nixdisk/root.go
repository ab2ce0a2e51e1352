package nixdisk

// The root's files: what NixOS's installer leaves before the first boot, which
// makes all else.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/pipeline"
	"github.com/imgasm/imgasm/nixglue"
	"github.com/imgasm/imgasm/nixglue/nar"
)

// storeGroup is nixbld, whose number NixOS fixes: it may add to the store.
const storeGroup = 30000

// storeTime is the time of all files in a store.
var storeTime = time.Unix(1, 0)

// folders are those outside of the store, parents first.
var folders = []struct {
	path string
	mode fs.FileMode
}{
	{"bin", 0o755}, {"dev", 0o755}, {"etc", 0o755}, {"home", 0o755}, {"proc", 0o755}, {"root", 0o700}, {"run", 0o755}, {"sys", 0o755}, {"tmp", fs.ModeSticky | 0o777},
	{"usr", 0o755}, {"var", 0o755}, {"nix/var", 0o755}, {"nix/var/log", 0o755}, {"nix/var/log/nix", 0o755}, {"nix/var/nix", 0o755}, {"nix/var/nix/db", 0o755},
	{"nix/var/nix/gcroots", 0o755}, {"nix/var/nix/gcroots/per-user", 0o755}, {"nix/var/nix/gcroots/per-user/root", 0o755}, {"nix/var/nix/profiles", 0o755},
	{"nix/var/nix/profiles/per-user", 0o755}, {"nix/var/nix/profiles/per-user/root", 0o755}, {"nix/var/nix/temproots", 0o755},
}

// skeleton is how many files there are outside of the store, at most.
const skeleton = 64

// root writes the root's files.
type root struct {
	*ext4.Writer
	time  time.Time
	done  int64 // bytes of the closure
	tell  *pipeline.Teller
	made  map[string]bool     // folders
	first map[identity]string // names of files that the local store keeps under several
}

func (s *System) writeRoot(ctx context.Context, w io.WriterAt, o ext4.Options) error {
	writer, err := ext4.Create(w, o)
	if err != nil {
		return err
	}
	r := &root{Writer: writer, time: s.c.Time, tell: pipeline.NewTeller(s.c.Progress, s.NarBytes),
		made: map[string]bool{".": true}, first: map[identity]string{}}
	if err := r.Mkdir(".", r.attr(0o755)); err != nil {
		return err
	}
	if err := s.writeSkeleton(r); err != nil {
		return err
	}
	err = s.each(ctx, s.c.Verify, func(p nixglue.PathInfo, a archive) error { return r.storePath(p.Path, a) })
	if err != nil {
		return err
	}
	r.tell.End()
	return writer.Close()
}

func (r *root) attr(mode fs.FileMode) ext4.Attr { return ext4.Attr{Mode: mode, ModTime: r.time} }

// folder makes a folder, and those above it that are not there.
func (r *root) folder(name string, a ext4.Attr) error {
	if r.made[name] {
		return nil
	}
	if err := r.folder(path.Dir(name), r.attr(0o755)); err != nil {
		return err
	}
	r.made[name] = true
	return r.Mkdir(name, a)
}

// writeSkeleton writes what is not in the store.
func (s *System) writeSkeleton(r *root) error {
	for _, f := range folders {
		if err := r.folder(f.path, r.attr(f.mode)); err != nil {
			return err
		}
	}
	if err := r.folder(below(path.Clean(s.ESPPoint)), r.attr(0o755)); err != nil {
		return err
	}
	store := r.attr(fs.ModeSticky | 0o775)
	store.GID = storeGroup
	if err := r.folder(below(s.store), store); err != nil {
		return err
	}
	for _, l := range []struct{ name, target string }{
		{"nix/var/nix/gcroots/profiles", "/nix/var/nix/profiles"}, {"nix/var/nix/profiles/system", "system-1-link"}, {"nix/var/nix/profiles/system-1-link", s.Toplevel},
	} {
		if err := r.Symlink(l.name, l.target, r.attr(0o777)); err != nil {
			return err
		}
	}
	db, err := registration(s.closure, s.c.Time)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"etc/NIXOS", nil}, // else switch-to-configuration does not believe that this is one
		{"nix/var/nix/db/db.sqlite", db}, {"nix/var/nix/db/schema", []byte(schemaVersion)},
	} {
		if err := r.File(f.name, r.attr(0o644), int64(len(f.data)), bytes.NewReader(f.data)); err != nil {
			return err
		}
	}
	return nil
}

// below is an absolute path as one below the root.
func below(name string) string { return strings.TrimPrefix(name, "/") }

// storePath writes a path of the store.
func (r *root) storePath(name string, contents archive) error {
	for {
		e, err := contents.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		file := path.Join(name, e.Path)
		a := ext4.Attr{Mode: e.Mode.Perm(), ModTime: storeTime}
		switch {
		case e.Mode.IsDir():
			err = r.Mkdir(below(file), a)
		case e.Mode&fs.ModeSymlink != 0:
			err = r.Symlink(below(file), e.Target, a)
		default:
			err = r.file(file, a, e.Size, contents)
			r.done += e.Size
			r.tell.Done(r.done)
		}
		if err != nil {
			return err
		}
	}
}

// file writes a file, or a link to what the local store keeps as the same one.
func (r *root) file(name string, a ext4.Attr, size int64, contents archive) error {
	if here, local := contents.(*nar.Folder); local {
		if id, several := identify(here.Info()); several {
			if first := r.first[id]; first != "" {
				return r.Link(below(name), first)
			}
			r.first[id] = below(name)
		}
	}
	return r.File(below(name), a, size, contents)
}
