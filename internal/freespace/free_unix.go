//go:build !windows

// Package freespace tells how much room a file system has, and a file takes.
package freespace

import "golang.org/x/sys/unix"

// Bytes is what an ordinary user can still write to the filesystem of dir.
func Bytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}
