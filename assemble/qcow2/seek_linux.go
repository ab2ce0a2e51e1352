package qcow2

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// dataFrom returns where in f the first data at or after off begin and, where
// that is off itself, end; size stands for the end of the file.
func dataFrom(f *os.File, off, size int64) (data, hole int64, err error) {
	data, err = f.Seek(off, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO): // nothing but a hole from here on
		return size, size, nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP): // a file system that knows no holes
		return off, size, nil
	case err != nil:
		return 0, 0, err
	}
	if data > off {
		return min(data, size), size, nil
	}
	hole, err = f.Seek(off, unix.SEEK_HOLE)
	return off, min(hole, size), err
}
