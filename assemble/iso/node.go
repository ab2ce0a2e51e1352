// This file reads directories: records (ECMA-119, 9.1), the Rock Ridge
// entries in them (IEEE P1282), and files that are spread over several records.

package iso

import (
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
)

// maxDirectory bounds one directory's records in bytes. AlmaLinux's DVD, with
// thousands of packages in one folder, needs about 1.5 MiB.
const maxDirectory = 4 << 20

// maxExtents bounds the pieces of one file: 1024 of 4 GiB are 4 TiB.
const maxExtents = 1024

// extent is one run of a file's bytes.
type extent struct {
	offset int64 // bytes from the image's start
	length int64
}

// node is a file or directory as its records describe it.
type node struct {
	name    string
	dir     bool
	first   extent   // the whole of it, but for files in several extents
	rest    []extent // the others
	size    int64    // of all extents
	mode    fs.FileMode
	hasMode bool // mode comes from Rock Ridge
	time    time.Time
	target  string // of a symbolic link
	id      string // ECMA-119 identifier, raw
}

// extents are all of a file's.
func (n *node) extents() []extent { return append([]extent{n.first}, n.rest...) }

// parseRecord reads one directory record. It returns the System Use area too.
func (m *Image) parseRecord(b []byte) (n node, system []byte, err error) {
	if len(b) < 34 {
		return n, nil, m.corrupt("directory record of %d bytes", len(b))
	}
	idLen := int(b[32])
	if 33+idLen > len(b) || idLen == 0 {
		return n, nil, m.corrupt("directory record of %d bytes with a name of %d", len(b), idLen)
	}
	n.id = string(b[33 : 33+idLen])
	n.dir = b[25]&2 != 0
	n.time = shortTime(b[18:25])
	// An extended attribute record precedes the contents (9.5).
	start := int64(binary.LittleEndian.Uint32(b[2:])) + int64(b[1])
	n.first = extent{start * sectorSize, int64(binary.LittleEndian.Uint32(b[10:]))}
	n.size = n.first.length
	if n.first.length == 0 {
		n.first.offset = 0 // empty files point anywhere
	}
	if b[26] != 0 || b[27] != 0 {
		return n, nil, m.corrupt("%q is interleaved, which nothing has written since the 1990s", n.id)
	}
	if n.first.offset+n.first.length > m.SizeBytes {
		return n, nil, m.corrupt("%q lies at bytes %d to %d of an image of %d bytes",
			n.id, n.first.offset, n.first.offset+n.first.length, m.SizeBytes)
	}
	end := 33 + idLen
	if idLen%2 == 0 {
		end++
	}
	if end < len(b) {
		system = b[end:]
	}
	return n, system, nil
}

// shortTime is ECMA-119, 9.1.5.
func shortTime(b []byte) time.Time {
	if b[1] == 0 || b[2] == 0 {
		return time.Time{}
	}
	t := time.Date(1900+int(b[0]), time.Month(b[1]), int(b[2]), int(b[3]), int(b[4]), int(b[5]), 0, time.UTC)
	return t.Add(-time.Duration(int8(b[6])) * 15 * time.Minute)
}

// errStop ends a scan early.
var errStop = errors.New("stop")

// scan calls visit for every entry of a directory but "." and "..", until
// visit returns an error. One sector of the directory is held at a time.
func (m *Image) scan(dir node, visit func(node) error) error {
	if dir.size > maxDirectory {
		return m.corrupt("directory %q of %d bytes; more than %d is not believed", dir.name, dir.size, maxDirectory)
	}
	var sector [sectorSize]byte
	var pending *node // a file whose further extents follow
	for at := int64(0); at < dir.size; at += sectorSize {
		b := sector[:min(dir.size-at, sectorSize)]
		if _, err := m.r.ReadAt(b, dir.first.offset+at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		for len(b) > 0 && b[0] != 0 {
			length := int(b[0])
			if length > len(b) {
				return m.corrupt("directory %q: a record of %d bytes crosses its sector", dir.name, length)
			}
			rec := b[:length]
			b = b[length:]
			n, system, err := m.parseRecord(rec)
			if err != nil {
				return err
			}
			if n.id == "\x00" || n.id == "\x01" {
				continue
			}
			more := rec[25]&0x80 != 0
			if pending != nil {
				if err := m.goOn(pending, n); err != nil {
					return err
				}
			} else {
				keep, err := m.describe(&n, system)
				if err != nil {
					return err
				}
				if !keep {
					continue
				}
				pending = &n
			}
			if more && !pending.dir {
				continue
			}
			done := *pending
			pending = nil
			if err := m.checkExtents(done); err != nil {
				return err
			}
			if err := visit(done); err != nil {
				return err
			}
		}
	}
	if pending != nil {
		return m.corrupt("%q should go on in another extent, but the directory ends", pending.id)
	}
	return nil
}

// goOn adds the next extent of a file that has several.
func (m *Image) goOn(file *node, next node) error {
	if file.id != next.id || next.dir {
		return m.corrupt("%q should go on in another extent, but %q follows", file.id, next.id)
	}
	if len(file.rest) >= maxExtents {
		return m.corrupt("%q has more than %d extents", next.id, maxExtents)
	}
	file.rest = append(file.rest, next.first)
	file.size += next.size
	return nil
}

// checkExtents refuses a file whose extents overlap, which nothing writes: a
// thousand of them could make terabytes of one sector. Files may share extents
// with one another, as hard links do.
func (m *Image) checkExtents(n node) error {
	if len(n.rest) == 0 {
		return nil
	}
	all := n.extents()
	slices.SortFunc(all, func(a, b extent) int { return cmp.Compare(a.offset, b.offset) })
	end := int64(0)
	for _, e := range all {
		if e.length > 0 && e.offset < end {
			return m.corrupt("%q has two extents that overlap at byte %d", n.name, e.offset)
		}
		end = max(end, e.offset+e.length)
	}
	return nil
}

// describe finds the name, mode and kind of an entry. keep is false for
// records that are not entries of their directory.
func (m *Image) describe(n *node, system []byte) (keep bool, err error) {
	switch m.naming {
	case rockRidge:
		if keep, err = m.rockRidge(n, system); !keep || err != nil {
			return keep, err
		}
	case joliet:
		n.name = jolietName(n.id)
	}
	if n.name == "" {
		n.name = plainShown(n.id)
	}
	if !n.hasMode {
		n.mode = 0o444
		if n.dir {
			n.mode = fs.ModeDir | 0o555
		}
	}
	if n.name == "." || n.name == ".." || strings.ContainsAny(n.name, "/\x00") {
		return false, m.corrupt("an entry is called %q", n.name)
	}
	return true, nil
}

// plainShown is the name that Linux shows for an identifier (map=normal): in
// lower case, without the version and without the dot of an empty extension.
func plainShown(id string) string {
	name, _, _ := strings.Cut(id, ";")
	return asciiLower(cmp.Or(strings.TrimSuffix(name, "."), "_"))
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// jolietName decodes UCS-2, big endian, and cuts the version off.
func jolietName(id string) string {
	u := make([]uint16, len(id)/2)
	for i := range u {
		u[i] = uint16(id[2*i])<<8 | uint16(id[2*i+1])
	}
	name := string(utf16.Decode(u))
	if i := strings.LastIndexByte(name, ';'); i > 0 {
		name = name[:i]
	}
	return name
}
