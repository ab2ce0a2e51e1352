// Where a file's blocks are: the book, "Extent Tree" and "Direct/Indirect Block
// Addressing".

package ext4

import (
	"fmt"
	"sync/atomic"
)

// extent is a run of blocks, of a file and of the device.
type extent struct {
	off, count uint64 // in the file
	block      uint64
	zero       bool // a hole, or allocated and never written: no block is to be read
}

// leaf is all that is mapped of a file's blocks lo to hi, in their order.
type leaf struct {
	lo, hi  uint64
	extents []extent
}

// mapping finds extents. It keeps one leaf of them, whatever the file's size.
type mapping struct {
	in   *inode
	root []byte // i_block
	last atomic.Pointer[leaf]
}

// at returns what is at block off of the file: the rest of an extent from
// there, or of a hole up to the next extent or a place where to ask again.
func (m *mapping) at(off uint64) (extent, error) {
	l := m.last.Load()
	if l == nil || off < l.lo || off >= l.hi {
		descend := m.blockMap
		if m.in.flags&flagExtents != 0 {
			descend = m.tree
		}
		var err error
		if l, err = descend(off); err != nil {
			return extent{}, fmt.Errorf("inode %d: %w", m.in.ino, err)
		}
		m.last.Store(l)
	}
	lo, hi := 0, len(l.extents) // the first extent that ends after off
	for lo < hi {
		if i := (lo + hi) / 2; l.extents[i].off+l.extents[i].count <= off {
			lo = i + 1
		} else {
			hi = i
		}
	}
	end := l.hi
	if lo < len(l.extents) {
		if e := l.extents[lo]; e.off <= off {
			skip := off - e.off
			return extent{off: off, count: e.count - skip, block: e.block + skip, zero: e.zero}, nil
		}
		end = l.extents[lo].off
	}
	return extent{off: off, count: end - off, zero: true}, nil
}

const (
	// maxBlocks is above every block of a file: numbers have 32 bits.
	maxBlocks = 1 << 32
	// noBlocks is above every block of which offsets in bytes have 63 bits.
	noBlocks = 1 << 53

	extentMagic  = 0xf30a
	extentSize   = 12 // also of an index, and of the header
	maxDepth     = 5
	maxExtentLen = 32768 // more are such that were never written
)

// tree finds the leaf of extents for block off. Depths must fall by one a
// step, so that a tree that leads into itself ends too; and a leaf's extents
// must lie in the range that led to it, so that no leaf serves two.
func (m *mapping) tree(off uint64) (*leaf, error) {
	l := &leaf{hi: maxBlocks}
	if off >= maxBlocks {
		return &leaf{lo: maxBlocks, hi: noBlocks}, nil
	}
	node := m.root
	depth := int(le.Uint16(node[6:]))
	if depth > maxDepth {
		return nil, corrupt("extents in %d levels", depth)
	}
	for ; ; depth-- {
		entries, err := extentEntries(node, depth)
		if err != nil {
			return nil, err
		}
		if depth == 0 {
			return l, l.parse(&m.in.fs.sb, entries)
		}
		block, err := l.narrow(entries, off)
		if err != nil {
			return nil, err
		}
		if node, err = m.node(block); err != nil {
			return nil, err
		}
	}
}

// extentEntries checks a node's header and returns its entries.
func extentEntries(node []byte, depth int) ([]byte, error) {
	n, room := int(le.Uint16(node[2:])), int(le.Uint16(node[4:]))
	switch {
	case le.Uint16(node) != extentMagic:
		return nil, corrupt("no extents where they should be")
	case int(le.Uint16(node[6:])) != depth:
		return nil, corrupt("extents of depth %d, not %d", le.Uint16(node[6:]), depth)
	case extentSize*(1+room) > len(node) || n > room || n == 0 && depth > 0:
		return nil, corrupt("%d extents where there is room for %d", n, room)
	}
	return node[extentSize : extentSize*(1+n)], nil
}

// node reads a block of the tree. Its checksum is behind the room for entries.
func (m *mapping) node(block uint64) ([]byte, error) {
	buf, err := m.in.fs.readBlock(block)
	if err != nil {
		return nil, err
	}
	if m.in.fs.sb.checksums() {
		end := extentSize * (1 + int(le.Uint16(buf[4:])))
		if end+4 > len(buf) || sum(m.in.seed, buf[:end]) != le.Uint32(buf[end:]) {
			return nil, corrupt("checksum of extents in block %d", block)
		}
	}
	return buf, nil
}

// narrow chooses the child for off, and narrows the leaf's range to what the
// child holds.
func (l *leaf) narrow(entries []byte, off uint64) (block uint64, err error) {
	lo, hi := l.lo, l.hi
	for at := entries; len(at) > 0; at = at[extentSize:] {
		key := uint64(le.Uint32(at))
		first := len(at) == len(entries)
		if key < lo || key >= l.hi || !first && key == lo {
			return 0, corrupt("extents out of order")
		}
		if !first && key > off {
			hi = key
			break
		}
		if !first {
			lo = key
		}
		block = uint64(le.Uint32(at[4:])) | uint64(le.Uint16(at[8:]))<<32
	}
	l.lo, l.hi = lo, hi
	return block, nil
}

// parse reads a leaf's extents.
func (l *leaf) parse(sb *superblock, entries []byte) error {
	from := l.lo
	for at := entries; len(at) > 0; at = at[extentSize:] {
		e := extent{
			off: uint64(le.Uint32(at)), count: uint64(le.Uint16(at[4:])),
			block: uint64(le.Uint32(at[8:])) | uint64(le.Uint16(at[6:]))<<32,
		}
		if e.count > maxExtentLen {
			e.count, e.zero = e.count-maxExtentLen, true
		}
		if e.count == 0 || e.off < from || e.off >= l.hi || e.count > l.hi-e.off {
			return corrupt("an extent of %d blocks at 0x%x is out of order", e.count, e.off)
		}
		if _, err := sb.address(e.block, e.count); err != nil {
			return err
		}
		from = e.off + e.count
		l.extents = append(l.extents, e)
	}
	return nil
}

// blockMap finds the leaf for block off of a file without extents: i_block has
// 12 blocks, and a block each of blocks, of such blocks, and of those again.
func (m *mapping) blockMap(off uint64) (*leaf, error) {
	const direct = 12
	sb := &m.in.fs.sb
	l := &leaf{hi: direct}
	if off < direct {
		return l, l.pointers(sb, m.root[:4*direct])
	}
	per := uint(sb.blockLog - 2) // of a block's pointers, as a power of two
	for level := uint(1); level <= 3; level++ {
		l = &leaf{lo: l.hi, hi: l.hi + 1<<(per*level)}
		if off >= l.hi {
			continue
		}
		block := uint64(le.Uint32(m.root[4*(direct+level-1):]))
		for ; ; level-- {
			if block == 0 {
				return l, nil
			}
			buf, err := m.in.fs.readBlock(block)
			if err != nil {
				return nil, err
			}
			if level == 1 {
				return l, l.pointers(sb, buf)
			}
			span := per * (level - 1)
			i := (off - l.lo) >> span
			l.lo += i << span
			l.hi = l.lo + 1<<span
			block = uint64(le.Uint32(buf[4*i:]))
		}
	}
	return &leaf{lo: l.hi, hi: noBlocks}, nil
}

// pointers makes extents of a list of blocks that begins at l.lo; 0 is a hole.
func (l *leaf) pointers(sb *superblock, list []byte) error {
	for off := l.lo; len(list) > 0; off, list = off+1, list[4:] {
		block := uint64(le.Uint32(list))
		if block == 0 {
			continue
		}
		if _, err := sb.address(block, 1); err != nil {
			return err
		}
		if n := len(l.extents); n > 0 {
			if last := &l.extents[n-1]; last.off+last.count == off && last.block+last.count == block {
				last.count++
				continue
			}
		}
		l.extents = append(l.extents, extent{off: off, count: 1, block: block})
	}
	return nil
}
