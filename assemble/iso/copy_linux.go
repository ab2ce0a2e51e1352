package iso

import (
	"os"

	"golang.org/x/sys/unix"
)

// copyRange lets the kernel copy n bytes of from, at off, to the position of
// to. It returns how far that went: less than n without an error means that
// the kernel does not copy between these files, and the caller must.
func copyRange(to, from *os.File, off, n int64) (int64, error) {
	var done int64
	for done < n {
		at := off + done
		k, err := unix.CopyFileRange(int(from.Fd()), &at, int(to.Fd()), nil, int(min(n-done, 1<<30)), 0)
		switch {
		case err == unix.EINTR:
		case err != nil && done == 0: // EXDEV, EINVAL, ENOSYS, EOPNOTSUPP: not possible here
			return 0, nil
		case err != nil:
			return done, &os.PathError{Op: "copy_file_range", Path: to.Name(), Err: err}
		case k == 0:
			return done, nil // end of file, or a file system that pretends it
		default:
			done += int64(k)
		}
	}
	return done, nil
}
