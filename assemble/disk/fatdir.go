// This file makes FAT directories: short entries, and the long ones before
// them that hold names as they were given (FATGEN, "FAT Long Directory Entries").

package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf16"

	"github.com/imgasm/imgasm/internal/tree"
)

const (
	dirEntrySize = 32
	// maxDirBytes is FATGEN's limit of 65536 entries.
	maxDirBytes = 65536 * dirEntrySize

	attrReadOnly  = 0x01
	attrVolumeID  = 0x08
	attrDirectory = 0x10
	attrArchive   = 0x20
	attrLongName  = 0x0f
)

// fatNode is a file or directory with its names and place.
type fatNode struct {
	chain
	node     *tree.Node
	parent   *fatNode
	children []*fatNode
	short    [11]byte
	long     []uint16 // nil if the short name is the whole name
}

// newFATNode names a tree's nodes and sizes its directories.
func newFATNode(n *tree.Node, parent *fatNode) (*fatNode, error) {
	f := &fatNode{node: n, parent: parent}
	f.chain.node = f
	if !n.IsDir() {
		if n.SizeBytes > MaxFileBytes {
			return nil, fmt.Errorf("%s: %d bytes: %w", n.Path, n.SizeBytes, ErrFileTooLarge)
		}
		f.size = n.SizeBytes
		return f, nil
	}
	if parent != nil {
		f.size = 2 * dirEntrySize // "." and ".."
	} else {
		// Its label. Without one there is still a cluster, even for nothing.
		f.size = dirEntrySize
	}
	names := newShortNames()
	for _, c := range n.Children {
		child, err := newFATNode(c, f)
		if err != nil {
			return nil, err
		}
		if err := names.reserve(child); err != nil {
			return nil, err
		}
		f.children = append(f.children, child)
	}
	for _, child := range f.children {
		if err := names.give(child); err != nil {
			return nil, err
		}
		f.size += int64(dirEntrySize * (1 + (len(child.long)+12)/13))
	}
	if f.size > maxDirBytes {
		return nil, fmt.Errorf("%s: %d entries: a FAT directory holds 65536, and long names take several", n.Path, f.size/dirEntrySize)
	}
	return f, nil
}

// directory writes d's entries. What is not used of the last cluster is left
// to the caller, as zeroes: they end the directory.
func (v *volume) directory(b *bytes.Buffer, d *fatNode) {
	switch {
	case d.parent != nil:
		v.entry(b, dotName(1), attrDirectory, d.first, 0)
		up := d.parent.first
		if d.parent.parent == nil {
			up = 0 // FATGEN: ".." of the root's folders says 0, not 2
		}
		v.entry(b, dotName(2), attrDirectory, up, 0)
	case v.label != "":
		var name [11]byte
		copy(name[:], v.label)
		v.entry(b, name, attrVolumeID, 0, 0)
	}
	for _, c := range d.children {
		longEntries(b, c)
		if c.node.IsDir() {
			v.entry(b, c.short, attrDirectory, c.first, 0)
		} else {
			v.entry(b, c.short, attrArchive, c.first, uint32(c.size))
		}
	}
	// A root without a label has a spare entry in its size.
	if rest := int(d.size) - b.Len(); rest > 0 {
		b.Write(make([]byte, rest))
	}
}

func dotName(dots int) [11]byte {
	var name [11]byte
	copy(name[:], "           ")
	copy(name[:], ".."[:dots])
	return name
}

// entry writes one short entry.
func (v *volume) entry(b *bytes.Buffer, name [11]byte, attr byte, first, size uint32) {
	var e [dirEntrySize]byte
	le := binary.LittleEndian
	copy(e[:], name[:])
	e[11] = attr
	e[13] = v.stamp.tenths
	le.PutUint16(e[14:], v.stamp.time) // creation
	le.PutUint16(e[16:], v.stamp.date)
	le.PutUint16(e[18:], v.stamp.date) // last access
	le.PutUint16(e[20:], uint16(first>>16))
	le.PutUint16(e[22:], v.stamp.time) // last write
	le.PutUint16(e[24:], v.stamp.date)
	le.PutUint16(e[26:], uint16(first))
	le.PutUint32(e[28:], size)
	b.Write(e[:])
}

// longEntries writes the entries of a long name, last part first.
func longEntries(b *bytes.Buffer, n *fatNode) {
	if n.long == nil {
		return
	}
	sum := shortSum(n.short[:])
	parts := (len(n.long) + 12) / 13
	for part := parts; part >= 1; part-- {
		var e [dirEntrySize]byte
		e[0] = byte(part)
		if part == parts {
			e[0] |= 0x40
		}
		e[11], e[13] = attrLongName, sum
		for i := range 13 {
			at := (part-1)*13 + i
			unit := uint16(0xffff)
			if at < len(n.long) {
				unit = n.long[at]
			} else if at == len(n.long) {
				unit = 0
			}
			binary.LittleEndian.PutUint16(e[longOffset(i):], unit)
		}
		b.Write(e[:])
	}
}

// shortSum binds long entries to the short one that they belong to.
func shortSum(short []byte) (sum byte) {
	for _, c := range short {
		sum = sum>>1 | sum<<7
		sum += c
	}
	return sum
}

// longOffset is where a long entry has its character i, from 0 to 12: five
// stand at byte 1, six at 14, two at 28.
func longOffset(i int) int {
	switch {
	case i >= 11:
		return 28 + 2*(i-11)
	case i >= 5:
		return 14 + 2*(i-5)
	}
	return 1 + 2*i
}

// fatStamp is a date in FAT's form: two seconds, and tenths above them.
type fatStamp struct {
	date, time uint16
	tenths     byte // hundredths of a second, 0 to 199
}

func fatTime(t time.Time) fatStamp {
	t = t.UTC()
	if t.Year() < 1980 {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	} else if t.Year() > 2107 {
		t = time.Date(2107, 12, 31, 23, 59, 58, 0, time.UTC)
	}
	return fatStamp{
		date:   uint16((t.Year()-1980)<<9 | int(t.Month())<<5 | t.Day()),
		time:   uint16(t.Hour()<<11 | t.Minute()<<5 | t.Second()/2),
		tenths: byte(t.Second() % 2 * 100),
	}
}

// fatLabel pads a volume label to 11 bytes.
func fatLabel(label string) (string, error) {
	if label == "" {
		return "", nil
	}
	b := []byte("           ")
	if len(label) > len(b) {
		return "", fmt.Errorf("volume label %q: longer than 11 characters: %w", label, ErrName)
	}
	for i, c := range label {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c < ' ' || c > '~' || bytes.ContainsRune([]byte(`"*+,./:;<=>?[\]|`), c) || i == 0 && c == ' ' {
			return "", fmt.Errorf("volume label %q: %q is not allowed: %w", label, c, ErrName)
		}
		b[i] = byte(c)
	}
	return string(b), nil
}

// units is a name in UTF-16.
func units(name string) []uint16 { return utf16.Encode([]rune(name)) }
