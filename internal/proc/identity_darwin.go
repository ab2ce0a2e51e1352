package proc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// identity is the time at which the process was started.
func identity(pid int) (string, error) {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EIO): // of none, the answer has no bytes
		return "", ErrGone
	case err != nil:
		return "", err
	case int(p.Proc.P_pid) != pid:
		return "", ErrGone
	}
	const zombie = 5 // SZOMB of sys/proc.h
	if p.Proc.P_stat == zombie {
		return "", ErrGone
	}
	at := p.Proc.P_starttime
	return fmt.Sprintf("%d.%06d", at.Sec, at.Usec), nil
}
