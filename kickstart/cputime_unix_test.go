//go:build unix

package kickstart

import (
	"syscall"
	"time"
)

// cpuTime is the CPU time that the process has used, garbage collection
// included; it says more than wall time on a busy machine.
func cpuTime() (time.Duration, bool) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, false
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), true
}
