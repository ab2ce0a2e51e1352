// The superblock, the group descriptors and the first inodes.

package ext4

import (
	"encoding/binary"
)

// Flags of a group (group_descr.rst, bg_flags).
const (
	inodeUninit = 1
	blockUninit = 2
	inodeZeroed = 4
)

// descFlags: the inode tables are zero in every group. A group without inodes
// has no inode bitmap; a group with nothing but its own metadata has no block
// bitmap, except the last, whose padding bits must be there.
func (f *formatter) descFlags(i int) uint16 {
	flags := uint16(inodeZeroed)
	if f.groups[i].usedInodes == 0 {
		flags |= inodeUninit
		if i != len(f.groups)-1 {
			flags |= blockUninit
		}
	}
	return flags
}

// descriptors is the table of all groups.
func (f *formatter) descriptors() []byte {
	b := make([]byte, f.gdtBlocks*blockSize)
	le := binary.LittleEndian
	for i, g := range f.groups {
		d := b[i*descSize : (i+1)*descSize]
		le.PutUint32(d[0:], g.blockBitmap)
		le.PutUint32(d[4:], g.inodeBitmap)
		le.PutUint32(d[8:], g.inodeTable)
		le.PutUint16(d[12:], uint16(g.blocks-g.used))
		le.PutUint16(d[14:], uint16(inodesPerGroup-g.usedInodes))
		le.PutUint16(d[16:], uint16(g.dirs))
		le.PutUint16(d[18:], f.descFlags(i))
		le.PutUint16(d[28:], uint16(inodesPerGroup-g.usedInodes)) // unused at the table's end
		var number [4]byte
		le.PutUint32(number[:], uint32(i))
		sum := crc16(0xffff, f.UUID[:])
		sum = crc16(sum, number[:])
		le.PutUint16(d[30:], crc16(sum, d[:30]))
	}
	return b
}

// crc16 is the CRC-16/ARC polynomial, as lib/crc16.c in Linux has it.
func crc16(sum uint16, data []byte) uint16 {
	for _, c := range data {
		sum ^= uint16(c)
		for i := 0; i < 8; i++ {
			if sum&1 != 0 {
				sum = sum>>1 ^ 0xa001
			} else {
				sum >>= 1
			}
		}
	}
	return sum
}

// superblock is one block that begins with the superblock, as it lies in group
// i (super.rst).
func (f *formatter) superblock(i int) []byte {
	b := make([]byte, blockSize)
	le := binary.LittleEndian
	put32 := func(at int, v uint32) { le.PutUint32(b[at:], v) }
	put16 := func(at int, v uint16) { le.PutUint16(b[at:], v) }
	put32(0x00, uint32(len(f.groups))*inodesPerGroup)
	put32(0x04, f.blocks)
	put32(0x08, f.blocks/50) // reserved for root: 2 %
	put32(0x0c, f.freeBlocks)
	put32(0x10, f.freeInodes)
	put32(0x14, 0) // first data block
	put32(0x18, 2) // block size 1024<<2
	put32(0x1c, 2) // the same of clusters
	put32(0x20, blocksPerGroup)
	put32(0x24, blocksPerGroup)
	put32(0x28, inodesPerGroup)
	put32(0x30, f.now)
	put16(0x36, 0xffff) // never check by the number of mounts
	put16(0x38, 0xef53)
	put16(0x3a, 1) // cleanly unmounted
	put16(0x3c, 1) // on errors go on
	put32(0x40, f.now)
	put32(0x4c, 1) // revision with feature flags
	put32(0x54, firstInode)
	put16(0x58, inodeSize)
	put16(0x5a, uint16(i))
	put32(0x5c, 0x0004)                      // compat: has_journal
	put32(0x60, 0x0002|0x0040)               // incompat: filetype, extents
	put32(0x64, 0x0001|0x0002|0x0010|0x0040) // ro_compat: sparse_super, large_file, gdt_csum, extra_isize
	copy(b[0x68:0x78], f.UUID[:])
	copy(b[0x78:0x88], f.Label)
	put32(0xe0, journalInode)
	for k := 0; k < 4; k++ { // the seed of folders' hashes: any number will do
		put32(0xec+4*k, le.Uint32(f.UUID[4*k:])^0x5bd1e995)
	}
	b[0xfc] = 1 // half MD4
	b[0xfd] = 1 // the journal's inode is backed up below
	put32(0x108, f.now)
	journal := f.extent(f.journalAt, f.journal)
	copy(b[0x10c:], journal)               // i_block of the journal's inode
	put32(0x10c+15*4, 0)                   // its size, high
	put32(0x10c+16*4, f.journal*blockSize) // and low
	put16(0x15c, inodeSize-128-96)         // extra bytes that new inodes must have
	put16(0x15e, inodeSize-128-96)         // and should have
	put32(0x160, 1)                        // signed hash
	return b
}

// extent is the i_block of an inode with one extent (ifork.rst, "Extent Tree").
func (f *formatter) extent(at, blocks uint32) []byte {
	b := make([]byte, 60)
	le := binary.LittleEndian
	le.PutUint16(b[0:], 0xf30a)
	le.PutUint16(b[2:], 1) // entries
	le.PutUint16(b[4:], 4) // that fit
	le.PutUint16(b[16:], uint16(blocks))
	le.PutUint32(b[20:], at)
	return b
}

// firstInodes is the first block of the inode table, with the root folder, the
// journal and lost+found.
func (f *formatter) firstInodes() []byte {
	b := make([]byte, blockSize)
	le := binary.LittleEndian
	put := func(number int, mode uint16, links uint16, at, blocks uint32) {
		i := b[(number-1)*inodeSize : number*inodeSize]
		le.PutUint16(i[0x00:], mode)
		le.PutUint32(i[0x04:], blocks*blockSize)
		for _, t := range []int{0x08, 0x0c, 0x10, 0x90} { // access, change, modification, creation
			le.PutUint32(i[t:], f.now)
		}
		le.PutUint16(i[0x1a:], links)
		le.PutUint32(i[0x1c:], blocks*blockSize/512)
		le.PutUint32(i[0x20:], 0x80000) // has extents
		copy(i[0x28:], f.extent(at, blocks))
		le.PutUint16(i[0x80:], inodeSize-128-96)
	}
	put(rootInode, 0o040755, 3, f.rootAt, 1)
	put(journalInode, 0o100600, 1, f.journalAt, f.journal)
	put(firstInode, 0o040700, 2, f.lostAt, 1)
	return b
}
