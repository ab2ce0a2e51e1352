// This file makes directory records (ECMA-119, 9.1) and the Rock Ridge
// entries in them: SP and ER announce the protocol, NM is the name, PX the
// permissions, TF the dates, CE says where an entry goes on.

package iso

import "time"

// recordOf is what one directory record says.
type recordOf struct {
	id     string
	extent int64
	size   int64
	dir    bool
	more   bool // another extent of the same file follows
	time   time.Time
	system []byte // System Use: Rock Ridge
}

func record(r recordOf) []byte {
	n := 33 + len(r.id)
	n += n % 2
	b := make([]byte, n, n+len(r.system)+1)
	both32(b[2:], uint32(r.extent))
	both32(b[10:], uint32(r.size))
	copy(b[18:25], shortDate(r.time))
	if r.dir {
		b[25] |= 2
	}
	if r.more {
		b[25] |= 0x80
	}
	both16(b[28:], 1)
	b[32] = byte(len(r.id))
	copy(b[33:], r.id)
	b = append(b, r.system...)
	if len(b)%2 == 1 {
		b = append(b, 0)
	}
	b[0] = byte(len(b))
	return b
}

// shortDate is ECMA-119, 9.1.5, in UTC.
func shortDate(t time.Time) []byte {
	return []byte{byte(t.Year() - 1900), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), 0}
}

// Space for Rock Ridge in one record: 255 bytes is the most that a record's
// length can say, and records have even lengths.
const maxRecord = 254

// susp makes one entry of the System Use Sharing Protocol.
func susp(sig string, version byte, data []byte) []byte {
	return append([]byte{sig[0], sig[1], byte(4 + len(data)), version}, data...)
}

// ceSize is the length of a CE entry (SUSP, 5.1).
const ceSize = 28

// attributes are the Rock Ridge entries that fit every record: PX and TF;
// nothing on a volume without Rock Ridge.
func (l *layout) attributes(e *entry) []byte {
	if !l.rockRidge {
		return nil
	}
	var px [40]byte
	mode, links := uint32(e.node.Mode.Perm()), uint32(1)
	if e.node.IsDir() {
		mode |= 0o040000
		links = 2
		for _, c := range e.children {
			if c.node.IsDir() {
				links++
			}
		}
	} else {
		mode |= 0o100000
	}
	both32(px[0:], mode)
	both32(px[8:], links)
	both32(px[16:], 0) // owner: root
	both32(px[24:], 0) // group: root
	both32(px[32:], uint32(e.number))
	date := shortDate(l.time)
	tf := append([]byte{0x0e}, date...) // modify, access, attributes
	tf = append(append(tf, date...), date...)
	return append(susp("PX", 1, px[:]), susp("TF", 1, tf)...)
}

// nameEntries are the NM entries of a name: one, or two over 250 bytes.
func nameEntries(name string) []byte {
	const most = 250
	if len(name) <= most {
		return susp("NM", 1, append([]byte{0}, name...))
	}
	b := susp("NM", 1, append([]byte{1}, name[:most]...))
	return append(b, susp("NM", 1, append([]byte{0}, name[most:]...))...)
}

// overflow finds the names of a directory that do not fit into their records
// and gives them a place in the continuation area. No piece of it crosses a
// sector: Linux and SUSP (5.1) want that.
func (l *layout) overflow(d *entry) {
	if !l.rockRidge {
		return
	}
	put := func(p []byte) int64 {
		if used := len(l.continued) % sectorSize; used+len(p) > sectorSize {
			l.continued = append(l.continued, make([]byte, sectorSize-used)...)
		}
		at := int64(len(l.continued))
		l.continued = append(l.continued, p...)
		return at
	}
	if d.parent == d { // the root's "." tells which protocol this is
		d.more = extensionsReference()
		d.moreAt = put(d.more)
	}
	for _, e := range d.children {
		nm := nameEntries(e.node.Name)
		head := 33 + len(e.id)
		head += head % 2
		if head+len(l.attributes(e))+len(nm) > maxRecord {
			e.more = nm
			e.moreAt = put(nm)
		}
	}
}

// extensionsReference is the ER entry (SUSP, 5.5) of Rock Ridge 1.12.
func extensionsReference() []byte {
	const id = "IEEE_P1282"
	const about = "THE IEEE P1282 PROTOCOL PROVIDES SUPPORT FOR POSIX FILE SYSTEM SEMANTICS"
	const source = "PLEASE CONTACT THE IEEE STANDARDS DEPARTMENT, PISCATAWAY, NJ, USA FOR THE P1282 SPECIFICATION."
	data := []byte{byte(len(id)), byte(len(about)), byte(len(source)), 1}
	return susp("ER", 1, append(data, id+about+source...))
}

// continueAt is the CE entry that points to n bytes of the continuation area.
func (l *layout) continueAt(at int64, n int) []byte {
	var ce [ceSize - 4]byte
	both32(ce[0:], uint32(l.continuation+at/sectorSize))
	both32(ce[8:], uint32(at%sectorSize))
	both32(ce[16:], uint32(n))
	return susp("CE", 1, ce[:])
}

// records are all the records of one child: one, or one for each extent.
func (l *layout) records(e *entry) [][]byte {
	system := l.attributes(e)
	switch {
	case !l.rockRidge:
	case e.more == nil:
		system = append(system, nameEntries(e.node.Name)...)
	default:
		system = append(system, l.continueAt(e.moreAt, len(e.more))...)
	}
	r := recordOf{id: e.id, extent: e.extent, size: e.size, dir: e.node.IsDir(), time: l.time, system: system}
	if r.dir || e.size <= l.maxExtent {
		return [][]byte{record(r)}
	}
	var all [][]byte
	for left := e.size; left > 0; left -= r.size {
		r.size = min(left, l.maxExtent)
		r.more = left > l.maxExtent
		all = append(all, record(r))
		r.extent += sectors(r.size)
	}
	return all
}

// dots are the records "." and ".." that begin a directory (6.8.2.2).
func (l *layout) dots(d *entry) [][]byte {
	self := recordOf{id: "\x00", extent: d.extent, size: d.size, dir: true, time: l.time, system: l.attributes(d)}
	if d.parent == d && l.rockRidge {
		self.system = append(susp("SP", 1, []byte{0xbe, 0xef, 0}), self.system...)
		self.system = append(self.system, l.continueAt(d.moreAt, len(d.more))...)
	}
	up := recordOf{id: "\x01", extent: d.parent.extent, size: d.parent.size, dir: true, time: l.time, system: l.attributes(d.parent)}
	return [][]byte{record(self), record(up)}
}

// directory is the contents of d's extent. No record crosses a sector (6.8.1.1).
func (l *layout) directory(d *entry) []byte {
	var b []byte
	add := func(records [][]byte) {
		for _, r := range records {
			if used := len(b) % sectorSize; used+len(r) > sectorSize {
				b = append(b, make([]byte, sectorSize-used)...)
			}
			b = append(b, r...)
		}
	}
	add(l.dots(d))
	for _, e := range d.children {
		add(l.records(e))
	}
	return append(b, make([]byte, sectors(int64(len(b)))*sectorSize-int64(len(b)))...)
}

// directorySize is how long directory will be; extents do not matter for it.
func (l *layout) directorySize(d *entry) int64 { return int64(len(l.directory(d))) }
