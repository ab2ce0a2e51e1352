// Data forks: where a file's blocks are. The book, "Data Extents".

package xfs

import (
	"fmt"

	"github.com/imgasm/imgasm/internal/nodefs"
)

// Formats of a fork (di_format).
const (
	formatLocal   = 1
	formatExtents = 2
	formatBtree   = 3
)

// fork finds a file's extents.
type fork struct {
	fs      *FS
	owner   uint64
	format  byte
	raw     []byte
	count   uint64 // of extents
	extents nodefs.Extents
}

// maxLevel is above every tree's: with the least fan-out that 1 KiB blocks
// have (29), nine levels hold 2^43 leaves.
const maxLevel = 9

var bmapHeader = header{sum: 64, address: 24, uuid: 40, owner: 56}

const bmapHeaderSize = 72

// at returns what is at block off of the file, as nodefs.Extents.At does.
func (k *fork) at(off uint64) (nodefs.Extent, error) {
	e, err := k.extents.At(off, k.descend)
	if err != nil {
		return e, fmt.Errorf("inode %d: %w", k.owner, err)
	}
	return e, nil
}

// end is above every block of a file: offsets in bytes have 63 bits.
func (k *fork) end() uint64 { return 1 << (63 - k.fs.sb.blockLog) }

// descend finds the leaf for block off. Levels must fall by one a step, so
// that a tree that leads into itself ends too; and a leaf's extents must lie in
// the range that led to it, so that no leaf serves two.
func (k *fork) descend(off uint64) (*nodefs.Leaf, error) {
	l := &nodefs.Leaf{Hi: k.end()}
	if off >= l.Hi {
		return nil, corrupt("offset 0x%x is behind every file's end", off)
	}
	switch {
	case k.format == formatExtents:
		if k.count > uint64(len(k.raw)/16) {
			return nil, corrupt("%d extents in %d bytes", k.count, len(k.raw))
		}
		return l, parseExtents(l, &k.fs.sb, k.raw, int(k.count))
	case k.format != formatBtree || len(k.raw) < 4:
		return nil, corrupt("data fork of format %d", k.format)
	}
	// The root lies in the inode with a header of two fields.
	level, n, body := int(be.Uint16(k.raw)), int(be.Uint16(k.raw[2:])), k.raw[4:]
	if level < 1 || level > maxLevel {
		return nil, corrupt("B+tree of %d levels", level)
	}
	for {
		block, err := narrow(l, body, n, off)
		if err != nil {
			return nil, err
		}
		level--
		buf, err := k.node(block, level)
		if err != nil {
			return nil, err
		}
		n, body = int(be.Uint16(buf[6:])), buf[bmapHeaderSize:]
		if level == 0 {
			if n < 1 || n > len(body)/16 {
				return nil, corrupt("B+tree leaf of %d extents", n)
			}
			return l, parseExtents(l, &k.fs.sb, body, n)
		}
	}
}

// node reads a block of the tree.
func (k *fork) node(block uint64, level int) ([]byte, error) {
	at, err := k.fs.sb.address(block, 1)
	if err != nil {
		return nil, err
	}
	buf, err := k.fs.read(at, k.fs.BlockSize)
	if err != nil {
		return nil, err
	}
	if string(buf[:4]) != "BMA3" {
		return nil, corrupt("no B+tree block at byte %d", at)
	}
	if have := int(be.Uint16(buf[4:])); have != level {
		return nil, corrupt("B+tree block at byte %d is of level %d, not %d", at, have, level)
	}
	return buf, bmapHeader.check(&k.fs.sb, buf, at, k.owner)
}

// narrow chooses the child for off among n keys, behind whose room the
// pointers are, and narrows the leaf's range to what the child holds.
func narrow(l *nodefs.Leaf, body []byte, n int, off uint64) (block uint64, err error) {
	room := len(body) / 16
	if n < 1 || n > room {
		return 0, corrupt("B+tree node of %d keys", n)
	}
	lo, hi, child := l.Lo, l.Hi, 0
	for i := range n {
		key := be.Uint64(body[8*i:])
		if key < lo || key >= l.Hi || i > 0 && key == lo {
			return 0, corrupt("B+tree keys out of order")
		}
		if i > 0 && key > off {
			hi = key
			break
		}
		if i > 0 {
			lo = key
		}
		child = i
	}
	l.Lo, l.Hi = lo, hi
	return be.Uint64(body[8*room+8*child:]), nil
}

// parseExtents reads n records of 128 bits: a flag (unwritten), 54 bits of offset, 52
// of block, 21 of length.
func parseExtents(l *nodefs.Leaf, sb *superblock, recs []byte, n int) error {
	l.Extents = make([]nodefs.Extent, 0, n)
	for i := range n {
		hi, lo := be.Uint64(recs[16*i:]), be.Uint64(recs[16*i+8:])
		e := nodefs.Extent{
			Off: hi << 1 >> 10, Count: lo & (1<<21 - 1),
			Block: hi&(1<<9-1)<<43 | lo>>21, Zero: hi>>63 != 0,
		}
		if !l.Add(e) {
			return corrupt("extent %d of %d, %d blocks at 0x%x, is out of order", i, n, e.Count, e.Off)
		}
		if _, err := sb.address(e.Block, e.Count); err != nil {
			return err
		}
	}
	return nil
}
