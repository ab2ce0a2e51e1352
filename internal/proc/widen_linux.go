package proc

import (
	"os"

	"golang.org/x/sys/unix"
)

// Widen has a pipe hold 1 MiB, the most that everybody may have, in the place of
// 64 KiB: who writes and who reads much wait for one another less often. What is
// no pipe, and a pipe that may not, stays as it is.
func Widen(f *os.File) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, 1<<20) })
	}
}
