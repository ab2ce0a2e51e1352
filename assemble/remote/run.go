package remote

// The job's process.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/publish"
)

// Run is a job's process, which a Server has started in the job's folder dir: it reads
// the request from in, says on out that the job runs, and has do do it. What do writes
// to lines, in each Write a whole line of JSON, is followed by the client; its End is kept, with the
// files that it has left in the folder out.
//
// An error says that there was nothing to do, or that the end cannot be kept.
func Run(ctx context.Context, dir string, in io.Reader, out io.Writer, do func(ctx context.Context, r Request, lines io.Writer) End) error {
	var r Request
	if err := json.NewDecoder(in).Decode(&r); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	// Of two that are told to run the same job one does.
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(privateMode))
	if ok, err := lock.TryLock(); !ok || err != nil {
		return errors.Join(err, errors.New("the job has a process"))
	}
	defer lock.Close()
	if _, err := os.Lstat(filepath.Join(dir, jobName)); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, errors.New("the job had a process"))
	}
	lines, err := os.OpenFile(filepath.Join(dir, linesFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, privateMode)
	if err != nil {
		return err
	}
	defer lines.Close()
	if err := writeJob(ctx, dir, r); err != nil {
		return err
	}
	fmt.Fprintln(out, "started")
	end := do(ctx, r, lines)
	end.Time = time.Now()
	if end.Files, err = made(filepath.Join(dir, outFolder), r.Files); err != nil {
		return err
	}
	// It is kept whatever has stopped the job.
	return writeJSON(context.WithoutCancel(ctx), filepath.Join(dir, endName), end)
}

func writeJob(ctx context.Context, dir string, r Request) error {
	me, err := proc.Identity(os.Getpid())
	if err != nil {
		return err
	}
	j := Job{Title: r.Title, From: r.From, Home: r.Home, Started: time.Now(), PID: os.Getpid(), Process: me}
	for _, f := range r.Files {
		if digest.Is(f.SHA256) {
			j.Inputs = append(j.Inputs, f.SHA256)
		}
	}
	return writeJSON(ctx, filepath.Join(dir, jobName), j)
}

func writeJSON(ctx context.Context, path string, v any) error {
	return publish.Private(ctx, path, func(f *os.File) error { return json.NewEncoder(f).Encode(v) })
}

// made are the regular files of a job's folder out, but for hidden folders and what
// it was given there.
func made(dir string, given []File) (all []File, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir // a working folder
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if slices.ContainsFunc(given, func(f File) bool { return f.Path == outFolder+"/"+name }) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, File{Path: name, Size: info.Size(), Mode: uint32(info.Mode().Perm())})
		return nil
	})
	return all, err
}
