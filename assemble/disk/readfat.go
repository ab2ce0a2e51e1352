// This file reads FAT12, FAT16 and FAT32 file systems, of which a guest or a
// stranger wrote every byte: no chain of clusters is followed for longer than
// the file system is large, and no directory is larger than FAT allows.

package disk

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/nodefs"
)

// ErrNotFAT says that there is no FAT file system, or a damaged one.
var ErrNotFAT = fault.Class(fault.Input, "no FAT file system")

// FAT is a file system that is read. It is not for use by two goroutines at
// the same time.
type FAT struct {
	Bits int    // 12, 16 or 32
	UUID string // the serial number as in fstab, "1A2B-3C4D"; "" for none
	Size int64  // of all sectors, in bytes

	r          io.ReaderAt
	fatStart   int64
	root       int64  // where the root directory of FAT12 and FAT16 begins
	rootBytes  int64  // and its size
	first      uint32 // the root directory's cluster on FAT32
	data       int64  // where cluster 2 begins
	clusters   uint32
	cluster    int64  // bytes of one
	window     []byte // a piece of the table
	windowFrom int64

	names *nodefs.Index
}

// OpenFAT reads the boot sector of a file system that begins at the start of r
// and has up to sizeBytes (FATGEN, "Boot Sector and BPB" and "FAT Type
// Determination"). The error wraps ErrNotFAT, or is r's.
func OpenFAT(r io.ReaderAt, sizeBytes int64) (*FAT, error) {
	b := make([]byte, SectorSize)
	if sizeBytes < SectorSize {
		return nil, fmt.Errorf("%d bytes: %w", sizeBytes, ErrNotFAT)
	}
	if err := readFull(r, b, 0); err != nil {
		return nil, err
	}
	f := &FAT{r: r, names: nodefs.NewIndex(maxNames)}
	if err := f.readBoot(b, sizeBytes); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotFAT, err)
	}
	return f, nil
}

// readBoot reads the boot sector.
func (f *FAT) readBoot(b []byte, sizeBytes int64) error {
	le := binary.LittleEndian
	if b[510] != 0x55 || b[511] != 0xaa {
		return errors.New("no boot sector")
	}
	sector, perCluster := int64(le.Uint16(b[11:])), int64(b[13])
	if sector < 512 || sector > 4096 || sector&(sector-1) != 0 {
		return fmt.Errorf("sectors of %d bytes", sector)
	}
	if perCluster == 0 || perCluster&(perCluster-1) != 0 {
		return fmt.Errorf("clusters of %d sectors", perCluster)
	}
	reserved, tables, rootEntries := int64(le.Uint16(b[14:])), int64(b[16]), int64(le.Uint16(b[17:]))
	if reserved == 0 || tables == 0 {
		return fmt.Errorf("%d reserved sectors, %d tables", reserved, tables)
	}
	total := cmp.Or(int64(le.Uint16(b[19:])), int64(le.Uint32(b[32:])))
	table := int64(le.Uint16(b[22:]))
	f.Bits, f.Size, f.cluster = 16, total*sector, perCluster*sector
	extended := b[36:] // FATGEN, "Extended BPB": from here for FAT12 and FAT16
	if table == 0 {    // as Linux and EDK II do: whatever the number of clusters
		f.Bits, table, f.first = 32, int64(le.Uint32(b[36:])), le.Uint32(b[44:])
		extended = b[64:]
	}
	if extended[2] == 0x29 {
		f.UUID = fmt.Sprintf("%04X-%04X", le.Uint16(extended[5:]), le.Uint16(extended[3:]))
	}
	if total > sizeBytes/sector {
		return fmt.Errorf("%d sectors of %d bytes where there is room for %d", total, sector, sizeBytes/sector)
	}
	f.fatStart = reserved * sector
	f.root = f.fatStart + tables*table*sector
	f.rootBytes = rootEntries * dirEntrySize
	data := reserved + tables*table + (f.rootBytes+sector-1)/sector
	f.data = data * sector
	if table == 0 || data >= total {
		return fmt.Errorf("tables of %d sectors leave no room for data", table)
	}
	clusters := (total - data) / perCluster
	switch {
	case f.Bits == 32:
		clusters = min(clusters, 0x0ffffff5)
	case clusters < 4085:
		f.Bits = 12
	case clusters >= 65525:
		return fmt.Errorf("%d clusters are too many for FAT16", clusters)
	}
	// What the table has no entries for cannot be in use.
	f.clusters = uint32(min(clusters, table*sector*8/int64(f.Bits)-2))
	if f.clusters < 1 || f.Bits == 32 && !f.valid(f.first) {
		return errors.New("no clusters, or no root directory")
	}
	return nil
}

// valid reports whether a cluster is one of the file system's.
func (f *FAT) valid(cluster uint32) bool { return cluster >= 2 && cluster-2 < f.clusters }

// next is the table's entry of a cluster.
func (f *FAT) next(cluster uint32) (uint32, error) {
	const size = 4 << 10 // more would cost a chain that jumps about too much
	at := f.fatStart + int64(cluster)*int64(f.Bits)/8
	if at < f.windowFrom || at+4 > f.windowFrom+int64(len(f.window)) {
		b := make([]byte, size)
		n, err := f.r.ReadAt(b, at)
		if n < 4 {
			return 0, fmt.Errorf("file allocation table: %w", err)
		}
		f.window, f.windowFrom = b[:n], at
	}
	n := binary.LittleEndian.Uint32(f.window[at-f.windowFrom:])
	switch {
	case f.Bits == 12 && cluster%2 == 1:
		return n >> 4 & 0xfff, nil
	case f.Bits == 12:
		return n & 0xfff, nil
	case f.Bits == 16:
		return n & 0xffff, nil
	}
	return n & 0x0fffffff, nil
}

// ended reports whether a table's entry ends a chain.
func (f *FAT) ended(entry uint32) bool {
	return entry >= map[int]uint32{12: 0xff8, 16: 0xfff8, 32: 0x0ffffff8}[f.Bits]
}

// chainReader reads clusters in a chain.
type chainReader struct {
	f       *FAT
	cluster uint32 // that is read now
	within  int64  // and how much of it was
	left    int64  // bytes that may still be read
	// free says that the chain ends where it ends: a directory, which has no size.
	free bool
}

func (c *chainReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	if c.within == c.f.cluster {
		next, err := c.f.next(c.cluster)
		if err != nil {
			return 0, err
		}
		if c.free && c.f.ended(next) {
			return 0, io.EOF
		}
		c.cluster, c.within = next, 0
	}
	if !c.f.valid(c.cluster) {
		return 0, fmt.Errorf("a chain of clusters leads to %#x: %w", c.cluster, ErrDamaged)
	}
	n := min(int64(len(p)), c.f.cluster-c.within, c.left)
	at := c.f.data + int64(c.cluster-2)*c.f.cluster + c.within
	if err := readFull(c.f.r, p[:n], at); err != nil {
		return 0, err
	}
	c.within += n
	c.left -= n
	return int(n), nil
}

// ErrDamaged says that a file system contradicts itself.
var ErrDamaged = fault.Class(fault.Input, "damaged file system")

// fatEntry is a file or directory.
type fatEntry struct {
	Name      string
	Dir       bool
	SizeBytes int64     // 0 for a directory
	ModTime   time.Time // as if its clock had shown UTC; whole seconds, even ones

	readOnly bool
	short    string
	cluster  uint32
}

// directory reads the one that begins at a cluster; 0 is the root.
func (f *FAT) directory(cluster uint32) (*fatDirectory, error) {
	var r io.Reader
	switch {
	case cluster != 0:
		r = &chainReader{f: f, cluster: cluster, left: maxDirBytes, free: true}
	case f.Bits == 32:
		r = &chainReader{f: f, cluster: f.first, left: maxDirBytes, free: true}
	default:
		r = io.NewSectionReader(f.r, f.root, f.rootBytes)
	}
	return readDirectory(bufio.NewReader(r), f.Bits)
}

// Label is the name that the root directory gives the file system, "" for none.
func (f *FAT) Label() (string, error) {
	d, err := f.directory(0)
	if err != nil {
		return "", fmt.Errorf("root directory: %w", err)
	}
	return d.label, nil
}
