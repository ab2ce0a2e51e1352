// The log, of which only the end is looked at: the book, "Journaling Log".

package xfs

import "sort"

const (
	logSector = 512
	logMagic  = 0xfeedbabe
	// A record's header has the cycles of so many bytes of the record; a longer one
	// has more sectors of header.
	logCycleBytes = 32 << 10
	// The last record is looked for so far before the log's end. That of unmounting
	// has at most 256 KiB, filled up to the log's stripe unit, and 8 sectors of header.
	logLastBytes = 256<<10 + 16*logSector

	opUnmount = 0x20 // oh_flags, XLOG_UNMOUNT_TRANS
)

// unclean reports whether the log ends with something else than the record of
// unmounting. Each sector of it says in which cycle through the log it was written:
// it ends where the number is another than at its start.
func (f *FS) unclean() (bool, error) {
	if f.sb.logStart == 0 {
		return false, nil
	}
	at, err := f.sb.address(f.sb.logStart, f.sb.logBlocks)
	if err != nil {
		return true, err
	}
	sectors := int(f.sb.logBlocks << f.sb.blockLog / logSector)
	first, err := f.logCycle(at)
	if err != nil {
		return true, err
	}
	end := sort.Search(sectors, func(i int) bool {
		cycle, readErr := f.logCycle(at + int64(i)*logSector)
		if readErr != nil {
			err = readErr
		}
		return cycle != first
	})
	if err != nil {
		return true, err
	}
	from := max(0, end-logLastBytes/logSector)
	buf, err := f.read(at+int64(from)*logSector, (end-from)*logSector)
	return !endsUnmounted(buf), err
}

// logCycle is the number that a sector of the log begins with, behind the magic
// number if it is a record's first.
func (f *FS) logCycle(at int64) (uint32, error) {
	buf, err := f.read(at, logSector)
	if cycle := be.Uint32(buf); cycle != logMagic {
		return cycle, err
	}
	return be.Uint32(buf[4:]), err
}

// endsUnmounted reports whether the last record in a piece of log ends with it, and
// is one operation: that of unmounting.
func endsUnmounted(log []byte) bool {
	for at := len(log) - 2*logSector; at >= 0; at -= logSector {
		h := log[at:]
		if be.Uint32(h) != logMagic {
			continue
		}
		header := logSector * max(1, (int64(be.Uint32(h[320:]))+logCycleBytes-1)/logCycleBytes)
		size := int64(be.Uint32(h[12:]))
		return size >= 12 && int64(len(h)) == header+size && be.Uint32(h[40:]) == 1 && h[header+9]&opUnmount != 0
	}
	return false
}
