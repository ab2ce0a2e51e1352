package proc

// Linux: the kernel kills the child when the thread that started it dies.

import (
	"os/exec"
	"runtime"
	"syscall"
)

// bond holds a child to our life.
type bond struct{}

// startBound starts the child from an OS thread that the calling goroutine
// keeps until it calls release. PR_SET_PDEATHSIG fires at the death of the
// *thread*, and Go ends idle threads as it likes; as it is the kernel that
// acts, our own SIGKILL is no way round it. (A program with the set-user-ID bit
// or file capabilities loses the signal: QEMU and what else we run has neither.)
func startBound(cmd *exec.Cmd) (*bond, error) {
	runtime.LockOSThread()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return &bond{}, nil
}

// release is called by the goroutine that called startBound, once the child has ended.
func (*bond) release() { runtime.UnlockOSThread() }
