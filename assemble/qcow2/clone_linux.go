package qcow2

import (
	"os"

	"golang.org/x/sys/unix"
)

// cloneRange makes n bytes of dst share the blocks of src's, as XFS and btrfs
// can (ioctl_ficlonerange(2)): nothing is read or written.
func cloneRange(dst, src *os.File, to, from, n int64) error {
	return unix.IoctlFileCloneRange(int(dst.Fd()), &unix.FileCloneRange{
		Src_fd: int64(src.Fd()), Src_offset: uint64(from), Src_length: uint64(n), Dest_offset: uint64(to),
	})
}
