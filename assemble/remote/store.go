package remote

// Inputs by their contents: each travels once.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

const (
	partEnding = ".part"
	// large is what is worth being kept when the job has ended that needed it, in bytes.
	large = 64 << 20
	// settled is how old an input must be that no job has, to be taken for unused: one
	// that was just sent waits for its job.
	settled = 10 * time.Minute
)

// missing are the files whose contents are not here, one of those that are equal.
func (s *Server) missing(files []File) (all []File) {
	seen := map[string]bool{}
	for _, f := range files {
		if !digest.Is(f.SHA256) || seen[f.SHA256] {
			continue
		}
		seen[f.SHA256] = true
		if info, err := os.Stat(filepath.Join(s.files(), f.SHA256)); err != nil || info.Size() != f.Size {
			all = append(all, f)
		}
	}
	return all
}

// part opens what is here of a file, for nobody else meanwhile.
func (s *Server) part(ctx context.Context, sum string) (f *os.File, unlock func(), err error) {
	if !digest.Is(sum) {
		return nil, nil, fmt.Errorf("%.80q is no SHA-256", sum)
	}
	path := filepath.Join(s.files(), sum+partEnding)
	for {
		lock := flock.New(path, flock.SetFlag(os.O_RDWR|os.O_CREATE), flock.SetPermissions(0o600))
		ok, err := lock.TryLockContext(ctx, look)
		if err == nil && ok {
			f, err = os.OpenFile(path, os.O_RDWR, 0)
		}
		if err == nil {
			// Whoever had it before may have put it in its place.
			held, e1 := lock.Stat()
			there, e2 := f.Stat()
			if e1 == nil && e2 == nil && os.SameFile(held, there) {
				return f, func() { _ = lock.Close() }, nil
			}
			f.Close()
		}
		_ = lock.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
}

// keep puts a part that is complete in its place, if it is what it should be.
func (s *Server) keep(ctx context.Context, f *os.File, sum string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	is, _, err := digest.Reader(ctx, f, func(int64) {})
	if err != nil {
		return err
	}
	if is != sum {
		changed := &fault.Error{Class: ErrHost, Err: errors.New("the file has changed while it was sent"), Do: "do it again when nothing writes to the file any more"}
		return errors.Join(changed, os.Remove(f.Name()))
	}
	if err := publish.Sync(ctx, f); err != nil {
		return err
	}
	return publish.Rename(f.Name(), filepath.Join(s.files(), sum))
}

// furnish puts the inputs of a job into its folder.
func (s *Server) furnish(dir string, files []File) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if !fs.ValidPath(f.Path) {
			return fmt.Errorf("%q is no path of a job's", f.Path)
		}
		name := filepath.FromSlash(f.Path)
		if err := root.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			return err
		}
		switch {
		case f.Dir:
			err = root.MkdirAll(name, 0o700) // its mode comes when all is in it
		case f.Link != "":
			err = root.Symlink(f.Link, name)
		default:
			err = s.place(root, name, f)
		}
		if err != nil {
			return err
		}
	}
	for _, f := range slices.Backward(files) {
		if f.Dir {
			if err := root.Chmod(filepath.FromSlash(f.Path), fs.FileMode(f.Mode).Perm()); err != nil {
				return err
			}
		}
	}
	return nil
}

// place puts one input into its place: a further name of it where its mode is of no
// account, else a copy.
func (s *Server) place(root *os.Root, name string, f File) (err error) {
	if !digest.Is(f.SHA256) {
		return fmt.Errorf("%.80q is no SHA-256", f.SHA256)
	}
	path := filepath.Join(s.files(), f.SHA256)
	if f.Mode == 0 && os.Link(path, filepath.Join(root.Name(), name)) == nil {
		return nil
	}
	in, err := smallfile.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if f.Mode == 0 {
		return nil
	}
	return out.Chmod(fs.FileMode(f.Mode).Perm())
}

// sweep removes inputs that no job has: of those named the small ones, or, with no
// names, all that have lain here for a while.
func (s *Server) sweep(ctx context.Context, names []string) error {
	jobs, err := s.list(ctx)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(s.files())
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		used := slices.ContainsFunc(jobs, func(j Job) bool { return slices.Contains(j.Inputs, e.Name()) })
		switch {
		case err != nil || used:
		case names == nil && time.Since(info.ModTime()) > settled, slices.Contains(names, e.Name()) && info.Size() < large:
			if err := os.Remove(filepath.Join(s.files(), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
