// Package ext4 reads ext2, ext3 and ext4 file systems: of a partition of a disk
// image, or of anything else that is an io.ReaderAt ([New]). It makes ext4 file
// systems that a server can live on ([Create]), and changes none. No root, mount
// or kernel is needed.
//
// It was written from the public description of the format, the Linux kernel's
// "ext4 Data Structures and Algorithms" ("the book" in comments; its chapters
// are named there). It reads every block and inode size, extents and block
// maps, 64-bit block numbers, meta and flexible block groups, hashed
// directories, data inside of inodes, and checks metadata_csum's checksums.
// Refused by name ([ErrUnsupported]) are what is compressed or encrypted, data
// in the directory entries themselves (dirdata), and external journals.
// Attributes are not read, and names are compared byte by byte, in folders that
// ignore case too. The journal is not replayed: of a file system that was not
// unmounted (see [FS.Unclean]) what only the journal has is not seen, and a
// half-written change may be told as damage.
//
// Images of strangers may be damaged or hostile. Checksums, ranges, orders and
// parents are checked, and a directory has one parent and one name, so that
// every walk ends. An open file takes less than 2 MiB, and a listing at most
// 256 MiB (directories that need more, or that have more than 1 GiB, are
// refused). What lookups keep to be fast takes at most 256 MiB too, and usually
// next to nothing.
//
// A file system that it makes has what mke2fs gives one, with blocks of 4 KiB:
// a journal, extents, checksums, hashed directories, room to grow. The same
// calls make the same bytes. Files are written as they come, one behind the
// other; what is known of them is kept in memory until Close: 24 bytes a file, 16
// more if its attributes are not those of the one before it, and 20 with each
// name. A program that made 500,000 files took 64 MiB. Extended attributes,
// devices and files with holes are not made.
package ext4

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/nodefs"
)

var (
	// ErrNotExt4: there is no superblock of ext2, ext3 or ext4.
	ErrNotExt4 = fault.Class(fault.Input, "not an ext4 file system")
	// ErrUnsupported: it is one, with something that this package does not read.
	ErrUnsupported = fault.Class(fault.Input, "unsupported ext4 file system")
	// ErrCorrupt: what was read contradicts the format, its checksum, or itself.
	ErrCorrupt = fault.Class(fault.Input, "damaged ext4 file system")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

// FS is a file system, rooted at its root directory. Open and Stat follow
// symbolic links, within the file system: absolute ones start at its root, and
// no .. leads out. Files that it opens are io.ReaderAt and io.Seeker. It may be
// used from many goroutines.
type FS struct {
	Kind      string // "ext2", "ext3" or "ext4", by its features
	Label     string // at most 16 bytes, as its maker wrote them
	UUID      string // as in fstab: 8-4-4-4-12 small hex digits
	BlockSize int    // bytes
	Size      int64  // of all blocks, in bytes
	// Unclean: it was not unmounted, or its journal has what was not read.
	Unclean bool

	r     io.ReaderAt
	sb    superblock
	names *nodefs.Index
}

var (
	_ fs.ReadDirFS  = (*FS)(nil)
	_ fs.StatFS     = (*FS)(nil)
	_ fs.ReadFileFS = (*FS)(nil)
	_ fs.ReadLinkFS = (*FS)(nil)
)

// New reads the superblock and root of the file system that r is, of size
// bytes. The error is ErrNotExt4, ErrUnsupported, ErrCorrupt or the reader's.
func New(r io.ReaderAt, size int64) (*FS, error) {
	sb, err := readSuperblock(r, size)
	if err != nil {
		return nil, fmt.Errorf("superblock: %w", err)
	}
	u := sb.uuid
	f := &FS{
		Kind: sb.kind(), Label: sb.label, BlockSize: 1 << sb.blockLog, Size: int64(sb.blocks) << sb.blockLog,
		UUID:    fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]),
		Unclean: sb.incompat&featureRecover != 0 || !sb.unmounted,
		r:       r, sb: sb, names: nodefs.NewIndex(maxListing),
	}
	_, err = f.root()
	return f, err
}

// root is the inode of the root directory.
func (f *FS) root() (*inode, error) {
	in, err := f.inode(rootInode)
	if err != nil {
		return nil, fmt.Errorf("root: %w", err)
	}
	if !in.mode.IsDir() {
		return nil, corrupt("root: inode %d is no directory", in.ino)
	}
	in.parent = in.ino
	return in, nil
}

func (f *FS) tree() nodefs.FS {
	return nodefs.FS{MaxFile: maxListing, Root: func() (nodefs.Node, error) {
		in, err := f.root()
		if err != nil {
			return nil, err
		}
		return in, nil
	}}
}

// Open opens a file or directory; of what is neither, only Stat works.
func (f *FS) Open(name string) (fs.File, error) { return f.tree().Open(name) }

// Stat describes a file. Its Sys is a *Stat.
func (f *FS) Stat(name string) (fs.FileInfo, error) { return f.tree().Stat(name) }

// Lstat is Stat that describes a symbolic link itself.
func (f *FS) Lstat(name string) (fs.FileInfo, error) { return f.tree().Lstat(name) }

// ReadLink returns what a symbolic link holds, as it is.
func (f *FS) ReadLink(name string) (string, error) { return f.tree().ReadLink(name) }

// ReadDir lists a directory, by name.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) { return f.tree().ReadDir(name) }

// ReadFile reads a file of at most 256 MiB; Open has no such limit.
func (f *FS) ReadFile(name string) ([]byte, error) { return f.tree().ReadFile(name) }

// read fills a new buffer with a block.
func (f *FS) readBlock(block uint64) ([]byte, error) {
	at, err := f.sb.address(block, 1)
	if err != nil {
		return nil, err
	}
	buf := make([]byte, f.BlockSize)
	return buf, readFull(f.r, buf, at)
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
