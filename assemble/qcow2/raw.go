// Raw disks, whose file system knows where they have holes.

package qcow2

import (
	"fmt"
	"os"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// RawFile is a raw disk image, or a part of a file, as a Mapper.
type RawFile struct {
	file *os.File
	size int64
}

// OpenRaw opens a raw disk image. It must be closed.
func OpenRaw(path string) (*RawFile, error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := Raw(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return r, nil
}

// ErrNotRegular is what a folder, a pipe or a drive is refused with.
var ErrNotRegular = fault.Class(fault.Input, "not a regular file")

func notRegular(path string) error {
	return &fault.Error{Class: ErrNotRegular, Err: fmt.Errorf("%s: %w", path, ErrNotRegular), Do: "give the file of a disk image: ls -ld " + path}
}

// Raw is OpenRaw for a file that is open already.
func Raw(f *os.File) (*RawFile, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notRegular(f.Name())
	}
	return &RawFile{f, info.Size()}, nil
}

// ReadAt implements io.ReaderAt.
func (r *RawFile) ReadAt(p []byte, off int64) (int, error) { return r.file.ReadAt(p, off) }

// Size is the file's size when it was opened.
func (r *RawFile) Size() int64 { return r.size }

// Close closes the file.
func (r *RawFile) Close() error { return r.file.Close() }

// Extent implements Mapper: holes are Unallocated. Where the system does not
// tell, all is Data.
func (r *RawFile) Extent(off int64) (Extent, error) {
	data, hole, err := dataFrom(r.file, off, r.size)
	if err != nil {
		return Extent{}, err
	}
	if data > off {
		return Extent{off, data - off, Unallocated}, nil
	}
	return Extent{off, hole - off, Data}, nil
}
