package instance

// The folders of all instances, and which of them are still somebody's.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// Store is where the instances of a user are known.
type Store struct {
	// Dir has a folder for each. It should be on a disk of this host, survive a
	// logout, and be short: sockets in it have paths of 103 bytes at most. Where
	// they do not fit they are in the system's temporary directory.
	Dir string
}

// maxRecord bounds a record, in bytes.
const maxRecord = 1 << 20

// errRecord is a record that no supervisor has written.
var errRecord = errors.New("not a record of an instance")

// List lists the instances that run, by name. It removes what is left of others.
func (s Store) List(ctx context.Context) ([]*Instance, error) {
	all, dead, err := s.look(ctx)
	if err != nil || !dead {
		return all, err
	}
	unlock, err := publish.LockFolders(ctx, s.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.sweep(ctx); err != nil {
		return nil, err
	}
	all, _, err = s.look(ctx) // what seemed dead may have been in the midst of a change
	return all, err
}

// look reads all records. dead tells that there are folders of nobody's, as far
// as can be seen without a lock.
func (s Store) look(ctx context.Context) (all []*Instance, dead bool, err error) {
	entries, err := os.ReadDir(s.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, err
	}
	for _, e := range entries {
		if CheckName(e.Name()) != nil || !e.IsDir() {
			continue
		}
		i, err := s.read(ctx, e.Name())
		switch {
		case err == nil && i.elsewhere():
		case err == nil && i.alive():
			all = append(all, i)
		case ctx.Err() != nil:
			return nil, false, context.Cause(ctx)
		default:
			dead = true
		}
	}
	return all, dead, nil
}

// sweep removes the folders of nobody's. Dir is locked.
func (s Store) sweep(ctx context.Context) error {
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if CheckName(e.Name()) != nil || !e.IsDir() {
			continue
		}
		i, err := s.read(ctx, e.Name())
		switch {
		case err == nil && (i.elsewhere() || i.alive()):
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errRecord):
			continue // what cannot be read now may be somebody's
		}
		if i == nil {
			i = &Instance{Dir: filepath.Join(s.Dir, e.Name())}
		}
		if err := i.remove(); err != nil {
			return fmt.Errorf("remove what is left of the instance %s: %w", e.Name(), err)
		}
	}
	return nil
}

func (s Store) read(ctx context.Context, name string) (*Instance, error) {
	dir := filepath.Join(s.Dir, name)
	text, err := smallfile.ReadAgain(ctx, filepath.Join(dir, recordFile), maxRecord)
	if err != nil {
		return nil, err
	}
	i := &Instance{}
	if err := json.Unmarshal(text, i); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, errRecord, err)
	}
	i.Name, i.Dir = name, dir
	return i, nil
}

// elsewhere reports whether the instance is another host's, which has the same
// home: whether it runs is not known here.
func (i *Instance) elsewhere() bool { return i.Owner.Host != thisHost() }

func (i *Instance) alive() bool { return proc.Alive(i.Owner.Pid, i.Owner.ID) }

// remove removes the folder, and that of the sockets.
func (i *Instance) remove() error {
	if i.Sockets != "" && tmpdir.Is(i.Sockets) {
		_ = os.RemoveAll(i.Sockets) // if we may not, the next user of that place does
	}
	return os.RemoveAll(i.Dir)
}

// Find is the instance of a name; "" stands for the only one that runs. Errors:
// ErrNone, ErrSeveral, and List's.
func (s Store) Find(ctx context.Context, name string) (*Instance, error) {
	all, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	var called []string
	for _, i := range all {
		if i.Name == name {
			return i, nil
		}
		called = append(called, i.Name)
	}
	switch {
	case name != "" || len(all) == 0:
		return nil, none(name)
	case len(all) > 1:
		return nil, &fault.Error{Class: ErrSeveral, Err: fmt.Errorf("%d machines run: %s", len(all), strings.Join(called, ", ")), Do: "say which one, such as " + called[0]}
	}
	return all[0], nil
}

// Folder is an instance that is being made: its name is taken, and Dir is for its
// files. It ends with Run, Detach or Remove.
type Folder struct {
	Instance
	made fs.FileInfo
}

// Create takes a name. Errors: ErrName, ErrTaken, those of the file system.
func (s Store) Create(ctx context.Context, name string) (*Folder, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	me, err := self()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return nil, err
	}
	s.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	unlock, err := publish.LockFolders(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := s.sweep(ctx); err != nil {
		return nil, err
	}
	f := &Folder{Instance: Instance{Name: name, Dir: filepath.Join(dir, name), Began: time.Now(), Owner: me}}
	err = os.Mkdir(f.Dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil, &fault.Error{Class: ErrTaken, Field: "Name", Err: fmt.Errorf("a machine %q runs", name), Do: "imgasm stop " + name + ", or give another {Name}"}
	}
	if err == nil {
		err = f.put()
	}
	if err == nil {
		f.made, err = os.Stat(f.Dir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Remove())
	}
	return f, nil
}

// CreateAny is Create with the first of name, name-2, name-3 … that is free.
func (s Store) CreateAny(ctx context.Context, name string) (*Folder, error) {
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = fmt.Sprintf("%s-%d", name, n)
		}
		f, err := s.Create(ctx, try)
		if !errors.Is(err, ErrTaken) {
			return f, err
		}
	}
}

// Remove removes the folder with all that is in it.
func (f *Folder) Remove() error { return f.remove() }

// leave removes what is left, unless it is somebody else's by now.
func (f *Folder) leave() {
	if now, err := os.Stat(f.Dir); err == nil && os.SameFile(now, f.made) {
		_ = f.Remove() // else the next that looks does
	}
}

// write writes the record, for which nobody may take the folder for dead meanwhile.
func (f *Folder) write(ctx context.Context) error {
	unlock, err := publish.LockFolders(ctx, filepath.Dir(f.Dir))
	if err != nil {
		return err
	}
	defer unlock()
	return f.put()
}

// put is write where the lock is held. The record need not outlive the host: what
// is waited for is no disk.
func (f *Folder) put() error {
	text, err := json.MarshalIndent(f.Instance, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(f.Dir, recordFile), text, 0o600)
}

// lost reports whether the folder, its record or its sockets have vanished.
func (f *Folder) lost() bool {
	now, err := os.Stat(f.Dir)
	if err != nil || !os.SameFile(now, f.made) {
		return true
	}
	for _, path := range []string{filepath.Join(f.Dir, recordFile), filepath.Join(f.Sockets, controlSocket)} {
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

func self() (process, error) {
	id, err := proc.Identity(os.Getpid())
	return process{os.Getpid(), id, thisHost()}, err
}

// thisHost is Linux's name for this host (machine-id(5)); "" on other systems.
var thisHost = sync.OnceValue(func() string {
	id, _ := smallfile.ReadAgain(context.Background(), "/etc/machine-id", 100)
	return strings.TrimSpace(string(id))
})
