package proc

import (
	"errors"
	"os"
	"os/exec"
)

func detach(*exec.Cmd) error { return ErrNoDetach }

// Replace runs a program with our streams and terminal, and returns its exit
// status: on Windows no program takes the place of another.
func Replace(path string, args, env []string) (code int, err error) {
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return -1, &Error{Argv: cmd.Args, Code: -1, Err: err}
	}
	return 0, nil
}
