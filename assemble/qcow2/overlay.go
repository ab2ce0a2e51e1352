// An image that holds only what differs from another one.

package qcow2

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrOverlay says that a file cannot be what an overlay stands on.
var ErrOverlay = fault.Class(fault.Input, "impossible overlay")

// CreateOverlay makes the image path, which must not exist yet: an empty layer
// on the image backing, which stays as it is whatever is written to path. Its
// format is "qcow2" or "raw". The disk has sizeBytes, rounded up to sectors of
// 512 bytes; 0 stands for the size of the disk below. What lies past that one's end
// reads as zero. The file is its owner's alone, and names backing by its absolute
// path.
//
// Errors: ErrOverlay; those of Open and of the file system.
func CreateOverlay(path, backingFile, format string, sizeBytes int64) error {
	below, err := diskSize(backingFile, format)
	if err != nil {
		return err
	}
	sizeBytes = cmp.Or(sizeBytes, below)
	if sizeBytes < below {
		return &fault.Error{Class: ErrOverlay, Field: "SizeBytes",
			Err: fmt.Errorf("%d bytes: the disk of %s has %d, and an overlay cannot be smaller", sizeBytes, backingFile, below)}
	}
	name, err := filepath.Abs(backingFile)
	if err != nil {
		return err
	}
	if len(name) > maxBackName {
		return &fault.Error{Class: ErrOverlay, Err: fmt.Errorf("%s: a path of %d bytes: a qcow2 names a backing file with %d at most", name, len(name), maxBackName)}
	}
	g, err := Options{}.geometry(sizeBytes)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	p := newPacker(f, g, Uncompressed)
	p.backing = backing{name, format}
	if err := errors.Join(p.finish(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// diskSize is the size of an image's disk, in bytes.
func diskSize(path, format string) (int64, error) {
	var disk interface {
		Source
		Close() error
	}
	var err error
	switch format {
	case "qcow2":
		disk, err = Open(path, OpenOptions{})
	case "raw":
		disk, err = OpenRaw(path)
	default:
		err = &fault.Error{Class: ErrOverlay, Field: "Format", Err: fmt.Errorf("%q: raw or qcow2", format)}
	}
	if err != nil {
		return 0, err
	}
	return disk.Size(), disk.Close()
}
