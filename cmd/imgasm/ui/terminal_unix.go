//go:build unix

package ui

import (
	"os"

	"golang.org/x/sys/unix"
)

// canMove reports whether a terminal of a kind, as TERM names it, knows control
// sequences. One that is not named may be a printer.
func canMove(kind string) bool { return kind != "" && kind != "dumb" }

// Unread reports whether standard output or error is a pipe that nobody reads
// any more. A SIGPIPE alone does not say which of our pipes and sockets it is
// about: one to a QEMU that has ended raises it too.
func Unread() bool {
	fds := []unix.PollFd{{Fd: int32(os.Stdout.Fd())}, {Fd: int32(os.Stderr.Fd())}}
	if _, err := unix.Poll(fds, 0); err != nil {
		return false
	}
	return (fds[0].Revents|fds[1].Revents)&(unix.POLLERR|unix.POLLHUP) != 0
}
