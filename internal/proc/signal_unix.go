//go:build unix

package proc

import (
	"os"
	"os/exec"
	"syscall"
)

// setGroup gives a child a process group of its own, or leaves it in ours, with
// SIGINT ignored: which a program keeps when another takes its place, so a shell
// begins. Only so can we go on hearing the signal ourselves.
func setGroup(cmd *exec.Cmd, ours bool) {
	cmd.SysProcAttr.Setpgid = !ours
	if ours && cmd.Err == nil {
		cmd.Args = append([]string{"sh", "-c", `trap "" INT; exec "$@"`, "sh", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	}
}

// killGroup kills the child's whole process group: what it has started goes with it.
func killGroup(p *os.Process) {
	if syscall.Kill(-p.Pid, syscall.SIGKILL) != nil {
		p.Kill() // the group does not exist yet, or no longer, or it is ours
	}
}

func terminate(p *os.Process) { p.Signal(syscall.SIGTERM) }
