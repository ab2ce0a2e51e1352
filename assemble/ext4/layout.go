// Where a new file system has what: the book, "Layout", "Block Group
// Descriptors" and "Flexible Block Groups". It is decided by the size and the
// number of inodes alone, so that all data can be written in one go.

package ext4

import (
	"fmt"

	"github.com/imgasm/imgasm/internal/fault"
)

const (
	blockBytes    = 4096
	inodeBytes    = 256
	descBytes     = 64
	perGroupMost  = 8 * blockBytes // blocks of a group, and inodes at most: the bits of a block
	inodesInBlock = blockBytes / inodeBytes
	bytesPerInode = 16 << 10 // mke2fs's inode_ratio
	firstFree     = 11       // the first inode that is not reserved: lost+found

	// MinSizeBytes is the smallest file system: mke2fs makes no journal in a smaller one.
	MinSizeBytes = 8 << 20
	// maxGroups leaves one block of the 2048 of descriptors for which a 32-bit
	// file system has room to the inode that reserves them.
	maxGroups = 2047 * blockBytes / descBytes
	// MaxSizeBytes is the largest, of nearly 16 TiB: block numbers have 32 bits,
	// or growing needs another feature (meta_bg) than the reserved descriptors.
	MaxSizeBytes = maxBlocksNew * blockBytes
	maxBlocksNew = maxGroups * perGroupMost
)

// layout is a file system's geometry. Numbers are of blocks.
type layout struct {
	blocks, groups int64
	gdt, reserved  int64 // group descriptors, and room for more of them behind each copy
	table          int64 // the inode table of a group
	flexLog        uint  // groups whose bitmaps and tables are together, as a power of two
	journal        int64
}

// newLayout lays out a file system of size bytes with at least so many inodes
// that are not reserved.
func newLayout(size, inodes int64) (*layout, error) {
	switch {
	case size < MinSizeBytes || size > MaxSizeBytes || size%blockBytes != 0:
		return nil, &fault.Error{
			Class: ErrOptions, Field: "SizeBytes",
			Err: fmt.Errorf("%d is no multiple of %d between %d and %d", size, blockBytes, MinSizeBytes, int64(MaxSizeBytes)),
			Do:  "round {SizeBytes} up",
		}
	case inodes < 0:
		return nil, &fault.Error{Class: ErrOptions, Field: "Inodes", Err: fmt.Errorf("%d is negative", inodes)}
	}
	l := plan(size, inodes)
	if l.room() < 0 || l.inodes() < inodes {
		return nil, full(fmt.Sprintf("%d bytes have no room for a journal and %d inodes", size, inodes), minSize(0, inodes))
	}
	return l, nil
}

// plan is newLayout of any size and number, which may not fit.
func plan(size, inodes int64) *layout {
	l := &layout{blocks: size / blockBytes, journal: journalBlocks(size / blockBytes)}
	inodes = max(inodes+firstFree, size/bytesPerInode)
	for {
		l.groups = divUp(l.blocks, perGroupMost)
		l.gdt = divUp(l.groups, blockBytes/descBytes)
		// As mke2fs: to grow a thousandfold, but by no more blocks than an indirect
		// block names; and small ones to 128 GiB at least.
		grown := min(max(l.blocks*1024, 128<<30/blockBytes), maxBlocksNew)
		l.reserved = min(divUp(divUp(grown, perGroupMost), blockBytes/descBytes)-l.gdt, blockBytes/4)
		l.table = min(divUp(divUp(inodes, l.groups), inodesInBlock), perGroupMost/inodesInBlock)
		// 16 groups, unless their metadata would not be in the first of them.
		for l.flexLog = 4; 1+l.gdt+l.reserved+(l.table+2)<<l.flexLog > perGroupMost; {
			l.flexLog--
		}
		// As mke2fs: a last group with next to no room for data is left out.
		last := l.blocks % perGroupMost
		if last == 0 || last >= 1+l.gdt+l.reserved+2+l.table+50 || l.groups == 1 {
			return l
		}
		l.blocks -= last
	}
}

// perGroup is the number of inodes of a group.
func (l *layout) perGroup() int64 { return l.table * inodesInBlock }

// inodes is the number of inodes that are not reserved, without lost+found's.
func (l *layout) inodes() int64 { return l.groups*l.perGroup() - firstFree }

// room is the number of blocks that are free in an empty file system.
func (l *layout) room() int64 {
	n := l.blocks - l.journal - fixedBlocks
	for g := range l.groups {
		n -= l.overhead(g)
	}
	return n
}

// fixedBlocks are those of the root, of lost+found, of the inode that reserves
// descriptors, and one that a large journal's extents need.
const fixedBlocks = 1 + lostFoundBlocks + 1 + 1

// journalBlocks is how large mke2fs makes the journal of a file system.
func journalBlocks(blocks int64) int64 {
	const gib = 1 << 30 / blockBytes
	switch {
	case blocks < gib/8:
		return 1024
	case blocks < gib:
		return 4096
	case blocks < 2*gib:
		return 8192
	case blocks < 16*gib:
		return 16384
	case blocks < 32*gib:
		return 32768
	case blocks < 64*gib:
		return 65536
	case blocks < 128*gib:
		return 131072
	}
	return 262144
}

func divUp(n, by int64) int64 { return (n + by - 1) / by }

// superblocks is the length of what a group has of copies of the superblock and
// descriptors.
func (l *layout) superblocks(group int64) int64 {
	if !sparseSuper(uint64(group)) {
		return 0
	}
	return 1 + l.gdt + l.reserved
}

// together is the number of groups whose metadata are in the first of them, and
// the number of that group.
func (l *layout) together(group int64) (first, n int64) {
	first = group >> l.flexLog << l.flexLog
	return first, min(1<<l.flexLog, l.groups-first)
}

// overhead is the number of blocks at the beginning of a group that files
// cannot have.
func (l *layout) overhead(group int64) int64 {
	n := l.superblocks(group)
	if first, groups := l.together(group); first == group {
		n += groups * (2 + l.table)
	}
	return n
}

// places returns where a group's two bitmaps and inode table begin.
func (l *layout) places(group int64) (blocks, inodes, table int64) {
	first, n := l.together(group)
	at := first*perGroupMost + l.superblocks(first)
	i := group - first
	return at + i, at + n + i, at + 2*n + i*l.table
}

// size is the number of a group's blocks.
func (l *layout) size(group int64) int64 {
	return min(perGroupMost, l.blocks-group*perGroupMost)
}

// reservedForRoot is the number of blocks that only root may fill: 5%, as mke2fs.
func (l *layout) reservedForRoot() int64 { return l.blocks / 20 }

// run returns the first run of blocks for files at or behind pos, of most
// blocks at most; n is 0 behind the end.
func (l *layout) run(pos, most int64) (start, n int64) {
	g := pos / perGroupMost
	start = pos
	if g < l.groups {
		start = max(pos, g*perGroupMost+l.overhead(g))
	}
	end := min((g+1)*perGroupMost, l.blocks)
	for g++; end-start < most && g < l.groups && l.overhead(g) == 0; g++ {
		end += l.size(g)
	}
	return start, max(0, min(most, end-start))
}

// minSize is the size of the smallest file system that has so many free blocks
// when it is empty, and so many inodes; or a little more.
func minSize(blocks, inodes int64) int64 {
	size := max(MinSizeBytes, blocks*blockBytes, inodes/perGroupMost*perGroupMost*blockBytes)
	for size <= MaxSizeBytes {
		l := plan(size, inodes)
		missing := blocks - l.room()
		if missing <= 0 && l.inodes() >= inodes {
			break
		}
		size += max(missing, 256) * blockBytes
	}
	return size
}

// SizeFor is the size of a file system (see [Options]) that has room for so
// many files, directories and links, counted together, with contentBytes in all
// of them, however these are divided and named, and then has freeBytes that not
// only root may fill; more than MaxSizeBytes if none has. Its Options.Inodes may be
// up to twice the number of files.
func SizeFor(files int, contentBytes, freeBytes int64) int64 {
	// Of each a block may have one byte. Its entry takes 264 bytes at most and
	// leaves so many of a block unused; and 16 make their directory need hashes.
	const perFile = blockBytes + 264*blockBytes/(leafBytes-264) + 8 + blockBytes/16
	blocks := divUp(contentBytes+int64(files)*perFile, blockBytes) + divUp(contentBytes, perGroupMost*blockBytes)
	free := divUp(freeBytes, blockBytes)
	size := minSize(blocks+free, 2*int64(files))
	for size <= MaxSizeBytes {
		next := minSize(blocks+free+size/blockBytes/20, 2*int64(files))
		if next <= size {
			break
		}
		size = next
	}
	return size
}
