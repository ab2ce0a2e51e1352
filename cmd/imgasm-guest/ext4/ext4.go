// Package ext4 formats a partition with an empty ext4 file system, as mke2fs
// would with the features filetype, extent, sparse_super, large_file,
// has_journal, uninit_bg and extra_isize, 4096-byte blocks and 256-byte
// inodes. It writes only what the format demands: for 10 GiB less than 1 MiB,
// where formatters that write out every inode table take hundreds.
//
// Format: Linux, Documentation/filesystems/ext4/.
package ext4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	blockSize      = 4096
	blocksPerGroup = 8 * blockSize // as many as one block of bitmap counts
	inodeSize      = 256
	inodesPerGroup = 2048 // one for 64 KiB: a system's files are fewer and larger
	inodeBlocks    = inodesPerGroup * inodeSize / blockSize
	descSize       = 32
	firstInode     = 11 // the first that is not reserved; lost+found takes it
	rootInode      = 2
	journalInode   = 8
)

// MinBytes is the smallest partition that Format takes: 16 MiB.
const MinBytes = 16 << 20

// MaxBytes is the largest: 2 TiB, where block counts and sizes still fit the
// fields that every reader of the format knows.
const MaxBytes = 2 << 40

// Params describe a file system.
type Params struct {
	SizeBytes int64     // of the partition; a rest of less than a block is left
	Label     string    // at most 16 bytes
	UUID      [16]byte  // also seeds the hash of folders
	Time      time.Time // of creation
	// Zero makes a range of the device read as zeroes; nil if it does so already.
	Zero func(offset, length int64) error
}

type group struct {
	first, blocks    uint32 // block numbers of the whole file system
	blockBitmap      uint32
	inodeBitmap      uint32
	inodeTable       uint32
	used             uint32 // blocks from first on that hold metadata or files
	usedInodes, dirs uint32
}

// Format writes the file system. w's offset 0 is the partition's start.
func Format(w io.WriterAt, p Params) error {
	if p.SizeBytes < MinBytes || p.SizeBytes > MaxBytes {
		return fmt.Errorf("ext4: %d bytes; it must be between %d and %d", p.SizeBytes, int64(MinBytes), int64(MaxBytes))
	}
	if len(p.Label) > 16 {
		return fmt.Errorf("ext4: label %q is longer than 16 bytes", p.Label)
	}
	f := layout(p)
	if err := f.place(); err != nil {
		return err
	}
	return f.write(w)
}

type formatter struct {
	Params
	blocks     uint32
	gdtBlocks  uint32
	groups     []group
	journal    uint32 // length in blocks
	journalAt  uint32
	rootAt     uint32 // block of the root folder
	lostAt     uint32 // block of lost+found
	now        uint32
	freeBlocks uint32
	freeInodes uint32
}

// layout cuts the partition into groups. A last group that could not even hold
// its own metadata is left out.
func layout(p Params) *formatter {
	f := &formatter{Params: p, now: uint32(p.Time.Unix())}
	f.blocks = uint32(p.SizeBytes / blockSize)
	for {
		n := (f.blocks + blocksPerGroup - 1) / blocksPerGroup
		f.gdtBlocks = (n*descSize + blockSize - 1) / blockSize
		last := f.blocks - (n-1)*blocksPerGroup
		if n == 1 || last >= 1+f.gdtBlocks+2+inodeBlocks+50 {
			f.groups = make([]group, n)
			return f
		}
		f.blocks = (n - 1) * blocksPerGroup
	}
}

// hasSuper tells whether a group holds a copy of the superblock: with
// sparse_super the groups 0, 1 and the powers of 3, 5 and 7.
func hasSuper(n int) bool {
	if n <= 1 {
		return true
	}
	for _, base := range []int{3, 5, 7} {
		p := base
		for p < n {
			p *= base
		}
		if p == n {
			return true
		}
	}
	return false
}

// place gives every structure its block.
func (f *formatter) place() error {
	for i := range f.groups {
		g := &f.groups[i]
		g.first = uint32(i) * blocksPerGroup
		g.blocks = min(blocksPerGroup, f.blocks-g.first)
		at := g.first
		if hasSuper(i) {
			at += 1 + f.gdtBlocks
		}
		g.blockBitmap, g.inodeBitmap, g.inodeTable = at, at+1, at+2
		g.used = at + 2 + inodeBlocks - g.first
	}
	g := &f.groups[0]
	take := func(n uint32) uint32 {
		at := g.first + g.used
		g.used += n
		return at
	}
	f.rootAt, f.lostAt = take(1), take(1)
	f.journal = journalBlocks(f.blocks)
	f.journalAt = take(f.journal)
	if g.used > g.blocks {
		return errors.New("ext4: the journal does not fit the first group")
	}
	g.usedInodes, g.dirs = firstInode, 2
	for _, g := range f.groups {
		f.freeBlocks += g.blocks - g.used
		f.freeInodes += inodesPerGroup - g.usedInodes
	}
	return nil
}

// journalBlocks follows mke2fs: 4 MiB for small file systems, up to 64 MiB.
// 1024 blocks is the least that the kernel accepts.
func journalBlocks(blocks uint32) uint32 {
	switch {
	case blocks < 32768: // 128 MiB
		return 1024
	case blocks < 262144: // 1 GiB
		return 4096
	default:
		return 16384
	}
}

func (f *formatter) write(w io.WriterAt) error {
	put := func(block uint32, data []byte) error {
		_, err := w.WriteAt(data, int64(block)*blockSize)
		return err
	}
	for i := range f.groups {
		g := &f.groups[i]
		if f.Zero != nil {
			if err := f.Zero(int64(g.inodeTable)*blockSize, inodeBlocks*blockSize); err != nil {
				return err
			}
		}
		// Groups whose bitmaps are "uninitialised" need none on the disk; the
		// flags in the descriptor say so.
		if f.descFlags(i)&blockUninit == 0 {
			if err := put(g.blockBitmap, bitmap(g.used, g.blocks, blocksPerGroup)); err != nil {
				return err
			}
		}
		if f.descFlags(i)&inodeUninit == 0 {
			if err := put(g.inodeBitmap, bitmap(g.usedInodes, inodesPerGroup, blocksPerGroup)); err != nil {
				return err
			}
		}
		if hasSuper(i) {
			if err := put(g.first+1, f.descriptors()); err != nil {
				return err
			}
			if i > 0 {
				if err := put(g.first, f.superblock(i)); err != nil {
					return err
				}
			}
		}
	}
	if err := put(f.groups[0].inodeTable, f.firstInodes()); err != nil {
		return err
	}
	if err := put(f.rootAt, f.folder(rootInode, rootInode, "lost+found", firstInode)); err != nil {
		return err
	}
	if err := put(f.lostAt, f.folder(firstInode, rootInode, "", 0)); err != nil {
		return err
	}
	if err := put(f.journalAt, f.journalSuper()); err != nil {
		return err
	}
	// The primary superblock lies 1024 bytes into the first block and comes
	// last: until then nothing takes the partition for ext4.
	first := make([]byte, blockSize)
	copy(first[1024:], f.superblock(0)[:1024])
	return put(0, first)
}

// bitmap is one block with the first used bits set, and those from valid on
// that count nothing.
func bitmap(used, valid, bits uint32) []byte {
	b := make([]byte, blockSize)
	for i := uint32(0); i < bits; i++ {
		if i < used || i >= valid {
			b[i/8] |= 1 << (i % 8)
		}
	}
	return b
}

// folder is the one block of a folder with "." and ".." and at most one name.
func (f *formatter) folder(self, parent uint32, name string, inode uint32) []byte {
	b := make([]byte, blockSize)
	entry := func(at int, ino uint32, length int, name string) {
		binary.LittleEndian.PutUint32(b[at:], ino)
		binary.LittleEndian.PutUint16(b[at+4:], uint16(length))
		b[at+6] = byte(len(name))
		b[at+7] = 2 // a folder
		copy(b[at+8:], name)
	}
	entry(0, self, 12, ".")
	if name == "" {
		entry(12, parent, blockSize-12, "..")
		return b
	}
	entry(12, parent, 12, "..")
	entry(24, inode, blockSize-24, name)
	return b
}

// journalSuper is the superblock of the empty journal (journal.rst, "Super
// Block"); it alone is big-endian.
func (f *formatter) journalSuper() []byte {
	b := make([]byte, blockSize)
	be := binary.BigEndian
	be.PutUint32(b[0:], 0xc03b3998)
	be.PutUint32(b[4:], 4) // version 2
	be.PutUint32(b[12:], blockSize)
	be.PutUint32(b[16:], f.journal)
	be.PutUint32(b[20:], 1) // first block of the log
	be.PutUint32(b[24:], 1) // first sequence number; s_start stays 0: nothing to replay
	copy(b[48:], f.UUID[:])
	be.PutUint32(b[64:], 1) // users
	return b
}
