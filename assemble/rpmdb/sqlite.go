// As much of SQLite's file format as reading one table takes. Sections are of
// "Database File Format" (sqlite.org/fileformat2.html).

package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

const (
	databaseMagic = "SQLite format 3\x00"
	headerSize    = 100
	// maxDepth is far more than a B-tree of 2³² pages needs, and what SQLite itself takes.
	maxDepth = 20
)

// source is a file of a known length.
type source struct {
	io.ReaderAt
	size int64
}

// full fills buf from off; an end before that is ErrCorrupt.
func (s source) full(buf []byte, off int64) error {
	if off < 0 || off > s.size-int64(len(buf)) {
		return corrupt("%d bytes at %d of a file of %d", len(buf), off, s.size)
	}
	n, err := s.ReadAt(buf, off)
	switch {
	case n == len(buf):
		return nil
	case err == nil || errors.Is(err, io.EOF):
		return corrupt("%d bytes at %d: the file is shorter than it said", len(buf), off)
	}
	return err
}

// database is the state that SQLite would show to a new reader: the file, with
// the last committed frames of its write-ahead log over it.
type database struct {
	file     source
	log      wal
	pageSize int
	usable   int    // bytes of a page without those reserved at its end
	pages    uint32 // their number, from 1 on
	// seen has a bit for each page that was used. A page is used once, which
	// ends every walk, after no more pages than the file has.
	seen []uint64
}

// openDatabase reads the header (1.3) of file, and log, which may be empty.
func openDatabase(file, log source) (*database, error) {
	head := make([]byte, headerSize)
	if file.size < headerSize {
		return nil, corrupt("%d bytes are no SQLite database", file.size)
	}
	if err := file.full(head, 0); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(head, []byte(databaseMagic)) {
		return nil, corrupt("not an SQLite database")
	}
	d := &database{file: file, pageSize: pageSize(head)}
	if d.pageSize < 512 || d.pageSize&(d.pageSize-1) != 0 {
		return nil, corrupt("pages of %d bytes", d.pageSize)
	}
	count := file.size / int64(d.pageSize)
	if count > maxPages {
		return nil, tooLarge("%d pages in the database, more than %d", count, maxPages)
	}
	d.pages = uint32(count)
	var err error
	if d.log, err = readLog(log, d.pageSize); err != nil {
		return nil, err
	}
	if d.log.commit != 0 {
		d.pages = d.log.commit
	}
	d.seen = make([]uint64, d.pages/64+1)
	return d, d.checkHeader()
}

// checkHeader looks at the header of the newest page 1.
func (d *database) checkHeader() error {
	page := make([]byte, d.pageSize)
	if err := d.read(1, page); err != nil {
		return err
	}
	d.usable = d.pageSize - int(page[20])
	switch encoding := binary.BigEndian.Uint32(page[56:]); {
	case !bytes.HasPrefix(page, []byte(databaseMagic)) || pageSize(page) != d.pageSize || d.usable < 480:
		return corrupt("the header of page 1 is not one")
	case page[19] > 2:
		return unsupported("SQLite format %d", page[19])
	case encoding > 1: // 0 is that of a database without tables
		return unsupported("text in UTF-16")
	}
	return nil
}

func pageSize(head []byte) int {
	n := int(binary.BigEndian.Uint16(head[16:]))
	if n == 1 {
		return 65536
	}
	return n
}

// read fills buf, of a page, with page n, from 1 on.
func (d *database) read(n uint32, buf []byte) error {
	if n == 0 || n > d.pages {
		return corrupt("page %d of %d", n, d.pages)
	}
	if off, ok := d.log.frames[n]; ok {
		return d.log.file.full(buf, off)
	}
	return d.file.full(buf, int64(n-1)*int64(d.pageSize))
}

// use is read of a page that nothing else has used.
func (d *database) use(n uint32, buf []byte) error {
	if err := d.read(n, buf); err != nil {
		return err
	}
	if d.seen[n/64]&(1<<(n%64)) != 0 {
		return corrupt("page %d is used twice", n)
	}
	d.seen[n/64] |= 1 << (n % 64)
	return nil
}

// rows calls visit with every record of a table, in order. It may keep the record.
func (d *database) rows(table string, visit func(rowid int64, r record) error) error {
	var root uint32
	tables := 0
	// The schema is the table at page 1: type, name, tbl_name, rootpage, sql (2.6).
	err := d.walk(1, 0, func(_ int64, r record) error {
		if tables++; tables > maxTables { // cells may stand in a page many times
			return tooLarge("more than %d rows in the schema", maxTables)
		}
		kind, err := r.text(0)
		if err != nil {
			return err
		}
		name, err := r.text(1)
		if err != nil {
			return err
		}
		if kind != "table" || !strings.EqualFold(name, table) {
			return nil
		}
		page, err := r.integer(3)
		if err == nil && (page < 2 || page > int64(d.pages)) {
			err = corrupt("the root of table %s is page %d of %d", table, page, d.pages)
		}
		root = uint32(page)
		return err
	})
	switch {
	case err != nil:
		return err
	case root == 0:
		return corrupt("there is no table %s", table)
	}
	return d.walk(root, 0, visit)
}

// walk visits the table B-tree (1.6) below page n.
func (d *database) walk(n uint32, depth int, visit func(rowid int64, r record) error) error {
	if depth > maxDepth {
		return corrupt("a B-tree is deeper than %d pages", maxDepth)
	}
	page := make([]byte, d.pageSize)
	if err := d.use(n, page); err != nil {
		return err
	}
	page = page[:d.usable]
	head := 0
	if n == 1 {
		head = headerSize
	}
	kind, cells := page[head], int(binary.BigEndian.Uint16(page[head+3:]))
	pointers := head + 8
	if kind == interiorTable {
		pointers += 4
	}
	if kind != interiorTable && kind != leafTable || pointers+2*cells > len(page) {
		return corrupt("page %d (kind %d, with %d cells) is not one of a table", n, kind, cells)
	}
	for i := range cells {
		at := int(binary.BigEndian.Uint16(page[pointers+2*i:]))
		if at < pointers+2*cells || at > len(page)-4 {
			return corrupt("page %d: cell %d begins at %d", n, i, at)
		}
		var err error
		if kind == interiorTable {
			err = d.walk(binary.BigEndian.Uint32(page[at:]), depth+1, visit)
		} else {
			err = d.leaf(page[at:], visit)
		}
		if err != nil {
			return err
		}
	}
	if kind == interiorTable {
		return d.walk(binary.BigEndian.Uint32(page[head+8:]), depth+1, visit)
	}
	return nil
}

// Kinds of pages (1.6).
const (
	interiorTable = 5
	leafTable     = 13
)

// leaf visits the record of a cell of a leaf page.
func (d *database) leaf(cell []byte, visit func(rowid int64, r record) error) error {
	size, cell, err := varint(cell)
	if err != nil {
		return err
	}
	rowid, cell, err := varint(cell)
	if err != nil {
		return err
	}
	r, err := d.payload(cell, size)
	if err != nil {
		return err
	}
	return visit(int64(rowid), r)
}

// payload is the record of size bytes that begins in a cell and goes on in
// overflow pages (1.6, 1.7).
func (d *database) payload(cell []byte, size uint64) (record, error) {
	if size > uint64(d.pages)*uint64(d.pageSize) {
		return nil, corrupt("a record of %d bytes in a database of %d pages", size, d.pages)
	}
	if size > maxBlob {
		return nil, tooLarge("a record of %d bytes, more than %d", size, maxBlob)
	}
	local := d.local(int(size))
	whole := local == int(size)
	if local > len(cell) || !whole && local+4 > len(cell) {
		return nil, corrupt("a record of %d bytes leaves its page", size)
	}
	if whole {
		return cell[:local], nil
	}
	r := append(make(record, 0, size), cell[:local]...)
	next, page := binary.BigEndian.Uint32(cell[local:]), make([]byte, d.pageSize)
	for len(r) < int(size) {
		if err := d.use(next, page); err != nil {
			return nil, err
		}
		next = binary.BigEndian.Uint32(page)
		r = append(r, page[4:min(d.usable, 4+int(size)-len(r))]...)
	}
	return r, nil
}

// local is how many bytes of a record of size are in its cell (1.6, "X", "M" and "K").
func (d *database) local(size int) int {
	most, least := d.usable-35, (d.usable-12)*32/255-23
	if size <= most {
		return size
	}
	if k := least + (size-least)%(d.usable-4); k <= most {
		return k
	}
	return least
}
