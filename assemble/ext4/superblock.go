// Superblock, group descriptors, addresses and checksums: the book, "Super
// Block", "Block Group Descriptors" and "Checksums".

package ext4

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
)

var le = binary.LittleEndian

// superblock is what is needed of one.
type superblock struct {
	blocks                   uint64
	inodes, perGroup, first  uint32 // inodes; of a group; the first that is not reserved
	firstData                uint64 // that group 0 begins at: 1 where the superblock is block 1, unless there are clusters (bigalloc)
	groupBlocks              uint64
	blockLog                 uint // of a block's bytes
	inodeSize, descSize      int
	metaGroup                uint64 // the first whose descriptors are not behind the superblock
	compat, incompat, compRO uint32
	backups                  [2]uint32 // groups, with sparse_super2
	seed                     uint32
	uuid                     [16]byte
	label                    string
	unmounted                bool // s_state says so: ext2 has no journal that would
}

// Incompatible features (s_feature_incompat): who does not know one must not
// read.
const (
	featureFiletype = 0x2
	featureRecover  = 0x4
	featureMetaBG   = 0x10
	feature64bit    = 0x80
	featureSeed     = 0x2000
	featureLargedir = 0x4000
	// filetype, recover, meta_bg, extents, 64bit, mmp, flex_bg, ea_inode,
	// csum_seed, largedir, inline_data, encrypt, casefold
	featuresRead = 0x2 | 0x4 | 0x10 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000
	featuresExt3 = 0x2 | 0x4 | 0x10
)

// Others: compatible, and compatible for readers.
const (
	compatJournal      = 0x4
	compatSparseSuper2 = 0x200

	roSparseSuper = 0x1
	roChecksums   = 0x400
	roExt3        = 0x1 | 0x2 | 0x4
)

const (
	rootInode      = 2
	superblockAt   = 1024
	superblockSize = 1024
	maxBlockSize   = 64 << 10
)

func readSuperblock(r io.ReaderAt, size int64) (sb superblock, err error) {
	buf := make([]byte, superblockSize)
	if size < superblockAt+superblockSize {
		return sb, ErrNotExt4
	}
	if err := readFull(r, buf, superblockAt); err != nil {
		return sb, err
	}
	if le.Uint16(buf[56:]) != 0xef53 {
		return sb, ErrNotExt4
	}
	sb = parseSuperblock(buf)
	if in := sb.incompat &^ featuresRead; in != 0 {
		return sb, unsupported("unknown features 0x%x", in)
	}
	if sb.checksums() {
		if kind := buf[373]; kind != 1 {
			return sb, unsupported("checksums of kind %d", kind)
		}
		if sum(^uint32(0), buf[:1020]) != le.Uint32(buf[1020:]) {
			return sb, corrupt("checksum")
		}
	}
	return sb, sb.check(size)
}

func parseSuperblock(buf []byte) superblock {
	sb := superblock{
		inodes: le.Uint32(buf), blocks: uint64(le.Uint32(buf[4:])), firstData: uint64(le.Uint32(buf[20:])),
		blockLog: 10 + uint(min(le.Uint32(buf[24:]), 32)), groupBlocks: uint64(le.Uint32(buf[32:])), perGroup: le.Uint32(buf[40:]),
		inodeSize: 128, first: 11, descSize: 32,
		uuid: [16]byte(buf[104:120]), unmounted: le.Uint16(buf[58:])&1 != 0,
	}
	if le.Uint32(buf[76:]) == 0 { // revision 0 has none of what follows
		return sb
	}
	sb.first, sb.inodeSize = le.Uint32(buf[84:]), int(le.Uint16(buf[88:]))
	sb.compat, sb.incompat, sb.compRO = le.Uint32(buf[92:]), le.Uint32(buf[96:]), le.Uint32(buf[100:])
	label, _, _ := bytes.Cut(buf[120:136], []byte{0})
	sb.label = string(label)
	if sb.incompat&feature64bit != 0 {
		sb.descSize = int(le.Uint16(buf[254:]))
		sb.blocks |= uint64(le.Uint32(buf[336:])) << 32
	}
	if sb.incompat&featureMetaBG != 0 {
		sb.metaGroup = uint64(le.Uint32(buf[260:]))
	}
	sb.backups = [2]uint32{le.Uint32(buf[588:]), le.Uint32(buf[592:])}
	if sb.seed = sum(^uint32(0), sb.uuid[:]); sb.incompat&featureSeed != 0 {
		sb.seed = le.Uint32(buf[624:])
	}
	return sb
}

// check refuses what all arithmetic below relies on.
func (sb *superblock) check(size int64) error {
	block := 1 << sb.blockLog
	switch {
	case block > maxBlockSize:
		return corrupt("blocks of 2^%d bytes", sb.blockLog)
	case sb.inodeSize < 128 || sb.inodeSize > block || bits.OnesCount(uint(sb.inodeSize)) != 1:
		return corrupt("inodes of %d bytes", sb.inodeSize)
	case sb.descSize < 32 || sb.incompat&feature64bit != 0 && sb.descSize < 64 || sb.descSize > block || bits.OnesCount(uint(sb.descSize)) != 1:
		return corrupt("group descriptors of %d bytes", sb.descSize)
	case sb.firstData > superblockAt>>sb.blockLog:
		return corrupt("its first block is %d", sb.firstData)
	case sb.groupBlocks == 0 || sb.groupBlocks > 1<<32-1:
		return corrupt("groups of %d blocks", sb.groupBlocks)
	case sb.blocks <= sb.firstData || sb.blocks > 1<<48:
		return corrupt("%d blocks", sb.blocks)
	case sb.blocks > uint64(size)>>sb.blockLog:
		return corrupt("%d blocks of %d bytes on a device of %d bytes: it was cut short", sb.blocks, block, size)
	case sb.perGroup == 0 || uint64(sb.perGroup)*uint64(sb.inodeSize) > uint64(size):
		return corrupt("%d inodes in a group", sb.perGroup)
	case uint64(sb.inodes) > sb.groups()*uint64(sb.perGroup):
		return corrupt("%d inodes in %d groups of %d", sb.inodes, sb.groups(), sb.perGroup)
	}
	return nil
}

func (sb *superblock) groups() uint64 {
	return (sb.blocks - sb.firstData + sb.groupBlocks - 1) / sb.groupBlocks
}

func (sb *superblock) checksums() bool { return sb.compRO&roChecksums != 0 }

// kind is the name of the least of the three that has the features.
func (sb *superblock) kind() string {
	switch {
	case sb.incompat&^featuresExt3 != 0 || sb.compRO&^roExt3 != 0:
		return "ext4"
	case sb.compat&compatJournal != 0:
		return "ext3"
	}
	return "ext2"
}

// address returns the byte at which a run of blocks begins.
func (sb *superblock) address(block, count uint64) (int64, error) {
	if block < sb.firstData || block >= sb.blocks || count > sb.blocks-block {
		return 0, corrupt("blocks 0x%x+%d are not in the file system", block, count)
	}
	return int64(block << sb.blockLog), nil
}

// inodeTable returns the block at which a group's inodes begin.
func (f *FS) inodeTable(group uint64) (uint64, error) {
	sb := &f.sb
	perBlock := uint64(f.BlockSize / sb.descSize)
	at, err := sb.address(sb.descBlock(group/perBlock, perBlock), 1)
	if err != nil {
		return 0, fmt.Errorf("descriptors of group %d: %w", group, err)
	}
	buf := make([]byte, sb.descSize)
	if err := readFull(f.r, buf, at+int64(group%perBlock)*int64(sb.descSize)); err != nil {
		return 0, err
	}
	if sb.checksums() {
		want := le.Uint16(buf[30:])
		clear(buf[30:32])
		if uint16(sum(sum(sb.seed, le.AppendUint32(nil, uint32(group))), buf)) != want {
			return 0, corrupt("checksum of the descriptor of group %d", group)
		}
	}
	table := uint64(le.Uint32(buf[8:]))
	if sb.incompat&feature64bit != 0 {
		table |= uint64(le.Uint32(buf[40:])) << 32
	}
	return table, nil
}

// descBlock is where block number n of descriptors is: all behind the first
// superblock, or with meta_bg in the first group that they are of.
func (sb *superblock) descBlock(n, perBlock uint64) uint64 {
	if sb.incompat&featureMetaBG == 0 || n < sb.metaGroup {
		return superblockAt>>sb.blockLog + 1 + n
	}
	group := n * perBlock
	block := sb.firstData + group*sb.groupBlocks
	switch {
	case group == 0: // where the first block may be before the superblock's
		return superblockAt>>sb.blockLog + 1
	case sb.hasSuperblock(group):
		block++
	}
	return block
}

// hasSuperblock reports whether a group other than 0 begins with a copy of the superblock.
func (sb *superblock) hasSuperblock(group uint64) bool {
	switch {
	case sb.compat&compatSparseSuper2 != 0:
		return group == uint64(sb.backups[0]) || group == uint64(sb.backups[1])
	case sb.compRO&roSparseSuper == 0:
		return true
	}
	return sparseSuper(group)
}

// sparseSuper reports whether a group has a copy with sparse_super: 0, 1, and
// powers of 3, 5 and 7.
func sparseSuper(group uint64) bool {
	if group <= 1 {
		return true
	}
	for _, base := range []uint64{3, 5, 7} {
		n := base
		for n < group {
			n *= base
		}
		if n == group {
			return true
		}
	}
	return false
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum continues a CRC32C over data: unlike Go's, it is not inverted at its ends.
func sum(crc uint32, data []byte) uint32 { return ^crc32.Update(^crc, castagnoli, data) }
