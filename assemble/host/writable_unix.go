//go:build !windows

package host

import "golang.org/x/sys/unix"

// Writable says why no file can be made in dir, as far as that can be known
// without making one; nil: it can.
func Writable(dir string) error {
	return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
}
