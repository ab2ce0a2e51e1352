package proc

// Windows: a job object that only we hold kills what is in it when its last
// handle is closed, which the system does when we end.

import (
	"fmt"
	"os"
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

type bond struct{ job windows.Handle }

// startBound puts the child into a job of its own right after its start. A
// grandchild that it starts in the microseconds between is not bound.
func startBound(cmd *exec.Cmd) (*bond, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, fmt.Errorf("job object: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
			LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
		},
	}
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		windows.CloseHandle(job)
		return nil, fmt.Errorf("job object: %w", err)
	}
	// A group of its own: Ctrl-C at the console is for us.
	cmd.SysProcAttr.CreationFlags |= windows.CREATE_NEW_PROCESS_GROUP
	cmd.SysProcAttr.HideWindow = true
	if err := cmd.Start(); err != nil {
		windows.CloseHandle(job)
		return nil, err
	}
	var assigned error
	err = cmd.Process.WithHandle(func(h uintptr) {
		assigned = windows.AssignProcessToJobObject(job, windows.Handle(h))
	})
	if err == nil {
		err = assigned
	}
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		windows.CloseHandle(job)
		return nil, fmt.Errorf("job object: %w", err)
	}
	return &bond{job: job}, nil
}

// release closes the job, which also ends what the child has left behind.
func (b *bond) release() { windows.CloseHandle(b.job) }

// setGroup has nothing to do: a child in a group of its own may read the console too.
func setGroup(*exec.Cmd, bool) {}

func killGroup(p *os.Process) { p.Kill() }

func terminate(p *os.Process) { p.Kill() }
