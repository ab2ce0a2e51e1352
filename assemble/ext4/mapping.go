// Where a file's blocks are: the book, "Extent Tree" and "Direct/Indirect Block
// Addressing".

package ext4

import (
	"fmt"

	"github.com/imgasm/imgasm/internal/nodefs"
)

// mapping finds a file's extents.
type mapping struct {
	in      *inode
	root    []byte // i_block
	extents nodefs.Extents
}

// at returns what is at block off of the file, as nodefs.Extents.At does.
func (m *mapping) at(off uint64) (nodefs.Extent, error) {
	descend := m.blockMap
	if m.in.flags&flagExtents != 0 {
		descend = m.tree
	}
	e, err := m.extents.At(off, descend)
	if err != nil {
		return e, fmt.Errorf("inode %d: %w", m.in.ino, err)
	}
	return e, nil
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
func (m *mapping) tree(off uint64) (*nodefs.Leaf, error) {
	l := &nodefs.Leaf{Hi: maxBlocks}
	if off >= maxBlocks {
		return &nodefs.Leaf{Lo: maxBlocks, Hi: noBlocks}, nil
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
			return l, parseExtents(l, &m.in.fs.sb, entries)
		}
		block, err := narrow(l, entries, off)
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
func narrow(l *nodefs.Leaf, entries []byte, off uint64) (block uint64, err error) {
	lo, hi := l.Lo, l.Hi
	for at := entries; len(at) > 0; at = at[extentSize:] {
		key := uint64(le.Uint32(at))
		first := len(at) == len(entries)
		if key < lo || key >= l.Hi || !first && key == lo {
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
	l.Lo, l.Hi = lo, hi
	return block, nil
}

// parseExtents reads a leaf's extents.
func parseExtents(l *nodefs.Leaf, sb *superblock, entries []byte) error {
	for at := entries; len(at) > 0; at = at[extentSize:] {
		e := nodefs.Extent{
			Off: uint64(le.Uint32(at)), Count: uint64(le.Uint16(at[4:])),
			Block: uint64(le.Uint32(at[8:])) | uint64(le.Uint16(at[6:]))<<32,
		}
		if e.Count > maxExtentLen {
			e.Count, e.Zero = e.Count-maxExtentLen, true
		}
		if !l.Add(e) {
			return corrupt("an extent of %d blocks at 0x%x is out of order", e.Count, e.Off)
		}
		if _, err := sb.address(e.Block, e.Count); err != nil {
			return err
		}
	}
	return nil
}

// blockMap finds the leaf for block off of a file without extents: i_block has
// 12 blocks, and a block each of blocks, of such blocks, and of those again.
func (m *mapping) blockMap(off uint64) (*nodefs.Leaf, error) {
	const direct = 12
	sb := &m.in.fs.sb
	l := &nodefs.Leaf{Hi: direct}
	if off < direct {
		return l, pointers(l, sb, m.root[:4*direct])
	}
	per := uint(sb.blockLog - 2) // of a block's pointers, as a power of two
	for level := uint(1); level <= 3; level++ {
		l = &nodefs.Leaf{Lo: l.Hi, Hi: l.Hi + 1<<(per*level)}
		if off >= l.Hi {
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
				return l, pointers(l, sb, buf)
			}
			span := per * (level - 1)
			i := (off - l.Lo) >> span
			l.Lo += i << span
			l.Hi = l.Lo + 1<<span
			block = uint64(le.Uint32(buf[4*i:]))
		}
	}
	return &nodefs.Leaf{Lo: l.Hi, Hi: noBlocks}, nil
}

// pointers makes extents of a list of blocks that begins at l.Lo; 0 is a hole.
func pointers(l *nodefs.Leaf, sb *superblock, list []byte) error {
	for off := l.Lo; len(list) > 0; off, list = off+1, list[4:] {
		block := uint64(le.Uint32(list))
		if block == 0 {
			continue
		}
		if _, err := sb.address(block, 1); err != nil {
			return err
		}
		if n := len(l.Extents); n > 0 {
			if last := &l.Extents[n-1]; last.Off+last.Count == off && last.Block+last.Count == block {
				last.Count++
				continue
			}
		}
		l.Extents = append(l.Extents, nodefs.Extent{Off: off, Count: 1, Block: block})
	}
	return nil
}
