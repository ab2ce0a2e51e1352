// Package disk makes raw disk images: blank target disks, GPT partition
// tables, FAT32 EFI system partitions, and whole boot media out of these.
//
// What guests and strangers wrote is read within bounds: ReadTable, OpenFAT.
//
// Everything written depends on the arguments alone: same input, same bytes.
package disk

import (
	"errors"
	"fmt"
	"os"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrSize is what an impossible size is refused with.
var ErrSize = fault.Class(fault.Input, "impossible size")

// SectorSize is the logical sector of every disk that imgasm makes.
const SectorSize = 512

// CreateRaw creates a blank raw disk image of sizeBytes, which must be a
// positive multiple of 512. The file takes no space until something is
// written to it. It is an error if path exists; the error then wraps
// fs.ErrExist. Nothing is left behind on an error.
func CreateRaw(path string, sizeBytes int64) error {
	f, err := createSparse(path, sizeBytes)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Blank makes an empty file sizeBytes large; see CreateRaw.
func Blank(f *os.File, sizeBytes int64) error {
	if sizeBytes <= 0 || sizeBytes%SectorSize != 0 {
		return fmt.Errorf("%s: %d bytes: a disk's size is a positive multiple of %d: %w", f.Name(), sizeBytes, SectorSize, ErrSize)
	}
	if err := markSparse(f); err != nil {
		return err
	}
	return f.Truncate(sizeBytes)
}

// createSparse is CreateRaw that leaves the file open.
func createSparse(path string, sizeBytes int64) (*os.File, error) {
	if sizeBytes <= 0 || sizeBytes%SectorSize != 0 {
		return nil, fmt.Errorf("%s: %d bytes: a disk's size is a positive multiple of %d: %w", path, sizeBytes, SectorSize, ErrSize)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	if err := Blank(f, sizeBytes); err != nil {
		f.Close()
		os.Remove(path)
		return nil, err
	}
	return f, nil
}
