package proc

import (
	"errors"
	"io"
	"os"
	"os/exec"

	"github.com/imgasm/imgasm/internal/guard"
)

// ErrNoDetach is what StartDetached fails with where it cannot be.
var ErrNoDetach = errors.New("this system has no programs that outlive the one that starts them")

// Detached is a program that lives on when we end.
type Detached struct {
	// Stdout is what it says. It is to be closed.
	Stdout io.ReadCloser
	cmd    *exec.Cmd
}

// StartDetached starts a program that is not bound to our life: it has a session
// of its own and no terminal, so that neither a Ctrl-C nor a hang-up reaches it.
// What it says on stderr goes to the file log. Of c only Path, Args, Dir, Env and
// Stdin count; if we end before all of Stdin is read, that breaks off. The error is ErrNoDetach, or an *Error.
func (c Cmd) StartDetached(log *os.File) (*Detached, error) {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stderr = c.Dir, c.Env, c.Stdin, log
	if err := detach(cmd); err != nil {
		return nil, err
	}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, &Error{Argv: c.Argv(), Code: -1, Err: err}
	}
	defer in.Close()
	cmd.Stdout = in
	if err := cmd.Start(); err != nil {
		out.Close()
		return nil, &Error{Argv: c.Argv(), Code: -1, Err: err}
	}
	// For as long as we live, somebody takes note of its end.
	go guard.Func(func() { _ = cmd.Wait() }, func(error) {})()
	return &Detached{Stdout: out, cmd: cmd}, nil
}

// Kill ends it at once.
func (d *Detached) Kill() { _ = d.cmd.Process.Kill() }
