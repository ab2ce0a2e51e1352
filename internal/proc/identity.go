package proc

import (
	"errors"
	"fmt"
	"os"
)

// ErrGone says that a process has ended, whoever has its number now.
var ErrGone = errors.New("the process has ended")

// Identity tells a process from every other that has or had its number: by when
// it was started. The error is ErrGone if there is none of that number.
func Identity(pid int) (string, error) {
	id, err := identity(pid)
	if err != nil {
		return "", fmt.Errorf("process %d: %w", pid, err)
	}
	return id, nil
}

// Alive reports whether the process of that number is still the one with that identity.
func Alive(pid int, id string) bool {
	now, err := Identity(pid)
	return err == nil && now == id
}

// KillIdentified kills the process of that number if it is the one with that
// identity, and nobody else. The error is ErrGone if it has ended.
func KillIdentified(pid int, id string) error { return signalIdentified(pid, id, os.Kill) }

// InterruptIdentified is KillIdentified for a process that is asked to stop, as by a
// Ctrl-C. Windows knows no asking: an error.
func InterruptIdentified(pid int, id string) error { return signalIdentified(pid, id, os.Interrupt) }

func signalIdentified(pid int, id string, signal os.Signal) error {
	// On Linux and Windows what is found is held: its number is nobody else's.
	p, err := os.FindProcess(pid)
	if err != nil {
		return ErrGone
	}
	defer func() { _ = p.Release() }()
	now, err := Identity(pid)
	if err != nil {
		return err
	}
	if now != id {
		return ErrGone
	}
	if err := p.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
