// The working folder of a build: beside the output, so that publishing is a
// rename, and locked, so that two builds never write to one output. Nobody else
// has a hand in it: a folder that is not ours alone is refused, and whatever this
// package does in it goes through an os.Root.

package assemble

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/gofrs/flock"

	whole "github.com/imgasm/imgasm/internal/publish"
)

// workspace is a build's own folder, ".NAME.imgasm" beside the output NAME.
// What an earlier build left there when it was killed is removed on opening.
type workspace struct {
	dir  string
	root *os.Root
	lock *flock.Flock
}

// lockFile is locked for as long as a build runs in the folder.
const lockFile = "lock"

// WorkFolder is the working folder of an output.
func WorkFolder(out string) string {
	return filepath.Join(filepath.Dir(out), "."+filepath.Base(out)+".imgasm")
}

// openWorkspace makes and locks the working folder of out, a build of which may
// write to places.
//
// Errors: of class ErrBusy, ErrForeign, and those of files.
func openWorkspace(out string, places []string) (*workspace, error) {
	dir := WorkFolder(out)
	for {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			if errors.Is(err, syscall.ENOSPC) {
				return nil, err
			}
			return nil, unwritable("Out", filepath.Dir(out), err)
		}
		root, err := OpenOwn(dir)
		if err == nil {
			var w *workspace
			if w, err = lockWorkspace(dir, root); err == nil && w.lock == nil {
				err = busy(out)
			}
			if err == nil {
				// What a build that was killed had begun to publish is ended first.
				var forged *whole.ForeignError
				if err = whole.Recover(dir, places); errors.As(err, &forged) {
					err = foreignFolder(dir, forged.Error())
				}
				if err == nil {
					err = w.sweep()
				}
				if err != nil {
					w.close(true)
					return nil, err
				}
				return w, nil
			}
			root.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) { // else the build before us has just removed its folder
			return nil, err
		}
	}
}

// lockWorkspace takes the lock of an opened folder; lock is nil if another has
// it. fs.ErrNotExist says that the folder is not the one at dir any more.
func lockWorkspace(dir string, root *os.Root) (*workspace, error) {
	w := &workspace{dir: dir, root: root}
	f, err := root.OpenFile(lockFile, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if entry, err := root.Lstat(lockFile); err != nil {
		return nil, err
	} else if !entry.Mode().IsRegular() {
		return nil, foreignFolder(dir, lockFile+" in it is no file")
	} else if !os.SameFile(entry, before) {
		return nil, fs.ErrNotExist // another build has just ended, and a third begun
	}
	lock := flock.New(w.path(lockFile))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", w.path(lockFile), err)
	}
	if !locked {
		return w, nil
	}
	// The file may have been removed between being opened and being
	// locked: then we hold a lock that nobody else will ever see.
	after, err := os.Lstat(w.path(lockFile))
	if err == nil && !os.SameFile(before, after) {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	w.lock = lock
	return w, nil
}

// OpenOwn opens a folder that is ours: no link, and nobody but us has access.
// The error is of class ErrForeign if it is not, or a file's.
func OpenOwn(dir string) (*os.Root, error) {
	entry, err := os.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if entry.Mode()&fs.ModeSymlink != 0 {
		return nil, foreignFolder(dir, "it is a link")
	}
	if !entry.IsDir() {
		return nil, foreignFolder(dir, "it is no folder")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			err = foreignFolder(dir, "it may not be opened")
		}
		return nil, err
	}
	why := ""
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(entry, opened) {
		err = fs.ErrNotExist // replaced meanwhile
	}
	if err == nil {
		why, err = foreign(root, identify(opened))
	}
	if err == nil && why != "" {
		err = foreignFolder(dir, why)
	}
	if err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// identity is who owns a file and what others may do with it.
type identity struct {
	owner  int // a user's number; -1: this system has none
	others fs.FileMode
}

func identify(info fs.FileInfo) identity {
	return identity{ownerOf(info), info.Mode().Perm() & 0o077}
}

// foreign says why a folder is not ours alone; "" if it is. Where it does not
// look so, the file system may know neither owners nor modes (a memory card, a
// share): then a file that we make there ourselves looks just like the folder.
// It is looked at while it is open, so that nobody can put another in its place.
func foreign(root *os.Root, folder identity) (string, error) {
	if folder.differs(identity{owner: me()}) == "" {
		return "", nil
	}
	probe := "probe-" + rand.Text()
	f, err := root.OpenFile(probe, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return folder.differs(identity{owner: me()}), nil
	}
	if err != nil {
		return "", err
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close(), root.Remove(probe)); err != nil {
		return "", err
	}
	return folder.differs(identify(info)), nil
}

// differs says how a folder differs from what we make ourselves; "": not to our harm.
func (folder identity) differs(own identity) string {
	switch {
	case folder.owner != own.owner:
		return "it belongs to another user"
	case folder.others&^own.others&0o022 != 0:
		return "others may write to it"
	case folder.others&^own.others != 0:
		return "others may read it, and imgasm makes it for its user alone"
	}
	return ""
}

// sweep removes everything but the lock. Links go, and what they lead to stays.
func (w *workspace) sweep() error {
	entries, err := fs.ReadDir(w.root.FS(), ".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == lockFile {
			continue
		}
		if err := w.root.RemoveAll(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// path names a file in the folder for who takes paths: QEMU, for one.
func (w *workspace) path(name string) string { return filepath.Join(w.dir, name) }

// create makes a new file in the folder.
func (w *workspace) create(name string) (*os.File, error) {
	return w.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

// close releases the lock; unless keep, the folder goes away.
func (w *workspace) close(keep bool) {
	if !keep {
		// The lock file goes last and while we hold it, so that a build which
		// comes in between finds either our lock or no folder.
		_ = w.sweep()
		_ = w.root.Remove(lockFile)
	}
	_ = w.root.Close()
	if !keep {
		_ = os.Remove(w.dir)
	}
	_ = w.lock.Close()
}
