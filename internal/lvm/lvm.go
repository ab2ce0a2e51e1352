// Package lvm finds the logical volumes of LVM2 on physical ones, and reads those
// that are linear: runs of extents, as installers make them. Nothing is written, and
// no device mapper is needed. The format is that of lvm2's lib/format_text/layout.h
// and lib/label: a label, headers, and a text that describes the group.
package lvm

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
)

// Member is a physical volume, from its first byte on.
type Member struct {
	Reader io.ReaderAt
	Bytes  int64

	uuid string
}

// Volume is a logical volume. Where Unread is "" it can be read.
type Volume struct {
	Group, Name string
	Bytes       int64
	Unread      string // why it cannot be read
	// Member is the index of the physical volume that has its first byte, and Start
	// where that is; -1 if it is not known.
	Member int
	Start  int64

	runs []run
}

// run is a piece of a volume that lies in a row.
type run struct {
	from, bytes int64 // in the volume
	reader      io.ReaderAt
	at          int64 // in the physical volume
}

const (
	sector     = 512
	maxText    = 4 << 20 // bytes of text of all members; installers give each room for 1 MiB
	maxVolumes = 1000    // that are looked at
)

// ErrDamaged is of a physical volume that contradicts the format, or itself.
var ErrDamaged = errors.New("damaged LVM")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Read finds the volumes that are visible, by group and name. The errors are those
// of the members, in their order: nil, what is damaged, or the reader's.
func Read(members []Member) ([]Volume, []error) {
	groups := map[string]section{} // the newest of each identifier, with its name at "name"
	errs := make([]error, len(members))
	room := int64(maxText) // what is parsed takes 40 times as much
	for i := range members {
		m := &members[i]
		text, err := m.text(room)
		room -= int64(len(text))
		if err == nil && text != "" {
			err = newest(groups, text)
		}
		errs[i] = err
	}
	var all []Volume
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		all = append(all, volumes(groups[id], members, maxVolumes-len(all))...)
	}
	slices.SortFunc(all, func(a, b Volume) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Name, b.Name)) })
	return all, errs
}

func newest(groups map[string]section, text string) error {
	top, err := parseText(text)
	if err != nil {
		return damaged("%v", err)
	}
	for name := range top {
		g := top.section(name)
		if id := g.text("id"); id != "" && g.number("seqno") >= groups[id].number("seqno") {
			g["name"] = name
			groups[id] = g
		}
	}
	return nil
}

// text is what the first area of a physical volume that has a text says; "" if none
// has. It finds out the volume's identifier, too. The text has room bytes at most.
func (m *Member) text(room int64) (string, error) {
	b := make([]byte, 4*sector) // the label is in one of the first four sectors
	if _, err := m.Reader.ReadAt(b, 0); err != nil {
		return "", err
	}
	for len(b) > 0 && (string(b[:8]) != "LABELONE" || string(b[24:32]) != "LVM2 001") {
		b = b[sector:]
	}
	le := binary.LittleEndian
	if len(b) == 0 {
		return "", damaged("no label")
	}
	header := int(le.Uint32(b[20:]))
	if b = b[:sector]; header < 32 || header > sector-40 {
		return "", damaged("a label whose header is at %d", header)
	}
	m.uuid = string(b[header : header+32])
	lists := 0 // data areas end with zeros, then come those of metadata
	for b = b[header+40:]; len(b) >= 16 && lists < 2; b = b[16:] {
		at, size := le.Uint64(b), le.Uint64(b[8:])
		switch {
		case at == 0:
			lists++
		case lists == 1:
			if at >= uint64(m.Bytes) || size > uint64(m.Bytes)-at || size < 2*sector {
				return "", damaged("metadata of %d bytes at %d", size, at)
			}
			return m.area(int64(at), int64(size), room)
		}
	}
	return "", nil
}

// area reads the text of a metadata area: a ring behind its header.
func (m *Member) area(at, size, room int64) (string, error) {
	h := make([]byte, sector)
	if _, err := m.Reader.ReadAt(h, at); err != nil {
		return "", err
	}
	le := binary.LittleEndian
	if string(h[4:20]) != " LVM2 x[5A%r0N*>" || !sumMatches(h[4:], le.Uint32(h)) {
		return "", damaged("header of metadata at %d", at)
	}
	from, length := int64(le.Uint64(h[40:])), int64(le.Uint64(h[48:]))
	switch {
	case from == 0: // of no group yet
		return "", nil
	case from < sector || from >= size || length < 0 || length > min(size-sector, room):
		return "", damaged("text of %d bytes at %d", length, from)
	}
	text := make([]byte, length)
	n := min(length, size-from)
	if _, err := m.Reader.ReadAt(text[:n], at+from); err != nil {
		return "", err
	}
	if _, err := m.Reader.ReadAt(text[n:], at+sector); err != nil {
		return "", err
	}
	if !sumMatches(text, le.Uint32(h[56:])) {
		return "", damaged("checksum of the text at %d", at+from)
	}
	return string(text), nil
}

// sumMatches compares LVM's CRC-32, which begins with a number of its own and is not
// inverted (lib/misc/crc.h).
func sumMatches(b []byte, sum uint32) bool {
	const initial = 0xf597a6cf
	return ^crc32.Update(^uint32(initial), crc32.IEEETable, b) == sum
}

// group is what its volumes need of a volume group.
type group struct {
	extent  int64 // bytes
	members []Member
	index   map[string]int   // of members, by the names that the text has for them
	starts  map[string]int64 // bytes, of the first extent
}

// volumes are those of a group that are visible, most at most.
func volumes(text section, members []Member, most int) (all []Volume) {
	g := group{min(max(text.number("extent_size"), 1), 1<<32) * sector, members, map[string]int{}, map[string]int64{}}
	physical, logical := text.section("physical_volumes"), text.section("logical_volumes")
	for name := range physical {
		pv := physical.section(name)
		uuid := strings.ReplaceAll(pv.text("id"), "-", "")
		if i := slices.IndexFunc(members, func(m Member) bool { return uuid != "" && m.uuid == uuid }); i >= 0 {
			g.index[name], g.starts[name] = i, min(max(pv.number("pe_start"), 0), members[i].Bytes/sector)*sector
		}
	}
	for _, name := range slices.Sorted(maps.Keys(logical)) {
		if lv := logical.section(name); slices.Contains(lv.list("status"), any("VISIBLE")) && len(all) < most {
			v := Volume{Group: text.text("name"), Name: name, Member: -1}
			s, n := section{}, lv.number("segment_count")
			for i := int64(1); i <= n && s != nil; i++ { // no further than there are any
				s = lv.section(fmt.Sprint("segment", i))
				v.Unread = cmp.Or(v.Unread, g.add(&v, s))
			}
			all = append(all, v)
		}
	}
	return all
}

// add puts the next segment behind a volume, and says why it cannot be read; "" if
// it can.
func (g *group) add(v *Volume, s section) string {
	count := s.number("extent_count")
	if s.number("start_extent") != v.Bytes/g.extent || count < 1 || count > (1<<62-v.Bytes)/g.extent {
		return damaged("%d extents from %d on", count, s.number("start_extent")).Error()
	}
	r := run{from: v.Bytes, bytes: count * g.extent}
	v.Bytes += r.bytes
	stripes := s.list("stripes")
	if kind := s.text("type"); kind != "striped" || s.number("stripe_count") != 1 || len(stripes) != 2 {
		return "imgasm reads no logical volume that is " + kind
	}
	name, _ := stripes[0].(string)
	first, _ := stripes[1].(int64)
	i, ok := g.index[name]
	if !ok {
		return "a physical volume of it is not in the image"
	}
	m, start := g.members[i], g.starts[name]
	if room := (m.Bytes - start) / g.extent; first < 0 || count > room || first > room-count {
		return damaged("%d extents at %d of %s", count, first, name).Error()
	}
	r.reader, r.at = m.Reader, start+first*g.extent
	if len(v.runs) == 0 {
		v.Member, v.Start = i, r.at
	}
	v.runs = append(v.runs, r)
	return ""
}

// ReadAt implements io.ReaderAt, of a volume that can be read.
func (v *Volume) ReadAt(p []byte, off int64) (done int, err error) {
	for done < len(p) {
		i, exact := slices.BinarySearchFunc(v.runs, off, func(r run, off int64) int { return cmp.Compare(r.from, off) })
		if !exact {
			i--
		}
		if off < 0 || i < 0 || off >= v.runs[i].from+v.runs[i].bytes {
			return done, io.EOF
		}
		r := v.runs[i]
		within := off - r.from
		n, err := r.reader.ReadAt(p[done:done+int(min(int64(len(p)-done), r.bytes-within))], r.at+within)
		done, off = done+n, off+int64(n)
		if err != nil && n == 0 {
			return done, err
		}
	}
	return done, nil
}
