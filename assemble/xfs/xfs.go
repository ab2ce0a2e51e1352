// Package xfs reads an XFS file system: of a partition of a disk image, or of
// anything else that is an io.ReaderAt. No root, mount or kernel is needed. It
// never writes.
//
// It was written from the public description of the format, "XFS Algorithms &
// Data Structures", 3rd edition ("the book" in comments; its chapters are named
// there). It reads version 5 file systems (with checksums), as mkfs.xfs has
// made them since 2015: every block, sector, inode and directory block size,
// large extent counters (nrext64), big timestamps, sparse inodes and shared
// extents. Version 4, directories without file types (ftype=0), file systems
// marked for xfs_repair, and the contents of files on a realtime device are
// refused by name ([ErrUnsupported]). Attributes are not read. The log is not
// replayed: of a file system that was not unmounted ([FS.Unclean]), what only the
// log has is not seen, and a half-written change may be told as damage.
//
// Images of strangers may be damaged or hostile. Checksums, owners, levels,
// ranges and parents are checked, extents lie within the device, and a
// directory has one parent and one name, so that every walk ends. An open file
// takes less than 512 KiB, and a listing at most 256 MiB (directories that need
// more are refused). What lookups keep to be fast takes at most 256 MiB too,
// and usually next to nothing.
package xfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/nodefs"
)

var (
	// ErrNotXFS: there is no XFS superblock.
	ErrNotXFS = fault.Class(fault.Input, "not an XFS file system")
	// ErrUnsupported: it is one, with something that this package does not read.
	ErrUnsupported = fault.Class(fault.Input, "unsupported XFS file system")
	// ErrCorrupt: what was read contradicts the format, its checksum, or itself.
	ErrCorrupt = fault.Class(fault.Input, "damaged XFS file system")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// FS is a file system, rooted at its root directory. Open and Stat follow
// symbolic links, within the file system: absolute ones start at its root, and
// no .. leads out. Files that it opens are io.ReaderAt and io.Seeker. It may be
// used from many goroutines.
type FS struct {
	Label     string // at most 12 bytes, as its maker wrote them
	UUID      string // as in fstab: 8-4-4-4-12 small hex digits
	BlockSize int    // bytes
	// Size is the length of the data section in bytes.
	Size int64
	// Unclean: the last record of the log is not that of unmounting, or the log cannot
	// be read. False where it is on another device.
	Unclean bool

	r  io.ReaderAt
	sb superblock

	names *nodefs.Index
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// New reads the superblock and root of the file system that r is, of size
// bytes. The error is ErrNotXFS, ErrUnsupported, ErrCorrupt or the reader's.
func New(r io.ReaderAt, size int64) (*FS, error) {
	sb, err := readSuperblock(r, size)
	if err != nil {
		return nil, fmt.Errorf("superblock: %w", err)
	}
	u := sb.uuid
	f := &FS{
		Label: sb.label, BlockSize: 1 << sb.blockLog, Size: int64(sb.blocks) << sb.blockLog,
		UUID: fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]),
		r:    r, sb: sb, names: nodefs.NewIndex(maxListing),
	}
	if _, err := f.root(); err != nil {
		return nil, err
	}
	f.Unclean, err = f.unclean()
	if errors.Is(err, ErrCorrupt) || errors.Is(err, io.ErrUnexpectedEOF) { // files need no log
		return f, nil
	}
	return f, err
}

// root is the inode of the root directory.
func (f *FS) root() (*inode, error) {
	in, err := f.inode(f.sb.root)
	if err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	if !in.mode.IsDir() {
		return nil, corrupt("root: inode %d is no directory", f.sb.root)
	}
	in.parent = in.ino
	return in, nil
}

// read fills a new buffer with n bytes at off, both within the device as
// superblock.address has seen.
func (f *FS) read(off int64, n int) ([]byte, error) {
	buf := make([]byte, n)
	return buf, readFull(f.r, buf, off)
}

// readFull is ReadAt that takes an end within buf for an error.
func readFull(r io.ReaderAt, buf []byte, off int64) error {
	n, err := r.ReadAt(buf, off)
	switch {
	case n == len(buf):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}
