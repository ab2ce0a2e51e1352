package remote

// The host's side of a connection. It ends with its standard input; jobs do not.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble/remote/transfer"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
)

// Server answers one client.
type Server struct {
	Dir     string   // where jobs and their inputs are
	Version string   // of the program
	Arch    string   // the host's
	OS      string   // as runtime.GOOS
	Job     []string // a program that calls Run with the folder that is its last argument
	// Check says what there is to know of the host before some work is sent to it; the
	// error is what it lacks.
	Check func(context.Context, Need) ([]Caution, error)

	wire *wire
	next chan got // the call that is being read
}

// got is a call that was read, or why none can be.
type got struct {
	call call
	err  error
}

const (
	// idle is how long a client may say nothing: it is gone then, although nobody has
	// said so, and asks again over another connection if it is not.
	idle = 10 * time.Minute
	// stalled is how long no byte of a file may come.
	stalled = time.Minute
	// beat is how often a client that only listens is told that we live.
	beat = 15 * time.Second
	// look is how often a job's new lines are looked for.
	look = 50 * time.Millisecond
	// leave is how long a job may take that was asked to stop.
	leave = time.Minute
)

// errIdle is a client that says nothing.
var errIdle = errors.New("nothing comes from the client any more")

// Serve answers the calls that in has until it ends.
func (s *Server) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for _, end := range []any{in, out} {
		if f, ok := end.(*os.File); ok {
			proc.Widen(f)
		}
	}
	s.wire = newWire(in, out)
	for _, dir := range []string{s.Dir, s.jobs(), s.files()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return s.wire.send(refusal(&fault.Error{Class: ErrHost, Err: err, Do: "jobs have their folders in imgasm's cache there: make it one that you may write to, or name another in IMGASM_CACHE there"}))
		}
	}
	if err := s.wire.send(reply{Hello: &Hello{Version: s.Version, OS: s.OS, Arch: s.Arch, Dir: s.Dir, Time: time.Now()}}); err != nil {
		return err
	}
	done := make(chan error, 1)
	go guard.Func(func() { done <- s.loop(ctx, cancel) }, func(err error) { done <- err })()
	select {
	case err := <-done:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	case <-ctx.Done(): // what hangs in reading ends with the process
		return context.Cause(ctx)
	}
}

func (s *Server) jobs() string  { return filepath.Join(s.Dir, "jobs") }
func (s *Server) files() string { return filepath.Join(s.Dir, "files") }

// calls is where the next call comes.
func (s *Server) calls() <-chan got {
	if s.next == nil {
		next := make(chan got, 1)
		s.next = next
		go guard.Func(func() {
			var g got
			g.err = s.wire.receive(&g.call)
			next <- g
		}, func(err error) { next <- got{err: err} })()
	}
	return s.next
}

func (s *Server) loop(ctx context.Context, cancel context.CancelCauseFunc) error {
	for {
		var g got
		select {
		case g = <-s.calls():
			s.next = nil
		case <-time.After(idle):
			return errIdle
		}
		if g.err != nil {
			return g.err
		}
		r, err := s.answer(ctx, cancel, g.call)
		var broken *brokenError
		if errors.As(err, &broken) {
			return broken.err
		}
		if err != nil {
			r = refusal(err)
		}
		if err == nil && (g.call.Op == opStop || g.call.Op == opGet) {
			continue // what is to be said is said
		}
		if err := s.wire.send(r); err != nil {
			return err
		}
	}
}

func refusal(err error) reply {
	return reply{Error: err.Error(), Hint: fault.Hint(err, nil), NoJob: errors.Is(err, ErrNoJob)}
}

// brokenError is a connection that cannot be used any more.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }

func (s *Server) answer(ctx context.Context, cancel context.CancelCauseFunc, c call) (r reply, err error) {
	switch c.Op {
	case opCheck:
		r.Cautions, err = s.check(ctx, c.Need)
	case opHave:
		r.Files = s.missing(c.Files)
	case opPut:
		err = s.put(ctx, c, cancel)
	case opStart:
		err = s.start(ctx, c.Request)
	case opFollow:
		r.End, err = s.follow(ctx, c)
	case opStop:
		var j *Job
		if j, err = s.job(ctx, c.ID); err == nil {
			err = j.interrupt()
		}
	case opGet:
		return r, s.get(ctx, c)
	case opDone:
		err = s.forget(ctx, c.ID)
	case opList:
		r.Jobs, err = s.list(ctx)
	case opClean:
		r.Jobs, err = s.clean(ctx, c.IDs)
	default:
		err = fmt.Errorf("%q is nothing that can be asked", c.Op)
	}
	return r, err
}

func (s *Server) check(ctx context.Context, n *Need) ([]Caution, error) {
	if n == nil {
		return nil, errors.New("nothing is needed")
	}
	return s.Check(ctx, *n)
}

// follow sends the lines of a job from one on, and returns its end.
func (s *Server) follow(ctx context.Context, c call) (*End, error) {
	j, err := s.job(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	lines, err := openLines(s.jobFile(j.ID, linesFile), c.From)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	told := time.Now()
	for {
		lives := j.running() // before the lines: what a dead one has said is all there
		for {
			line, ok, err := lines.next()
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			told = time.Now()
			if err := s.wire.send(reply{Line: line}); err != nil {
				return nil, &brokenError{err}
			}
		}
		if !lives {
			return s.end(ctx, j)
		}
		if time.Since(told) > beat {
			told = time.Now()
			if err := s.wire.send(reply{}); err != nil {
				return nil, &brokenError{err}
			}
		}
		if err := s.hear(j); err != nil {
			return nil, err
		}
	}
}

// hear waits a moment for a call to stop the job that is followed.
func (s *Server) hear(j *Job) error {
	select {
	case g := <-s.calls():
		s.next = nil
		switch {
		case g.err != nil:
			return &brokenError{g.err}
		case g.call.Op != opStop:
			return &brokenError{fmt.Errorf("%q while a job is followed", g.call.Op)}
		}
		if err := j.interrupt(); err != nil {
			return err
		}
		time.AfterFunc(leave, j.kill)
	case <-time.After(look):
	}
	return nil
}

// put takes a file for the store. Of what a lost connection has left only the rest
// is asked for.
func (s *Server) put(ctx context.Context, c call, cancel context.CancelCauseFunc) error {
	f, unlock, err := s.part(ctx, c.SHA256)
	if err != nil {
		return err
	}
	defer unlock()
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := s.wire.send(reply{From: min(info.Size(), c.Size)}); err != nil {
		return &brokenError{err}
	}
	watch := time.AfterFunc(stalled, func() { cancel(errIdle) })
	defer watch.Stop()
	if err := transfer.Receive(ctx, s.wire.r, f, func(int64) { watch.Reset(stalled) }); err != nil {
		_ = s.wire.send(refusal(err))
		return &brokenError{io.EOF} // what is still to come of the file would be taken for calls
	}
	watch.Stop()
	return s.keep(ctx, f, c.SHA256)
}

// get sends a file that a job has made.
func (s *Server) get(ctx context.Context, c call) error {
	j, err := s.job(ctx, c.ID)
	if err != nil {
		return err
	}
	f, err := openBelow(s.jobFile(j.ID, outFolder), c.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	from := min(c.From, info.Size())
	if from > 0 {
		if sum, err := transfer.Prefix(ctx, f, from); err != nil {
			return err
		} else if sum != c.SHA256 {
			from = 0
		}
	}
	if err := s.wire.send(reply{From: from}); err != nil {
		return &brokenError{err}
	}
	if err := transfer.Send(ctx, s.wire.w, f, from, func(int64) {}); err != nil {
		return &brokenError{err}
	}
	return nil
}

// openBelow opens a regular file below a folder, wherever links in it lead.
func openBelow(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if info, err := root.Lstat(filepath.FromSlash(name)); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("not a regular file")}
	}
	return root.Open(filepath.FromSlash(name))
}
