// Package proc runs child processes: each in its own process group, so that a
// Ctrl-C at the terminal reaches us alone and we end our children in order;
// each with a bounded tail of its stderr in the error; and each bound to our
// own life, so that not even our SIGKILL leaves one behind.
package proc

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/imgasm/imgasm/internal/guard"
)

// waitDelay is how long after the child's end we still wait for its output
// pipes to be closed: a grandchild may hold them for ever.
const waitDelay = 3 * time.Second

// Cmd describes a child process. The zero value of every field but Path works.
type Cmd struct {
	Path string   // the executable; a bare name is looked up in PATH
	Args []string // arguments, without the executable's name
	Dir  string   // working directory; "": ours
	Env  []string // environment; nil: ours

	Stdin  io.Reader // nil: empty
	Stdout io.Writer // nil: discarded
	Stderr io.Writer // gets a copy of what the child says; the last bytes are kept in any case

	// Terminal leaves the child in our process group, where it may ask somebody at
	// our terminal, as ssh does for a password. It begins with SIGINT ignored, so
	// that a Ctrl-C still reaches us alone, and Kill ends it without what it has
	// started. On Windows it is as ever: the console is everybody's.
	Terminal bool

	// Grace is the time a child has between being asked to end (SIGTERM) and
	// being killed, when the context of Run or Output ends. Zero: 2 s;
	// negative: it is killed at once. Windows knows no asking: always killed.
	Grace time.Duration
}

// Argv is the command's words, the executable first.
func (c Cmd) Argv() []string { return append([]string{c.Path}, c.Args...) }

// Process is a started child. Its methods may be called by any goroutine, any
// number of times.
type Process struct {
	cmd  *exec.Cmd
	argv []string
	tail *Tail
	done chan struct{}
	err  error // valid once done is closed

	mu    sync.Mutex
	ended bool // the child has been waited for: its pid is no longer ours
}

// Start starts the child. The error is an *Error; errors.Is(err,
// exec.ErrNotFound) tells a missing executable.
func (c Cmd) Start() (*Process, error) {
	p := &Process{argv: c.Argv(), tail: NewTail(0), done: make(chan struct{})}
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout = c.Dir, c.Env, c.Stdin, c.Stdout
	cmd.Stderr = p.tail
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(p.tail, c.Stderr)
	}
	cmd.WaitDelay = waitDelay
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	setGroup(cmd, c.Terminal)
	p.cmd = cmd
	started := make(chan error, 1)
	go guard.Func(func() { p.run(started) }, func(err error) {
		p.err = err
		close(p.done)
		started <- err
	})()
	if err := <-started; err != nil {
		return nil, &Error{Argv: p.argv, Code: -1, Err: err}
	}
	return p, nil
}

// run starts the child, waits for it and leaves its result.
func (p *Process) run(started chan<- error) {
	bond, err := startBound(p.cmd)
	if err != nil {
		started <- err
		return
	}
	started <- nil
	werr := p.cmd.Wait()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	bond.release()
	var exit *exec.ExitError
	if werr != nil && !errors.Is(werr, exec.ErrWaitDelay) {
		e := &Error{Argv: p.argv, Code: -1, Stderr: p.tail.String(), Err: werr}
		if errors.As(werr, &exit) {
			e.Code = exit.ExitCode()
		}
		p.err = e
	}
	close(p.done)
}

// Pid is the child's process number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Argv is the child's words, the executable first.
func (p *Process) Argv() []string { return p.argv }

// Done is closed when the child has ended and its output is read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the child's end: nil if it ended with status 0, else an *Error.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Stderr is the tail of what the child has said on stderr so far.
func (p *Process) Stderr() string { return p.tail.String() }

// State is the child's end as the system tells it (exit status, CPU time);
// nil while it runs.
func (p *Process) State() *os.ProcessState {
	select {
	case <-p.done:
		return p.cmd.ProcessState
	default:
		return nil
	}
}

// Kill ends the child and, unless it has ours, its process group at once. It does not wait.
func (p *Process) Kill() { p.signal(killGroup) }

// Terminate asks the child to end (SIGTERM). It does not wait. On Windows it is Kill.
func (p *Process) Terminate() { p.signal(terminate) }

func (p *Process) signal(send func(*os.Process)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		send(p.cmd.Process)
	}
}

// Run starts the child and waits for it. When ctx ends first, the child is
// asked to end, then killed, and the error wraps the context's.
func (c Cmd) Run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return &Error{Argv: c.Argv(), Code: -1, Err: err}
	}
	p, err := c.Start()
	if err != nil {
		return err
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
	}
	p.Stop(c.Grace)
	e := &Error{Argv: p.argv, Code: -1, Stderr: p.Stderr(), Err: context.Cause(ctx)}
	return e
}

// Stop asks the child to end, kills it after grace (zero: 2 s; negative: at
// once), and returns when it has ended.
func (p *Process) Stop(grace time.Duration) {
	grace = cmp.Or(grace, 2*time.Second)
	if grace > 0 {
		p.Terminate()
		t := time.NewTimer(grace)
		defer t.Stop()
		select {
		case <-p.done:
			return
		case <-t.C:
		}
	}
	p.Kill()
	<-p.done
}

// maxOutput bounds what Output keeps.
const maxOutput = 64 << 20

// Output runs the child and returns its stdout: at most 64 MiB, more is an error.
func (c Cmd) Output(ctx context.Context) ([]byte, error) {
	out := &capped{max: maxOutput}
	c.Stdout = out
	if err := c.Run(ctx); err != nil {
		return out.buf, err
	}
	if out.over {
		return out.buf, &Error{Argv: c.Argv(), Code: -1, Err: errors.New("more than 64 MiB of output")}
	}
	return out.buf, nil
}

// capped keeps the first max bytes and swallows the rest, so that the child is
// never blocked by a full pipe.
type capped struct {
	buf  []byte
	max  int
	over bool
}

func (c *capped) Write(b []byte) (int, error) {
	if room := c.max - len(c.buf); len(b) > room {
		c.over = true
		c.buf = append(c.buf, b[:room]...)
		return len(b), nil
	}
	c.buf = append(c.buf, b...)
	return len(b), nil
}
