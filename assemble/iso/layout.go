// This file decides where every directory, name and file of a volume to be
// written lies, and makes the descriptors and path tables that say so.

package iso

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/tree"
)

// maxExtent is the size of each extent but the last of a file that needs
// several: the largest multiple of a sector that 32 bits hold.
const maxExtent = math.MaxUint32 / sectorSize * sectorSize

// maxName is the longest Rock Ridge name that Linux shows whole (fs/isofs/rock.c).
const maxName = 253

// entry is a file or directory of the volume.
type entry struct {
	node     *tree.Node
	id       string // ECMA-119 identifier, "KS.CFG;1"; "\x00" for the root
	parent   *entry
	children []*entry // in the order of their records (9.3)
	extent   int64    // first sector
	size     int64    // bytes: a directory's records, or the file
	number   int      // serial number of the file; a directory's is its 1-based place in the path table
	more     []byte   // Rock Ridge entries that did not fit into the record
	moreAt   int64    // byte offset of more in the continuation area
}

// layout is a volume with every sector assigned.
type layout struct {
	time         time.Time
	rockRidge    bool
	maxExtent    int64    // bytes
	dirs         []*entry // in path table order; the root first
	files        []*entry // in the order of their extents
	pathTableL   int64    // sectors
	pathTableM   int64
	tableBytes   int64
	continuation int64
	continued    []byte
	end          int64 // sectors of the whole volume
}

// newLayout lays root out. Without rockRidge every name must be one that level
// 1 keeps; see isPlain.
func newLayout(root *tree.Node, t time.Time, rockRidge bool) (*layout, error) {
	t = t.UTC()
	if t.Year() < 1900 || t.Year() > 2155 {
		return nil, fmt.Errorf("date %s: an ISO 9660 volume holds years 1900 to 2155", t.Format(time.DateOnly))
	}
	l := &layout{time: t, rockRidge: rockRidge, maxExtent: maxExtent}
	top := &entry{node: root, id: "\x00"}
	top.parent = top
	if err := l.gather(top); err != nil {
		return nil, err
	}
	l.place()
	if l.end > math.MaxUint32 {
		return nil, fmt.Errorf("contents take %d bytes: an ISO 9660 volume holds 8 TiB", l.end*sectorSize)
	}
	return l, nil
}

// gather makes the entries, breadth first: the order that a path table wants
// (6.9.1: level, then number of the parent, then identifier).
func (l *layout) gather(top *entry) error {
	l.dirs = []*entry{top}
	for i := 0; i < len(l.dirs); i++ {
		d := l.dirs[i]
		d.number = i + 1
		if d.number > math.MaxUint16 {
			return fmt.Errorf("more than %d folders: a path table holds no more", math.MaxUint16)
		}
		ids := identifiers(d.node.Children)
		for j, n := range d.node.Children {
			if len(n.Name) > maxName {
				return fmt.Errorf("%s: the name has %d bytes; Linux shows no more than %d of an ISO 9660 name: %w",
					n.Path, len(n.Name), maxName, tree.ErrPath)
			}
			e := &entry{node: n, id: ids[j], parent: d}
			d.children = append(d.children, e)
		}
		sort.Slice(d.children, func(i, j int) bool { return d.children[i].id < d.children[j].id })
		for _, e := range d.children {
			if e.node.IsDir() {
				l.dirs = append(l.dirs, e)
			} else {
				e.size = e.node.SizeBytes
			}
		}
	}
	// Contents follow the tree, so that a folder's files lie together.
	var walk func(d *entry)
	walk = func(d *entry) {
		for _, e := range d.children {
			if e.node.IsDir() {
				walk(e)
			} else {
				l.files = append(l.files, e)
			}
		}
	}
	walk(top)
	for i, f := range l.files {
		f.number = len(l.dirs) + i + 1
	}
	return nil
}

// place assigns sectors: descriptors, path tables, directories, names that
// did not fit, contents.
func (l *layout) place() {
	l.tableBytes, l.continued = 0, nil
	for _, d := range l.dirs {
		l.tableBytes += int64(8 + len(d.id) + len(d.id)%2)
	}
	next := int64(systemArea + 2)
	l.pathTableL = next
	next += sectors(l.tableBytes)
	l.pathTableM = next
	next += sectors(l.tableBytes)

	for _, d := range l.dirs {
		l.overflow(d)
		d.size = l.directorySize(d)
		d.extent = next
		next += sectors(d.size)
	}
	l.continuation = next
	next += sectors(int64(len(l.continued)))
	for _, f := range l.files {
		if f.size > 0 {
			f.extent = next
			next += sectors(f.size)
		}
	}
	l.end = next + trailing
}

// identifiers gives each of a folder's nodes its ECMA-119 identifier: level 1
// (8.3, capitals), unique in the folder. Linux and libarchive show the Rock
// Ridge name instead; this is what readers without Rock Ridge see.
func identifiers(nodes []*tree.Node) []string {
	ids := make([]string, len(nodes))
	taken := map[string]bool{}
	// Names that need no change come first: they keep their own identifier.
	for pass := 0; pass < 2; pass++ {
		for i, n := range nodes {
			stem, ext := level1(n.Name, n.IsDir())
			exact := strings.EqualFold(joinID(stem, ext), n.Name)
			if exact != (pass == 0) {
				continue
			}
			id := joinID(stem, ext)
			for k := 0; taken[id]; k++ {
				digits := strconv.Itoa(k)
				id = joinID(stem[:min(len(stem), 8-len(digits))]+digits, ext)
			}
			taken[id] = true
			ids[i] = id
		}
	}
	for i, n := range nodes {
		if !n.IsDir() {
			if !strings.Contains(ids[i], ".") {
				ids[i] += "." // 7.5.1: SEPARATOR 1 is always there
			}
			ids[i] += ";1"
		}
	}
	return ids
}

func joinID(stem, ext string) string {
	if ext == "" {
		return stem
	}
	return stem + "." + ext
}

// level1 maps a name to at most 8 and at most 3 d-characters.
func level1(name string, dir bool) (stem, ext string) {
	stem = name
	if i := strings.LastIndexByte(name, '.'); i > 0 && !dir {
		stem, ext = name[:i], name[i+1:]
	}
	return cmp.Or(dchars(stem, 8), "_"), dchars(ext, 3)
}

func dchars(s string, most int) string {
	var b strings.Builder
	for _, c := range strings.ToUpper(s) {
		if b.Len() == most {
			break
		}
		if c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' {
			b.WriteRune(c)
		} else {
			b.WriteByte('_')
		}
	}
	return b.String()
}

// pathTable is ECMA-119, 9.4, in the given byte order.
func (l *layout) pathTable(order binary.ByteOrder) []byte {
	b := make([]byte, 0, l.tableBytes)
	for _, d := range l.dirs {
		var r [8]byte
		r[0] = byte(len(d.id))
		order.PutUint32(r[2:], uint32(d.extent))
		order.PutUint16(r[6:], uint16(d.parent.number))
		b = append(append(b, r[:]...), d.id...)
		if len(d.id)%2 == 1 {
			b = append(b, 0)
		}
	}
	return b
}

// primaryDescriptor is ECMA-119, 8.4.
func (l *layout) primaryDescriptor(label string) []byte {
	b := make([]byte, sectorSize)
	b[0] = 1
	copy(b[1:], "CD001")
	b[6] = 1
	text := func(at, n int, s string) { copy(b[at:at+n], s+strings.Repeat(" ", n-len(s))) }
	text(8, 32, "LINUX")
	text(40, 32, label)
	both32(b[80:], uint32(l.end))
	both16(b[120:], 1)
	both16(b[124:], 1)
	both16(b[128:], sectorSize)
	both32(b[132:], uint32(l.tableBytes))
	binary.LittleEndian.PutUint32(b[140:], uint32(l.pathTableL))
	binary.BigEndian.PutUint32(b[148:], uint32(l.pathTableM))
	copy(b[156:190], record(recordOf{id: "\x00", extent: l.dirs[0].extent, size: l.dirs[0].size, dir: true, time: l.time}))
	text(190, 128, "")                                  // volume set
	text(318, 128, "")                                  // publisher
	text(446, 128, "")                                  // data preparer
	text(574, 128, "IMGASM")                            // application
	text(702, 37*3, "")                                 // copyright, abstract, bibliographic files
	stamp := l.time.Format("20060102150405") + "00\x00" // 8.4.26.1, UTC
	copy(b[813:], stamp)                                // creation
	copy(b[830:], stamp)                                // modification
	copy(b[847:], strings.Repeat("0", 16)+"\x00")       // expiration: none
	copy(b[864:], stamp)                                // effective
	b[881] = 1
	return b
}

// terminator is ECMA-119, 8.3.
func terminator() []byte {
	b := make([]byte, sectorSize)
	b[0] = 255
	copy(b[1:], "CD001")
	b[6] = 1
	return b
}

func both16(b []byte, v uint16) {
	binary.LittleEndian.PutUint16(b, v)
	binary.BigEndian.PutUint16(b[2:], v)
}

func both32(b []byte, v uint32) {
	binary.LittleEndian.PutUint32(b, v)
	binary.BigEndian.PutUint32(b[4:], v)
}
