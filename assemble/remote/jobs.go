package remote

// Jobs, as the host has them in their folders.

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// The files of a job's folder.
const (
	jobName     = "job.json"
	endName     = "end.json"
	linesFile   = "lines"
	stderrFile  = "stderr"
	lockFile    = "lock" // held by the job's process, from before job.json is there
	outFolder   = "out"
	goneEnding  = ".gone"
	maxTail     = 2 << 10 // bytes of stderr that tell of a job that was killed
	maxRecord   = maxLine
	privateMode = 0o600
)

func (s *Server) jobFile(id string, name ...string) string {
	return filepath.Join(append([]string{s.jobs(), id}, name...)...)
}

// job reads a job that was started. Else the error is ErrNoJob. One whose record
// cannot be read is a job too, of which nothing else is known: it can be removed.
func (s *Server) job(ctx context.Context, id string) (*Job, error) {
	none := &fault.Error{Class: ErrNoJob, Err: fmt.Errorf("there is no job %.40q", id), Do: "imgasm remote list lists those that there are"}
	if !jobID.MatchString(id) {
		return nil, none
	}
	var j Job
	if err := readJSON(ctx, s.jobFile(id, jobName), &j); errors.Is(err, fs.ErrNotExist) {
		return nil, none
	} else if ctx.Err() != nil {
		return nil, err
	} else if err != nil {
		j = Job{Title: "what cannot be read: " + err.Error()}
		if info, err := os.Lstat(s.jobFile(id, jobName)); err == nil {
			j.Started = info.ModTime()
		}
	}
	j.ID = id
	return &j, nil
}

func readJSON(ctx context.Context, path string, v any) error {
	text, err := smallfile.ReadAgain(ctx, path, maxRecord)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// start starts a job, unless it was started before.
func (s *Server) start(ctx context.Context, r *Request) error {
	if r == nil || !jobID.MatchString(r.ID) {
		return errors.New("a request without a name")
	}
	if _, err := s.job(ctx, r.ID); err == nil || !errors.Is(err, ErrNoJob) {
		return err
	}
	if lacking := s.missing(r.Files); len(lacking) > 0 {
		return fmt.Errorf("%s has not been sent, or was removed meanwhile", lacking[0].Path)
	}
	dir := s.jobFile(r.ID)
	// What a start that broke off has left is not written to: it may be further names of
	// inputs, or in folders that may not be written to.
	if err := s.remove(r.ID); err != nil {
		return err
	}
	err := os.MkdirAll(filepath.Join(dir, outFolder), 0o700)
	if err == nil {
		err = s.furnish(dir, r.Files)
	}
	if err == nil {
		err = s.launch(ctx, dir, r)
	}
	if err != nil {
		err = errors.Join(err, s.remove(r.ID))
	}
	return err
}

// launch starts the job's process, and returns when job.json is there. The process
// reads the request from its standard input: no file and no argument has its secrets.
func (s *Server) launch(ctx context.Context, dir string, r *Request) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, stderrFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, privateMode)
	if err != nil {
		return err
	}
	defer log.Close()
	argv := append(slices.Clone(s.Job), dir)
	if r.Nice {
		argv = append([]string{"nice", "-n", "10"}, argv...)
	}
	child, err := proc.Cmd{Path: argv[0], Args: argv[1:], Dir: dir, Stdin: bytes.NewReader(text)}.StartDetached(log)
	if err != nil {
		return err
	}
	defer child.Stdout.Close()
	_, _ = bufio.NewReader(child.Stdout).ReadBytes('\n') // its word, or its end
	if _, err := s.job(ctx, r.ID); err == nil {
		return nil
	}
	return fmt.Errorf("the job did not start: %s", cmp.Or(tailOf(ctx, log.Name()), "its process ended without a word"))
}

// tailOf is the end of a text that a program has left.
func tailOf(ctx context.Context, path string) string {
	text, err := smallfile.ReadAgain(ctx, path, maxRecord)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-maxTail):]))
}

// list are the jobs, those that ended with their ends, by when they were started.
func (s *Server) list(ctx context.Context) (all []Job, err error) {
	entries, err := os.ReadDir(s.jobs())
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		j, err := s.job(ctx, e.Name())
		if errors.Is(err, ErrNoJob) {
			continue
		}
		if err == nil && !j.running() {
			j.End, err = s.end(ctx, j)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, *j)
	}
	slices.SortFunc(all, func(a, b Job) int { return a.Started.Compare(b.Started) })
	return all, nil
}

// end is how a job ended whose process is no more.
func (s *Server) end(ctx context.Context, j *Job) (*End, error) {
	var e End
	switch err := readJSON(ctx, s.jobFile(j.ID, endName), &e); {
	case ctx.Err() != nil:
		return nil, err
	case errors.Is(err, fs.ErrNotExist):
		return &End{Killed: true, Code: -1, Text: tailOf(ctx, s.jobFile(j.ID, stderrFile))}, nil
	case err != nil:
		return &End{Killed: true, Code: -1, Text: err.Error()}, nil
	}
	return &e, nil
}

// interrupt asks a job to stop, as Ctrl-C does. It may have ended.
func (j *Job) interrupt() error {
	if !j.running() {
		return nil
	}
	if err := proc.InterruptIdentified(j.PID, j.Process); err != nil && !errors.Is(err, proc.ErrGone) {
		return err
	}
	return nil
}

func (j *Job) kill() { _ = proc.KillIdentified(j.PID, j.Process) }

// forget removes a job that has ended, and inputs that it alone had. It need not be there.
func (s *Server) forget(ctx context.Context, id string) error {
	j, err := s.job(ctx, id)
	if errors.Is(err, ErrNoJob) && jobID.MatchString(id) {
		return s.remove(id)
	} else if err != nil {
		return err
	}
	if j.running() {
		return fmt.Errorf("the job %s runs", id)
	}
	if err := s.remove(id); err != nil {
		return err
	}
	return s.sweep(ctx, append([]string{}, j.Inputs...))
}

// remove removes a job's folder: first it is none any more, then what is in it goes.
func (s *Server) remove(id string) error {
	dir := s.jobFile(id)
	if err := publish.Rename(dir, dir+goneEnding); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return removeAll(dir + goneEnding)
}

// removeAll removes a folder with folders in it that may not be written to.
func removeAll(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// clean removes the jobs that are named, which are stopped if they run, and what
// nobody needs: jobs that were killed, and inputs and programs that are not in use.
func (s *Server) clean(ctx context.Context, ids []string) (gone []Job, err error) {
	for _, id := range ids {
		if _, err := s.job(ctx, id); err != nil {
			return nil, err
		}
	}
	jobs, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, j := range jobs {
		named := slices.Contains(ids, j.ID)
		if !named && (j.End == nil || !j.End.Killed) {
			continue
		}
		if err := s.stop(ctx, &j); err != nil {
			return gone, err
		}
		if err := s.forget(ctx, j.ID); err != nil {
			return gone, err
		}
		gone = append(gone, j)
	}
	return gone, errors.Join(s.sweepJobs(ctx), s.sweep(ctx, nil), s.sweepPrograms())
}

// stop ends a job and waits for its end.
func (s *Server) stop(ctx context.Context, j *Job) error {
	if err := j.interrupt(); err != nil {
		return err
	}
	defer time.AfterFunc(leave, j.kill).Stop()
	for j.running() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(look):
		}
	}
	return nil
}

// sweepJobs removes folders of jobs that are none any more, or never became one.
func (s *Server) sweepJobs(ctx context.Context) error {
	entries, err := os.ReadDir(s.jobs())
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue
		}
		_, none := s.job(ctx, e.Name())
		if strings.HasSuffix(e.Name(), goneEnding) || errors.Is(none, ErrNoJob) && time.Since(info.ModTime()) > settled {
			if err := removeAll(s.jobFile(e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// sweepPrograms removes what was copied here to serve, but for what serves now.
func (s *Server) sweepPrograms() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	me, err := os.Stat(self)
	if err != nil {
		return err
	}
	dir := filepath.Join(s.Dir, "bin")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || os.SameFile(info, me) || time.Since(info.ModTime()) < settled {
			continue
		}
		if err := removeAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
