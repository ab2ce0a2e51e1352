// This file copies files out of an image.

package inspect

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/nodefs"
)

var (
	// ErrExists: Copy would replace something.
	ErrExists = fault.Class(fault.Input, "exists already")
	// ErrKept: Copy would replace the file that it must keep.
	ErrKept = fault.Class(fault.Input, "is the image itself")
	// ErrName: a file's name cannot be had on this host.
	ErrName = fault.Class(fault.Input, "a name that this system cannot have")
)

// CopyOptions say how Copy copies. The zero value works.
type CopyOptions struct {
	// Force replaces files and links by files and links. Folders are joined in
	// any case, and replace nothing. What was there stays until the new is whole.
	Force bool
	// Keep is a file that is never replaced, such as the image that is read; nil
	// is none.
	Keep os.FileInfo
	// Progress is told how many bytes of contents are written: twice a second at
	// most, and at the end.
	Progress func(bytes int64)
}

// Copied is what Copy has copied.
type Copied struct {
	Files, Folders, Links int
	Bytes                 int64 // of files
	Special               int   // devices, pipes and sockets, which are left out
}

// maxPath is the longest path in bytes that is copied, as Linux has it.
const maxPath = 4096

// Copy copies a file, link or folder with all that is in it from fsys, a Tree
// say, to dst, which it makes. Permissions and times are kept, but owners and
// the bits that give a program its owner's rights are not. Links are made as
// they are, and not followed: nothing is written but below dst, whatever is in
// fsys or changes in dst meanwhile. Holes stay holes.
//
// Errors: ErrExists, ErrKept, ErrName, those of fsys, of the host (a full disk is
// syscall.ENOSPC), or ctx's. What was copied before stays; no file is left half written.
func Copy(ctx context.Context, fsys fs.FS, name, dst string, o CopyOptions) (Copied, error) {
	c := &copier{ctx: ctx, fsys: fsys, o: o, told: time.Now(), made: map[string]string{}, buf: make([]byte, 1<<20), zeros: make([]byte, 1<<20)}
	in, err := fs.Lstat(fsys, name)
	if err != nil {
		return c.done, err
	}
	to, below := filepath.Dir(dst), filepath.Base(dst)
	if at, err := os.Lstat(dst); err == nil && at.IsDir() && in.IsDir() {
		to, below = dst, "."
	}
	if c.root, err = os.OpenRoot(to); err != nil {
		return c.done, err
	}
	defer c.root.Close()
	err = c.copy(name, below, in)
	if errors.Is(err, syscall.ENOSPC) {
		return c.done, &fault.Error{Class: syscall.ENOSPC, Err: fmt.Errorf("write %s: the disk is full: %w", dst, syscall.ENOSPC), Do: "see where there is room: df -h " + to}
	}
	if o.Progress != nil && err == nil {
		o.Progress(c.done.Bytes)
	}
	return c.done, err
}

type copier struct {
	ctx        context.Context
	fsys       fs.FS
	root       *os.Root
	o          CopyOptions
	done       Copied
	told       time.Time         // when there was progress
	made       map[string]string // in this folder: paths, by what they are in small letters
	buf, zeros []byte
}

// copy copies what is at from to the path to, with slashes, below the root.
func (c *copier) copy(from, to string, in fs.FileInfo) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	if len(from) > maxPath || to != "." && !filepath.IsLocal(filepath.FromSlash(to)) || !nodefs.ValidPath(filepath.ToSlash(to)) {
		return &fault.Error{Class: ErrName, Err: fmt.Errorf("%.200q: this system cannot have a file of that name", from)}
	}
	if os.PathSeparator != '/' && strings.ContainsRune(to, os.PathSeparator) {
		return &fault.Error{Class: ErrName, Err: fmt.Errorf("%q: its name has a %c, which divides folders on this system", from, os.PathSeparator)}
	}
	if err := c.twin(to); err != nil {
		return err
	}
	switch in.Mode().Type() {
	case fs.ModeDir:
		return c.dir(from, to, in)
	case fs.ModeSymlink:
		target, err := fs.ReadLink(c.fsys, from)
		if err != nil {
			return err
		}
		if err := c.place(to, func(at string) error { return c.root.Symlink(target, at) }); err != nil {
			return err
		}
		c.done.Links++
	case 0:
		if err := c.place(to, func(at string) error { return c.file(from, at, in) }); err != nil {
			return err
		}
		c.done.Files++
	default:
		c.done.Special++
	}
	return nil
}

// twin refuses a second name of what this Copy has made already: some systems
// take "MARK.h" and "mark.h" for the same.
func (c *copier) twin(to string) error {
	key := strings.ToLower(to)
	if other, ok := c.made[key]; ok {
		a, errA := c.root.Lstat(other)
		b, errB := c.root.Lstat(to)
		if errA == nil && errB == nil && os.SameFile(a, b) {
			return &fault.Error{Class: ErrName, Err: fmt.Errorf("%q and %q are the same to the file system of %s", other, to, c.root.Name()), Do: "copy to a file system that tells capital letters from small ones"}
		}
	}
	c.made[key] = to
	return nil
}

// place makes something that must be new, or is to replace what is there: then
// it is made whole under a hidden name beside it first.
func (c *copier) place(to string, create func(at string) error) error {
	there, err := c.root.Lstat(to)
	if errors.Is(err, fs.ErrNotExist) {
		return create(to)
	}
	if err != nil {
		return err
	}
	at := filepath.Join(c.root.Name(), to)
	switch {
	case there.IsDir():
		return &fault.Error{Class: ErrExists, Err: fmt.Errorf("%s is a folder, and should become none", at)}
	case c.o.Keep != nil && os.SameFile(c.o.Keep, there):
		return &fault.Error{Class: ErrKept, Err: fmt.Errorf("%s is the image that is read", at), Do: "copy to another place"}
	case !c.o.Force:
		return &fault.Error{Class: ErrExists, Err: fmt.Errorf("%s exists", at), Do: "replace it with {Force}, or copy to another place"}
	}
	hidden := path.Join(path.Dir(to), ".imgasm-"+rand.Text())
	if err := create(hidden); err != nil {
		return err
	}
	if err := c.root.Rename(hidden, to); err != nil {
		_ = c.root.Remove(hidden)
		return err
	}
	return nil
}

func (c *copier) dir(from, to string, in fs.FileInfo) error {
	switch there, err := c.root.Lstat(to); {
	case errors.Is(err, fs.ErrNotExist):
		if err := c.root.Mkdir(to, 0o700); err != nil {
			return err
		}
		c.done.Folders++
	case err != nil:
		return err
	case !there.IsDir():
		return &fault.Error{Class: ErrExists, Err: fmt.Errorf("%s is there, and no folder", filepath.Join(c.root.Name(), to))}
	}
	list, err := fs.ReadDir(c.fsys, from)
	if err != nil {
		return err
	}
	outside := c.made
	c.made = map[string]string{}
	defer func() { c.made = outside }()
	for _, e := range list {
		in, err := e.Info()
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		if err := c.copy(path.Join(from, e.Name()), path.Join(to, e.Name()), in); err != nil {
			return err
		}
	}
	if to == "." { // it was there
		return nil
	}
	return c.attributes(to, in)
}

func (c *copier) attributes(to string, in fs.FileInfo) error {
	if err := c.root.Chmod(to, in.Mode().Perm()); err != nil {
		return err
	}
	return c.root.Chtimes(to, in.ModTime(), in.ModTime())
}

// file makes a file that must be new, whole or not at all.
func (c *copier) file(from, to string, in fs.FileInfo) error {
	src, err := c.fsys.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := c.root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = c.contents(dst, src, in.Size())
	if closed := dst.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = c.attributes(to, in)
	}
	if err != nil {
		_ = c.root.Remove(to)
	}
	return err
}

// contents copies size bytes, and makes holes of zeros.
func (c *copier) contents(dst *os.File, src io.Reader, size int64) error {
	if err := dst.Truncate(size); err != nil {
		return err
	}
	for at := int64(0); ; {
		if c.ctx.Err() != nil {
			return context.Cause(c.ctx)
		}
		n, err := src.Read(c.buf)
		if n > 0 && !bytes.Equal(c.buf[:n], c.zeros[:n]) {
			if _, err := dst.WriteAt(c.buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		c.done.Bytes += int64(n)
		if c.o.Progress != nil && time.Since(c.told) > time.Second/2 {
			c.told = time.Now()
			c.o.Progress(c.done.Bytes)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
