//go:build unix

package proc

// A watcher is a shell that reads a pipe whose other end only we hold. When we
// die, in whatever way, the kernel closes our end and the shell kills the child.

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watchScript reads two lines: the child's pid, then "ended" when the child has
// been waited for. End of file in the place of the second means that we are
// dead. It ignores the signals that a terminal or a service manager sends to
// everybody: it has to outlive us.
const watchScript = `trap '' INT TERM HUP QUIT
read pid || exit 0
read word || kill -9 "-$pid" "$pid"
exit 0`

type watcher struct {
	sh *exec.Cmd
	in io.WriteCloser
}

// startWatched starts a child under a watcher. The watcher comes first: a child
// that cannot be watched is not started. If we die in the microseconds between
// the child's start and its naming, it stays.
func startWatched(cmd *exec.Cmd) (*watcher, error) {
	w, err := newWatcher()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		w.release()
		return nil, err
	}
	if err := w.watch(cmd.Process.Pid); err != nil {
		killGroup(cmd.Process)
		cmd.Wait()
		w.release()
		return nil, err
	}
	return w, nil
}

func newWatcher() (*watcher, error) {
	sh := exec.Command("/bin/sh", "-c", watchScript)
	sh.Env = []string{}
	// A group of its own: a kill of ours must not take the watcher with us.
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := sh.StdinPipe() // close-on-exec: no child inherits our end
	if err != nil {
		return nil, fmt.Errorf("watcher of child processes: %w", err)
	}
	if err := sh.Start(); err != nil {
		in.Close()
		return nil, fmt.Errorf("watcher of child processes: %w", err)
	}
	return &watcher{sh: sh, in: in}, nil
}

// watch names the child.
func (w *watcher) watch(pid int) error {
	if _, err := fmt.Fprintf(w.in, "%d\n", pid); err != nil {
		return fmt.Errorf("watcher of child processes: %w", err)
	}
	return nil
}

// release ends the watcher. The child has ended and been waited for: its pid
// may belong to somebody else by now, so the watcher must not use it.
func (w *watcher) release() {
	io.WriteString(w.in, "ended\n")
	w.in.Close()
	w.sh.Wait()
}
