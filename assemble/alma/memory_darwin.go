package alma

import "golang.org/x/sys/unix"

// memoryMiB is the host's memory, 0 if it cannot be told.
func memoryMiB() int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(n >> 20)
}
