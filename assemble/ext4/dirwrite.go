// Directories of a new file system: the book, "Directory Entries" and "Hash
// Tree Directories".

package ext4

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/imgasm/imgasm/internal/fault"
)

const (
	lostFoundBlocks = 4 // as mke2fs makes it, so that e2fsck finds room without a block
	tailBytes       = 12
	leafBytes       = blockBytes - tailBytes
	dotsBytes       = 24 // of the entries . and ..

	// Hashes have 8 bytes, and the last place is the checksum's.
	rootHashes = (blockBytes-32)/8 - 1
	nodeHashes = (blockBytes-8)/8 - 1
)

func entryBytes(name int) int { return (8 + name + 3) &^ 3 }

// dirBlock is a block of entries that is being filled.
type dirBlock struct {
	buf     []byte
	at, was int // its end, and the beginning of its last entry
}

func (b *dirBlock) add(ino uint32, typ byte, name []byte) {
	e := b.buf[b.at:]
	le.PutUint32(e, ino)
	le.PutUint16(e[4:], uint16(entryBytes(len(name))))
	e[6], e[7] = byte(len(name)), typ
	copy(e[8:], name)
	b.was, b.at = b.at, b.at+entryBytes(len(name))
}

// finish lets the last entry take what is left, and adds the checksum. A block
// without entries has an empty one.
func (b *dirBlock) finish(seed uint32) {
	le.PutUint16(b.buf[b.was+4:], uint16(leafBytes-b.was))
	tail := b.buf[leafBytes:]
	le.PutUint16(tail[4:], tailBytes)
	tail[7] = 0xde
	le.PutUint32(tail[8:], sum(seed, b.buf[:leafBytes]))
}

// writeDir writes a directory, and sets what its inode says of it.
func (w *Writer) writeDir(d *directory) error {
	n := w.nodes.at(d.ino)
	n.links = uint16(2 + d.subdirs)
	if d.subdirs+2 > maxLinks { // dir_nlink
		n.links = 1
	}
	used, entries := dotsBytes, 0
	for ref := d.first; ref != 0; entries++ {
		e := w.names.entry(ref)
		used += entryBytes(len(e.name()))
		ref = e.next()
	}
	if d.hashed = used > leafBytes; d.hashed {
		return w.writeHashed(d, entries)
	}
	blocks := int64(1)
	if d.ino == firstFree {
		blocks = lostFoundBlocks
	}
	if err := w.allocateDir(d, blocks); err != nil {
		return err
	}
	seed := w.inodeSeed(d.ino)
	for i := range blocks {
		buf, err := w.next()
		if err != nil {
			return err
		}
		b := dirBlock{buf: buf}
		if i == 0 {
			b.add(d.ino, typeDir, []byte("."))
			b.add(d.parent, typeDir, []byte(".."))
			for ref := d.first; ref != 0; {
				e := w.names.entry(ref)
				b.add(e.ino(), e.typ(), e.name())
				ref = e.next()
			}
		}
		b.finish(seed)
	}
	return w.writeTree(d.ino, d.start)
}

// allocateDir gives a directory blocks.
func (w *Writer) allocateDir(d *directory, blocks int64) (err error) {
	n := w.nodes.at(d.ino)
	n.size = blocks * blockBytes
	d.start, err = w.allocate("directories", n.size)
	return err
}

// hashedName is an entry with the hash that it is sorted by.
type hashedName struct{ hash, ref uint32 }

// leaf is a block of entries, from number first of the sorted ones on. Its hash
// is the first's, and odd if the block before it ends with the same.
type leaf struct {
	first int
	hash  uint32
}

// writeHashed writes a directory of several blocks: the root of hashes, blocks
// of them if they do not fit in it, and blocks of entries in their order.
func (w *Writer) writeHashed(d *directory, entries int) error {
	sorted, leaves := w.leaves(d, entries)
	indexes := 0
	if len(leaves) > rootHashes {
		indexes = int(divUp(int64(len(leaves)), nodeHashes))
	}
	if indexes > rootHashes {
		return &fault.Error{Class: ErrFull, Err: fmt.Errorf("a directory with %d entries: they fill more than %d blocks", len(sorted), rootHashes*nodeHashes)}
	}
	if err := w.allocateDir(d, int64(1+indexes+len(leaves))); err != nil {
		return err
	}
	if err := w.writeHashes(d, leaves, indexes); err != nil {
		return err
	}
	seed := w.inodeSeed(d.ino)
	for i, l := range leaves {
		end := len(sorted)
		if i+1 < len(leaves) {
			end = leaves[i+1].first
		}
		buf, err := w.next()
		if err != nil {
			return err
		}
		b := dirBlock{buf: buf}
		for _, h := range sorted[l.first:end] {
			e := w.names.entry(h.ref)
			b.add(e.ino(), e.typ(), e.name())
		}
		b.finish(seed)
	}
	return w.writeTree(d.ino, d.start)
}

// leaves sorts a directory's entries and divides them among blocks.
func (w *Writer) leaves(d *directory, entries int) (sorted []hashedName, leaves []leaf) {
	sorted = make([]hashedName, 0, entries)
	for ref := d.first; ref != 0; {
		e := w.names.entry(ref)
		sorted = append(sorted, hashedName{halfMD4(e.name(), w.hashes), ref})
		ref = e.next()
	}
	slices.SortFunc(sorted, func(a, b hashedName) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.ref, b.ref))
	})
	room := 0
	for i, h := range sorted {
		n := entryBytes(len(w.names.entry(h.ref).name()))
		if n > room {
			hash := h.hash
			if i > 0 && sorted[i-1].hash == hash {
				hash |= 1
			}
			leaves = append(leaves, leaf{i, hash})
			room = leafBytes
		}
		room -= n
	}
	return sorted, leaves
}

// writeHashes writes the root and the blocks of hashes.
func (w *Writer) writeHashes(d *directory, leaves []leaf, indexes int) error {
	buf, err := w.next()
	if err != nil {
		return err
	}
	for i, e := range []struct {
		ino       uint32
		size, len int
	}{{d.ino, 12, 1}, {d.parent, blockBytes - 12, 2}} {
		at := buf[12*i:]
		le.PutUint32(at, e.ino)
		le.PutUint16(at[4:], uint16(e.size))
		at[6], at[7] = byte(e.len), typeDir
		copy(at[8:], ".."[:e.len])
	}
	buf[28], buf[29] = hashHalfMD4, 8 // hash_version, info_length
	seed := w.inodeSeed(d.ino)
	if indexes == 0 {
		putHashes(buf, 32, rootHashes, leaves, 1, seed)
		return nil
	}
	buf[30] = 1 // indirect_levels
	var above []leaf
	for i := range indexes {
		above = append(above, leaf{hash: leaves[i*nodeHashes].hash})
	}
	putHashes(buf, 32, rootHashes, above, 1, seed)
	for i := range indexes {
		if buf, err = w.next(); err != nil {
			return err
		}
		le.PutUint16(buf[4:], blockBytes) // an unused entry, for who does not know hashes
		first := i * nodeHashes
		putHashes(buf, 8, nodeHashes, leaves[first:min(first+nodeHashes, len(leaves))], 1+indexes+first, seed)
	}
	return nil
}

// putHashes fills a block of hashes from at on: of blocks that follow one
// another, number block of the directory being the first. In place of the first
// hash are the most that fit, and how many there are.
func putHashes(buf []byte, at, limit int, leaves []leaf, block int, seed uint32) {
	for i, l := range leaves {
		le.PutUint32(buf[at+8*i:], l.hash)
		le.PutUint32(buf[at+8*i+4:], uint32(block+i))
	}
	le.PutUint16(buf[at:], uint16(limit))
	le.PutUint16(buf[at+2:], uint16(len(leaves)))
	crc := sum(seed, buf[:at+8*len(leaves)])
	le.PutUint32(buf[at+8*limit+4:], sum(crc, make([]byte, 8)))
}
