//go:build !windows

package assemble

import (
	"io/fs"
	"os"
	"syscall"
)

// ownerOf is the user who owns a file.
func ownerOf(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// me is the user as whom files are made.
func me() int { return os.Geteuid() }
