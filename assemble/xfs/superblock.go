// Superblock, addresses, and what headers of metadata have in common.

package xfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
)

var be = binary.BigEndian

// superblock is what is needed of one (the book, "Superblocks").
type superblock struct {
	blocks, root         uint64
	logStart, logBlocks  uint64 // of the log; it starts at 0 if it is on another device
	agBlocks, agCount    uint64
	blockLog, agBlockLog uint
	inodeLog, inodesLog  uint // of an inode's bytes; of inodes in a block
	dirLog               uint // of a directory block's bytes
	uuid, metaUUID       [16]byte
	label                string
}

// Incompatible features (sb_features_incompat): who does not know one must not
// read. Those of ro_compat do not matter to readers.
const (
	featureFtype       = 0x1
	featureMetaUUID    = 0x4
	featureNeedsRepair = 0x10
	// ftype, sparse inodes, meta_uuid, bigtime, nrext64, exchange-range, parent
	// pointers, metadata directories
	featuresRead = 0x1 | 0x2 | 0x4 | 0x8 | 0x20 | 0x40 | 0x80 | 0x100
)

func unsupported(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsupported, fmt.Sprintf(format, args...))
}

func readSuperblock(r io.ReaderAt, size int64) (sb superblock, err error) {
	buf := make([]byte, 512)
	if size < int64(len(buf)) {
		return sb, ErrNotXFS
	}
	if err := readFull(r, buf, 0); err != nil {
		return sb, err
	}
	if string(buf[:4]) != "XFSB" {
		return sb, ErrNotXFS
	}
	if v := be.Uint16(buf[100:]) & 0xf; v != 5 {
		return sb, unsupported("version %d; only version 5 is read", v)
	}
	sector := int(be.Uint16(buf[102:]))
	if bits.OnesCount(uint(sector)) != 1 || sector < 512 || sector > 32768 || int64(sector) > size {
		return sb, corrupt("sector size %d", sector)
	}
	// The checksum covers the sector, which with 4 KiB sectors is more than
	// the 512 bytes that all readers begin with.
	buf = make([]byte, sector)
	if err := readFull(r, buf, 0); err != nil {
		return sb, err
	}
	if !sumMatches(buf, 224) {
		return sb, corrupt("checksum")
	}
	switch in := be.Uint32(buf[216:]); {
	case in&featureNeedsRepair != 0:
		return sb, unsupported("marked as in need of repair (xfs_repair)")
	case in&^featuresRead != 0:
		return sb, unsupported("unknown features 0x%x", in&^featuresRead)
	case in&featureFtype == 0:
		return sb, unsupported("directories without file types (ftype=0)")
	}
	if buf[126] != 0 {
		return sb, unsupported("mkfs.xfs did not finish")
	}
	sb = parseSuperblock(buf)
	return sb, sb.check(buf, size)
}

func parseSuperblock(buf []byte) superblock {
	sb := superblock{
		blocks: be.Uint64(buf[8:]), root: be.Uint64(buf[56:]),
		logStart: be.Uint64(buf[48:]), logBlocks: uint64(be.Uint32(buf[96:])),
		agBlocks: uint64(be.Uint32(buf[84:])), agCount: uint64(be.Uint32(buf[88:])),
		blockLog: uint(buf[120]), inodeLog: uint(buf[122]), inodesLog: uint(buf[123]), agBlockLog: uint(buf[124]),
		dirLog: uint(buf[120]) + uint(buf[192]),
		uuid:   [16]byte(buf[32:48]), metaUUID: [16]byte(buf[32:48]),
		label: string(bytes.TrimRight(buf[108:120], "\x00")),
	}
	if be.Uint32(buf[216:])&featureMetaUUID != 0 { // the UUID was changed after mkfs
		sb.metaUUID = [16]byte(buf[248:264])
	}
	return sb
}

// check refuses what all arithmetic below relies on.
func (sb *superblock) check(buf []byte, size int64) error {
	blockSize, inodeSize := be.Uint32(buf[4:]), be.Uint16(buf[104:])
	switch {
	case sb.blockLog < 10 || sb.blockLog > 16 || blockSize != 1<<sb.blockLog:
		return corrupt("block size %d", blockSize)
	case int(be.Uint16(buf[102:])) > int(blockSize):
		return corrupt("sectors larger than blocks")
	case sb.inodeLog < 9 || sb.inodeLog > 11 || inodeSize != 1<<sb.inodeLog || sb.inodeLog+sb.inodesLog != sb.blockLog:
		return corrupt("inode size %d", inodeSize)
	case sb.dirLog > 16:
		return corrupt("directory block of 2^%d bytes", sb.dirLog)
	case sb.agBlockLog > 31 || sb.agBlocks == 0 || sb.agBlocks > 1<<sb.agBlockLog:
		return corrupt("allocation groups of %d blocks", sb.agBlocks)
	case sb.blocks == 0 || sb.blocks > 1<<47 || sb.agCount != (sb.blocks+sb.agBlocks-1)/sb.agBlocks:
		return corrupt("%d blocks in %d allocation groups", sb.blocks, sb.agCount)
	case sb.blocks > uint64(size)>>sb.blockLog:
		return corrupt("%d blocks of %d bytes on a device of %d bytes: it was cut short", sb.blocks, blockSize, size)
	}
	return nil
}

// address returns the byte at which a run of blocks begins. A block number has
// the allocation group above agBlockLog bits (the book, "Allocation Groups"),
// and no run leaves its group.
func (sb *superblock) address(block, count uint64) (int64, error) {
	group, at := block>>sb.agBlockLog, block&(1<<sb.agBlockLog-1)
	if group >= sb.agCount {
		return 0, corrupt("block 0x%x is in no allocation group", block)
	}
	have := min(sb.agBlocks, sb.blocks-group*sb.agBlocks)
	if at >= have || count > have-at {
		return 0, corrupt("blocks 0x%x+%d leave their allocation group", block, count)
	}
	return int64((group*sb.agBlocks + at) << sb.blockLog), nil
}

// header says where the fields that all metadata of version 5 has are (the
// book, "Self-Describing Metadata").
type header struct{ sum, address, uuid, owner int }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumMatches compares buf's CRC32C, with its own place taken for zeros, with
// that place: little-endian, unlike all else.
func sumMatches(buf []byte, at int) bool {
	sum := crc32.Update(0, castagnoli, buf[:at])
	sum = crc32.Update(sum, castagnoli, make([]byte, 4))
	sum = crc32.Update(sum, castagnoli, buf[at+4:])
	return sum == binary.LittleEndian.Uint32(buf[at:])
}

// check compares buf, read from address, with what its header says.
func (h header) check(sb *superblock, buf []byte, address int64, owner uint64) error {
	switch {
	case !sumMatches(buf, h.sum):
		return corrupt("checksum of %q at byte %d", buf[:4], address)
	case [16]byte(buf[h.uuid:h.uuid+16]) != sb.metaUUID:
		return corrupt("%q at byte %d is another file system's", buf[:4], address)
	case be.Uint64(buf[h.owner:]) != owner:
		return corrupt("%q at byte %d is inode %d's, not %d's", buf[:4], address, be.Uint64(buf[h.owner:]), owner)
	case h.address > 0 && be.Uint64(buf[h.address:]) != uint64(address)/512:
		return corrupt("%q at byte %d says it is in sector %d", buf[:4], address, be.Uint64(buf[h.address:]))
	}
	return nil
}
