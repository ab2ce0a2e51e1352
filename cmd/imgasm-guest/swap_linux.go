// Swap space, and the one ioctl that x/sys/unix has no function for.

package main

import (
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// blkZeroOut is BLKZEROOUT of linux/fs.h: _IO(0x12, 127).
const blkZeroOut = 0x127f

func ioctlRange(f *os.File, request uintptr, span *[2]uint64) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(unsafe.Pointer(span)))
	if errno != 0 {
		return errno
	}
	return nil
}

// writeSwap writes the header that mkswap does (union swap_header in
// linux/swap.h), for pages of 4096 bytes.
func writeSwap(f *os.File, size int64, uuid [16]byte) error {
	b := make([]byte, 4096)
	binary.LittleEndian.PutUint32(b[1024:], 1)
	binary.LittleEndian.PutUint32(b[1028:], uint32(size/4096-1))
	copy(b[1036:], uuid[:])
	copy(b[4086:], "SWAPSPACE2")
	_, err := f.WriteAt(b, 0)
	return err
}
