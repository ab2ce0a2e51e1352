package nixdisk

// As much of SQLite's file format as it takes to write sorted rows once, front
// to back: "Database File Format" (sqlite.org/fileformat2.html), whose sections
// are named. Nothing overflows a page: rows are as long as a store path or two.

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	pageBytes = 4096
	// maxRecord is what an index keeps in one page: more would overflow (1.6).
	maxRecord = (pageBytes-12)*64/255 - 23

	// Kinds of pages (1.6).
	interiorIndex = 2
	interiorTable = 5
	leafIndex     = 10
	leafTable     = 13

	databaseHeader = 100 // bytes at the front of page 1
	pageHeader     = 12  // bytes of a page's header, at most
)

// database is an SQLite database in the making.
type database struct {
	pages  [][]byte // from number 2 on; page 1 is the schema
	schema [][]byte // records of the table sqlite_schema
}

// add gives a tree its row in the schema; sql is nil for an index that a
// constraint makes.
func (d *database) add(kind, name, table string, root uint32, sql any) {
	d.schema = append(d.schema, record(kind, name, table, int64(root), sql))
}

// table adds a table of records by rowid, from 1 on, with none left out.
func (d *database) table(name, sql string, rows [][]byte) {
	cells := make([][]byte, len(rows))
	for i, row := range rows {
		cells[i] = append(varint(varint(nil, uint64(len(row))), uint64(i+1)), row...)
	}
	d.add("table", name, name, d.tree(cells, true), sql)
}

// index adds an index of records that are sorted.
func (d *database) index(name, table string, sql any, rows [][]byte) {
	cells := make([][]byte, len(rows))
	for i, row := range rows {
		cells[i] = append(varint(nil, uint64(len(row))), row...)
	}
	d.add("index", name, table, d.tree(cells, false), sql)
}

// child is a page of a tree with what divides it from the next: the cell above
// it, without the page's number.
type child struct {
	page    uint32
	divider []byte
}

// tree writes a B-tree of cells and returns its root.
func (d *database) tree(cells [][]byte, table bool) uint32 {
	leaf, interior := byte(leafIndex), byte(interiorIndex)
	if table {
		leaf, interior = leafTable, interiorTable
	}
	level := []child{}
	for from := 0; from < len(cells) || len(level) == 0; {
		to := fill(from, cells)
		c := child{}
		switch {
		case to == len(cells):
		case table: // the last rowid here, which is its number
			c.divider = varint(nil, uint64(to))
		default: // a cell that stands in no leaf
			if to == len(cells)-1 { // which must not be the last one: a leaf follows
				to--
			}
			c.divider = cells[to]
		}
		c.page = d.page(leaf, 0, cells[from:to])
		level = append(level, c)
		if from = to; !table && c.divider != nil {
			from++
		}
	}
	for len(level) > 1 {
		level = d.above(level, interior)
	}
	return level[0].page
}

// above writes the pages above a level.
func (d *database) above(level []child, kind byte) (up []child) {
	cells := make([][]byte, len(level))
	for i, c := range level {
		cells[i] = append(binary.BigEndian.AppendUint32(nil, c.page), c.divider...)
	}
	for from := 0; from < len(level); {
		to := min(fill(from, cells), len(level)-1) // the child that has no cell
		if to == len(level)-2 {                    // the next page needs a cell too
			to--
		}
		up = append(up, child{d.page(kind, level[to].page, cells[from:to]), level[to].divider})
		from = to + 1
	}
	return up
}

// fill is how far the cells go that one page can hold.
func fill(from int, cells [][]byte) int {
	room := pageBytes - pageHeader
	for i := from; i < len(cells); i++ {
		if room -= len(cells[i]) + 2; room < 0 {
			return i
		}
	}
	return len(cells)
}

// page adds a page and returns its number. right is the last child of an
// interior one.
func (d *database) page(kind byte, right uint32, cells [][]byte) uint32 {
	b := make([]byte, pageBytes)
	writePage(b, 0, kind, right, cells)
	d.pages = append(d.pages, b)
	return uint32(len(d.pages) + 1)
}

// writePage writes a page whose header begins at head (1.6).
func writePage(b []byte, head int, kind byte, right uint32, cells [][]byte) {
	b[head] = kind
	pointers := head + 8
	if kind == interiorIndex || kind == interiorTable {
		binary.BigEndian.PutUint32(b[pointers:], right)
		pointers += 4
	}
	end := len(b)
	for i, c := range cells {
		end -= len(c)
		copy(b[end:], c)
		binary.BigEndian.PutUint16(b[pointers+2*i:], uint16(end))
	}
	binary.BigEndian.PutUint16(b[head+3:], uint16(len(cells)))
	binary.BigEndian.PutUint16(b[head+5:], uint16(end))
}

// bytes is the whole file.
func (d *database) bytes() ([]byte, error) {
	first := make([]byte, pageBytes, pageBytes*(1+len(d.pages)))
	var cells [][]byte
	room := pageBytes - databaseHeader - 8
	for i, row := range d.schema {
		cell := append(varint(varint(nil, uint64(len(row))), uint64(i+1)), row...)
		cells = append(cells, cell)
		room -= len(cell) + 2
	}
	if room < 0 {
		return nil, fmt.Errorf("the schema is %d bytes too long for a page", -room)
	}
	copy(first, "SQLite format 3\x00") // 1.3
	be := binary.BigEndian
	be.PutUint16(first[16:], pageBytes)
	first[18], first[19] = 1, 1                      // a rollback journal, to read and to write
	first[21], first[22], first[23] = 64, 32, 32     // payload fractions
	be.PutUint32(first[24:], 1)                      // change counter
	be.PutUint32(first[28:], uint32(1+len(d.pages))) // pages
	be.PutUint32(first[40:], 1)                      // schema cookie
	be.PutUint32(first[44:], 4)                      // schema format
	be.PutUint32(first[56:], 1)                      // UTF-8
	be.PutUint32(first[92:], 1)                      // the change counter for which the version is valid
	be.PutUint32(first[96:], 3_040_001)              // the version of SQLite whose format this is
	writePage(first, databaseHeader, leafTable, 0, cells)
	for _, p := range d.pages {
		first = append(first, p...)
	}
	return first, nil
}

// record is a row of NULLs (nil), int64s and strings (2.1).
func record(columns ...any) []byte {
	var types, content []byte
	for _, c := range columns {
		switch c := c.(type) {
		case string:
			types = varint(types, uint64(13+2*len(c)))
			content = append(content, c...)
		case int64:
			kind, size := integer(c)
			types = append(types, kind)
			content = append(content, binary.BigEndian.AppendUint64(nil, uint64(c))[8-size:]...)
		default:
			types = append(types, 0)
		}
	}
	header := len(types) + 1
	if header > 127 { // its own length takes two bytes
		header++
	}
	return append(append(varint(nil, uint64(header)), types...), content...)
}

// integer is the type of a number, and the bytes that it takes.
func integer(n int64) (kind byte, size int) {
	if n == 0 || n == 1 {
		return byte(8 + n), 0
	}
	switch width := bits.Len64(uint64(max(n, ^n))) + 1; {
	case width <= 32:
		size = (width + 7) / 8
		return byte(size), size
	case width <= 48:
		return 5, 6
	}
	return 6, 8
}

// varint appends a number (1.6); none here has more than 56 bits.
func varint(b []byte, n uint64) []byte {
	for shift := 49; shift > 0; shift -= 7 {
		if n>>shift != 0 {
			b = append(b, byte(n>>shift)|0x80)
		}
	}
	return append(b, byte(n&0x7f))
}
