package host

import "golang.org/x/sys/unix"

// MemoryMiB is the host's memory, 0 if it cannot be told.
func MemoryMiB() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(n >> 20)
}
