// This file reads System Use areas: SUSP (IEEE P1281) and the Rock Ridge
// entries NM, PX, SL, CL and RE (IEEE P1282).

package iso

import (
	"encoding/binary"
	"io/fs"
	"strings"

	"github.com/imgasm/imgasm/internal/nodefs"
)

// maxContinuations bounds how often a System Use area may go on elsewhere.
// Names and links of sane length need one or two.
const maxContinuations = 32

// eachEntry calls visit for every SUSP entry of an area and its continuations.
func (m *Image) eachEntry(area []byte, visit func(sig string, data []byte) error) error {
	for hop := 0; ; hop++ {
		var next []byte
		for len(area) >= 4 {
			length := int(area[2])
			if length < 4 || length > len(area) {
				break // padding, or an area that another protocol uses
			}
			sig, data := string(area[:2]), area[4:length]
			area = area[length:]
			if sig == "ST" {
				break
			}
			if sig == "CE" && len(data) >= 24 {
				next = data
				continue
			}
			if err := visit(sig, data); err != nil {
				return err
			}
		}
		if next == nil {
			return nil
		}
		if hop == maxContinuations {
			return m.corrupt("a System Use area goes on more than %d times", maxContinuations)
		}
		at := int64(binary.LittleEndian.Uint32(next))*sectorSize + int64(binary.LittleEndian.Uint32(next[8:]))
		size := int64(binary.LittleEndian.Uint32(next[16:]))
		if size > sectorSize || at+size > m.SizeBytes {
			return m.corrupt("a System Use area goes on at byte %d for %d bytes", at, size)
		}
		area = make([]byte, size)
		if _, err := m.r.ReadAt(area, at); err != nil {
			return err
		}
	}
}

// detectRockRidge looks for SP in the root's own record (SUSP, 5.3).
func (m *Image) detectRockRidge() {
	var sector [sectorSize]byte
	b := sector[:min(m.root.size, sectorSize)]
	if _, err := m.r.ReadAt(b, m.root.first.offset); err != nil || len(b) == 0 || int(b[0]) > len(b) {
		return
	}
	_, system, err := m.parseRecord(b[:b[0]])
	if err != nil {
		return
	}
	// CD-ROM XA puts 14 bytes of its own first.
	for _, skip := range []int{0, 14} {
		if len(system) < skip+7 {
			return
		}
		s := system[skip:]
		if string(s[:2]) == "SP" && s[4] == 0xbe && s[5] == 0xef {
			m.skip = int(s[6])
			found := false
			// What is damaged is told when names are read.
			m.eachEntry(s, func(sig string, _ []byte) error {
				found = found || sig == "PX" || sig == "RR" || sig == "NM" || sig == "TF"
				return nil
			})
			if found {
				m.naming = rockRidge
			}
			return
		}
	}
}

// rockRidge fills n in from its System Use area. keep is false for the record
// of a directory that really stands elsewhere (RE).
func (m *Image) rockRidge(n *node, system []byte) (keep bool, err error) {
	if len(system) < m.skip {
		return true, nil
	}
	e := entries{of: n, movedTo: -1}
	err = m.eachEntry(system[m.skip:], func(sig string, data []byte) error { return e.take(m, sig, data) })
	if err != nil || e.moved {
		return false, err
	}
	n.name, n.target = e.name.String(), e.link.String()
	if n.target != "" {
		n.mode, n.hasMode = fs.ModeSymlink|0o777, true
	}
	if e.movedTo >= 0 {
		if err := m.relocate(n, e.movedTo); err != nil {
			return false, err
		}
	}
	// The record says better than PX whether it is a directory.
	switch {
	case !n.hasMode || n.dir == n.mode.IsDir():
	case n.dir:
		n.mode = fs.ModeDir | n.mode.Perm()
	default:
		n.mode = n.mode.Perm()
	}
	return true, nil
}

// Most bytes of a name, and of a link's target.
const maxNameBytes = 4096

// entries are what the Rock Ridge entries of one record say.
type entries struct {
	of         *node
	name, link strings.Builder
	linkOpen   bool  // the link's last component goes on
	moved      bool  // the record is that of a directory's real place
	movedTo    int64 // the sector of that place; -1: not moved
}

// take takes one entry (IEEE P1282, 4.1).
func (e *entries) take(m *Image, sig string, data []byte) error {
	switch {
	case sig == "NM" && len(data) >= 1 && data[0]&6 == 0: // neither "." nor ".."
		e.name.Write(data[1:])
		if e.name.Len() > maxNameBytes {
			return m.corrupt("a name of more than %d bytes", maxNameBytes)
		}
	case sig == "PX" && len(data) >= 8:
		e.of.mode, e.of.hasMode = nodefs.UnixMode(uint16(binary.LittleEndian.Uint32(data))), true
	case sig == "SL" && len(data) >= 1:
		if e.link.Len() > maxNameBytes {
			return m.corrupt("a link of more than %d bytes", maxNameBytes)
		}
		e.linkOpen = linkComponents(&e.link, data[1:], e.linkOpen)
	case sig == "CL" && len(data) >= 8:
		e.movedTo = int64(binary.LittleEndian.Uint32(data))
	case sig == "RE":
		e.moved = true
	case sig == "ZF":
		return m.corrupt("%q is compressed by zisofs, which is not supported", e.of.id)
	}
	return nil
}

// relocate puts the directory at sector in the place of its CL record: its own
// "." says how long it is.
func (m *Image) relocate(n *node, sector int64) error {
	var b [34]byte
	if _, err := m.r.ReadAt(b[:], sector*sectorSize); err != nil {
		return m.corrupt("%q is relocated to sector %d: %v", n.name, sector, err)
	}
	self, _, err := m.parseRecord(b[:])
	if err != nil {
		return err
	}
	if !self.dir || self.id != "\x00" || self.first.offset != sector*sectorSize {
		return m.corrupt("%q is relocated to sector %d, where no directory is", n.name, sector)
	}
	n.dir, n.first, n.size = true, self.first, self.size
	return nil
}

// linkComponents appends the component records of one SL entry (4.1.3.1).
// open says that the last component so far goes on.
func linkComponents(b *strings.Builder, data []byte, open bool) bool {
	for len(data) >= 2 {
		flags, length := data[0], int(data[1])
		if 2+length > len(data) {
			break
		}
		if !open && b.Len() > 0 && !strings.HasSuffix(b.String(), "/") {
			b.WriteByte('/')
		}
		switch {
		case flags&2 != 0:
			b.WriteByte('.')
		case flags&4 != 0:
			b.WriteString("..")
		case flags&8 != 0:
			b.WriteByte('/')
		default:
			b.Write(data[2 : 2+length])
		}
		open = flags&1 != 0
		data = data[2+length:]
	}
	return open
}
