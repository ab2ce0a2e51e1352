package remote

// What is kept here of a job there, beside what it is to make.

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrBusy says that another program here waits for the same output.
var ErrBusy = fault.Class(fault.Host, "another build writes there")

// Record is a folder of ours, made by its owner alone for what comes home. It says
// which job that is, so that the same command finds it again.
type Record struct {
	Dir  string `json:"-"`
	Host string `json:"host"`
	ID   string `json:"id"`
	// Request is the SHA-256 of what was asked for: of equal sums one is the other.
	Request string `json:"request"`
	// Home is that of the request, as it is known here: what the host says of it may
	// be something else.
	Home json.RawMessage `json:"home,omitempty"`

	lock *flock.Flock
}

const (
	recordName  = "job.json"
	filesFolder = "files"
)

// OpenRecord makes the folder dir, or opens it as it was left. Errors are of class
// ErrPlace and ErrBusy, and of files.
func OpenRecord(ctx context.Context, dir string) (*Record, error) {
	for {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			above := filepath.Dir(dir)
			return nil, &fault.Error{Class: ErrPlace, Err: fmt.Errorf("no folder can be made in %s: %w", above, errors.Unwrap(err)), Do: "see who may write there: ls -ld " + above}
		}
		if info, err := os.Lstat(dir); err != nil {
			return nil, err
		} else if !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
			return nil, &fault.Error{Class: ErrBusy, Err: fmt.Errorf("%s is no folder of its user's alone", dir), Do: "see what it is: ls -la " + dir + "; move it away"}
		}
		r := &Record{Dir: dir, lock: flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(privateMode))}
		ok, err := r.lock.TryLock()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err == nil && !ok {
			return nil, &fault.Error{Class: ErrBusy, Err: fmt.Errorf("another imgasm waits for what comes into %s", dir), Do: "wait for it, or end it"}
		}
		if held, e := r.lock.Stat(); err == nil && e == nil {
			if there, e := os.Lstat(filepath.Join(dir, lockFile)); e == nil && os.SameFile(held, there) {
				_ = readJSON(ctx, filepath.Join(dir, recordName), r) // what cannot be read is of no job
				return r, nil
			}
		}
		_ = r.lock.Close() // another has just removed it
	}
}

// Write keeps which job it is. What came home of another goes.
func (r *Record) Write(ctx context.Context) error {
	if err := os.RemoveAll(filepath.Join(r.Dir, filesFolder)); err != nil {
		return err
	}
	return writeJSON(ctx, filepath.Join(r.Dir, recordName), r)
}

// Files is the folder for what comes home.
func (r *Record) Files() (*os.Root, error) {
	dir := filepath.Join(r.Dir, filesFolder)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.OpenRoot(dir)
}

// Close lets the folder go, which stays.
func (r *Record) Close() { _ = r.lock.Close() }

// Remove removes the folder, and closes it.
func (r *Record) Remove() error {
	err := os.RemoveAll(r.Dir)
	return errors.Join(err, r.lock.Close())
}

// Sum is the SHA-256 of what a request asks for, whatever it is called.
func (r Request) Sum() (string, error) {
	r.ID = ""
	text, err := json.Marshal(r)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}
