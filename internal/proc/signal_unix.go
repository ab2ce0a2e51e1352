//go:build unix

package proc

import (
	"os"
	"syscall"
)

// killGroup kills the child's whole process group: what it has started goes with it.
func killGroup(p *os.Process) {
	if syscall.Kill(-p.Pid, syscall.SIGKILL) != nil {
		p.Kill() // the group does not exist yet, or no longer
	}
}

func terminate(p *os.Process) { p.Signal(syscall.SIGTERM) }
