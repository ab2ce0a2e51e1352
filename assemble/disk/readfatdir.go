// This file reads FAT directories: short entries, and the long names before
// them (FATGEN, "FAT Long Directory Entries").

package disk

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf16"
)

// Bits of a short entry's byte 12 with which Windows and Linux say that stem or
// extension are in small letters.
const (
	smallStem      = 0x08
	smallExtension = 0x10
)

// fatDirectory is what a directory has.
type fatDirectory struct {
	entries []fatEntry
	label   string // of the file system, in its root
	// parent is the cluster that ".." leads to; -1 where "." and ".." are not
	// the first entries, as in the root.
	parent int64
}

// readDirectory reads entries up to the end of r or the entry that ends a
// directory. A long name that does not belong to the short one behind it is not
// used.
func readDirectory(r io.Reader, bits int) (*fatDirectory, error) {
	d := &fatDirectory{parent: -1}
	var long longName
	b := make([]byte, dirEntrySize)
	for n := 0; ; n++ {
		switch _, err := io.ReadFull(r, b); {
		case errors.Is(err, io.EOF):
			return d, nil
		case err != nil:
			return nil, err
		}
		switch {
		case b[0] == 0:
			return d, nil
		case b[0] == 0xe5: // removed
			long = longName{}
			continue
		case b[11]&0x3f == attrLongName:
			long.add(b)
			continue
		case b[11]&attrVolumeID != 0:
			if b[11]&attrDirectory == 0 && d.label == "" {
				d.label = shortText(b[:11])
			}
		case b[0] != '.':
			e := shortEntry(b, bits)
			if name := long.of(b[:11]); name != "" {
				e.Name = name
			}
			d.entries = append(d.entries, e)
		case n == 1 && b[1] == '.':
			d.parent = int64(shortEntry(b, bits).cluster)
		}
		long = longName{}
	}
}

func shortEntry(b []byte, bits int) fatEntry {
	le := binary.LittleEndian
	e := fatEntry{Dir: b[11]&attrDirectory != 0, readOnly: b[11]&attrReadOnly != 0, cluster: uint32(le.Uint16(b[26:]))}
	if bits == 32 {
		e.cluster |= uint32(le.Uint16(b[20:])) << 16
	}
	if !e.Dir {
		e.SizeBytes = int64(le.Uint32(b[28:]))
	}
	stem, ext := shortText(b[:8]), shortText(b[8:11])
	e.short = joinDot(stem, ext)
	if b[12]&smallStem != 0 {
		stem = strings.ToLower(stem)
	}
	if b[12]&smallExtension != 0 {
		ext = strings.ToLower(ext)
	}
	e.Name = joinDot(stem, ext)
	e.ModTime = fatDate(le.Uint16(b[24:]), le.Uint16(b[22:]))
	return e
}

// fatDate reads a date and a time (FATGEN, "Date and Time Formats").
func fatDate(date, clock uint16) time.Time {
	d, c := int(date), int(clock)
	return time.Date(1980+d>>9, time.Month(d>>5&15), d&31, c>>11, c>>5&63, 2*(c&31), 0, time.UTC)
}

// shortText is a part of a short name. What is not ASCII depends on a code page
// that is written nowhere, and becomes U+FFFD;
// so does 0x05, which stands for 0xe5 at the front.
func shortText(b []byte) string {
	var s strings.Builder
	for _, c := range []byte(strings.TrimRight(string(b), " ")) {
		if c < ' ' || c > '~' {
			s.WriteRune('\ufffd')
			continue
		}
		s.WriteByte(c)
	}
	return s.String()
}

func joinDot(stem, ext string) string {
	if ext == "" {
		return stem
	}
	return stem + "." + ext
}

// longName is gathered from entries, of which the last part comes first.
type longName struct {
	units []uint16
	next  byte // the number that the next entry must have
	sum   byte // of the short name
	ok    bool
}

// maxLongParts is how many entries 255 characters take.
const maxLongParts = 20

func (n *longName) add(b []byte) {
	number := b[0] & 0x3f
	if b[0]&0x40 != 0 {
		*n = longName{next: number, sum: b[13], ok: number >= 1 && number <= maxLongParts}
	}
	if !n.ok || number != n.next || b[13] != n.sum {
		n.ok = false
		return
	}
	part := make([]uint16, 13, 13+len(n.units))
	for i := range part {
		part[i] = binary.LittleEndian.Uint16(b[longOffset(i):])
	}
	n.units = append(part, n.units...)
	n.next--
}

// of returns the name if it belongs to a short name, else "".
func (n *longName) of(short []byte) string {
	if !n.ok || n.next != 0 || shortSum(short) != n.sum {
		return ""
	}
	for i, unit := range n.units {
		if unit == 0 {
			n.units = n.units[:i]
			break
		}
	}
	return string(utf16.Decode(n.units))
}
