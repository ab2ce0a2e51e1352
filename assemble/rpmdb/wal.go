// The write-ahead log: SQLite's "Database File Format", section 4.

package rpmdb

import "encoding/binary"

const (
	logHeaderSize   = 32
	frameHeaderSize = 24
	logMagic        = 0x377f0682 // the last bit: checksums of big-endian words
	logVersion      = 3007000
)

// wal is what a write-ahead log puts in the place of pages of its database.
type wal struct {
	file   source
	frames map[uint32]int64 // a page's newest committed content in file
	commit uint32           // pages of the database after the last transaction; 0: there is none
}

// readLog reads what was committed. As SQLite does when it recovers, it ignores
// what follows the first frame that is damaged, of an older log, or unfinished.
func readLog(file source, pageSize int) (wal, error) {
	none, w := wal{}, wal{file: file, frames: map[uint32]int64{}}
	if file.size < logHeaderSize {
		return none, nil
	}
	head := make([]byte, logHeaderSize)
	if err := file.full(head, 0); err != nil {
		return none, err
	}
	magic := binary.BigEndian.Uint32(head)
	sum := checksum{order: binary.LittleEndian}
	if magic&1 == 1 {
		sum.order = binary.BigEndian
	}
	if sum.add(head[:24]); magic&^1 != logMagic || !sum.is(head[24:]) {
		return none, nil
	}
	if v := binary.BigEndian.Uint32(head[4:]); v != logVersion {
		return none, unsupported("write-ahead log of format %d", v)
	}
	if n := binary.BigEndian.Uint32(head[8:]); n != uint32(pageSize) {
		return none, corrupt("the write-ahead log has pages of %d bytes, its database of %d", n, pageSize)
	}
	frame := make([]byte, frameHeaderSize+pageSize)
	pending := map[uint32]int64{}
	for off := int64(logHeaderSize); off <= file.size-int64(len(frame)); off += int64(len(frame)) {
		if err := file.full(frame, off); err != nil {
			return none, err
		}
		page, size := binary.BigEndian.Uint32(frame), binary.BigEndian.Uint32(frame[4:])
		sum.add(frame[:8])
		sum.add(frame[frameHeaderSize:])
		if page == 0 || [8]byte(frame[8:]) != [8]byte(head[16:]) || !sum.is(frame[16:]) {
			break
		}
		pending[page] = off + frameHeaderSize
		if len(pending) > maxPages || size > maxPages {
			return none, tooLarge("more than %d pages in the write-ahead log", maxPages)
		}
		if size != 0 {
			for page, off := range pending {
				w.frames[page] = off
			}
			clear(pending)
			w.commit = size
		}
	}
	return w, nil
}

// checksum is that of section 4.2, over all that was added.
type checksum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (c *checksum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		c.s0 += c.order.Uint32(b) + c.s1
		c.s1 += c.order.Uint32(b[4:]) + c.s0
	}
}

func (c *checksum) is(stored []byte) bool {
	return c.s0 == binary.BigEndian.Uint32(stored) && c.s1 == binary.BigEndian.Uint32(stored[4:])
}
