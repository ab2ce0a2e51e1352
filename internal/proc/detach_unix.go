//go:build unix

package proc

import (
	"os"
	"os/exec"
	"syscall"
)

func detach(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return nil
}

// Replace puts a program in our place: with our streams, terminal and process
// number, so that its end is ours. It returns only if that fails. Where a program
// cannot be replaced (Windows) it is run, and code is its exit status.
func Replace(path string, args, env []string) (code int, err error) {
	argv := append([]string{path}, args...)
	if env == nil {
		env = os.Environ()
	}
	return -1, &Error{Argv: argv, Code: -1, Err: syscall.Exec(path, argv, env)}
}
