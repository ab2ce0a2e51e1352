//go:build !windows

package freespace

import (
	"os"
	"syscall"
)

// Used is the space that a file takes on its disk.
func Used(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512, nil
	}
	return info.Size(), nil
}
