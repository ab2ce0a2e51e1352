// Package disk makes raw disk images: blank target disks, GPT partition
// tables, FAT32 EFI system partitions, and whole boot media out of these.
//
// What guests and strangers wrote is read within bounds: ReadTable, OpenFAT.
//
// Everything written depends on the arguments alone: same input, same bytes.
package disk

import (
	"fmt"
	"os"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrSize is what an impossible size is refused with.
var ErrSize = fault.Class(fault.Input, "impossible size")

// SectorSize is the logical sector of every disk that imgasm makes.
const SectorSize = 512

// Blank makes an empty file a blank raw disk of sizeBytes, a positive multiple
// of 512. It takes no space until something is written to it. The error wraps
// ErrSize, or is one of files.
func Blank(f *os.File, sizeBytes int64) error {
	if sizeBytes <= 0 || sizeBytes%SectorSize != 0 {
		return fmt.Errorf("%s: %d bytes: a disk's size is a positive multiple of %d: %w", f.Name(), sizeBytes, SectorSize, ErrSize)
	}
	if err := markSparse(f); err != nil {
		return err
	}
	return f.Truncate(sizeBytes)
}
