package rpmdb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/imgasm/imgasm/assemble/rpmdb"
	"github.com/imgasm/imgasm/internal/hosttool"
)

const page = 512 // bytes of tiny.sqlite's

// put writes a number of four bytes.
func put(data []byte, at int, n uint32) { binary.BigEndian.PutUint32(data[at:], n) }

// damage is what a stranger may do to tiny.sqlite. Its page 2 is the root of
// the table Packages, with leaves of which each cell goes on in overflow pages.
var damage = map[string]struct {
	do    func(t *testing.T, db []byte) []byte
	class error
	want  string
}{
	"page size": {func(_ *testing.T, db []byte) []byte { db[17] = 1; return db }, rpmdb.ErrCorrupt, "pages of 513 bytes"},
	"reserved":  {func(_ *testing.T, db []byte) []byte { db[20] = 255; return db }, rpmdb.ErrCorrupt, "page 1"},
	"format":    {func(_ *testing.T, db []byte) []byte { db[19] = 3; return db }, rpmdb.ErrUnsupported, "SQLite format 3"},
	"UTF-16":    {func(_ *testing.T, db []byte) []byte { db[59] = 2; return db }, rpmdb.ErrUnsupported, "UTF-16"},
	"no table": {func(_ *testing.T, db []byte) []byte {
		return bytes.ReplaceAll(db, []byte("Packages"), []byte("Packagez"))
	}, rpmdb.ErrCorrupt, "no table Packages"},
	"cut short":     {func(_ *testing.T, db []byte) []byte { return db[:4*page] }, rpmdb.ErrCorrupt, " of 4"},
	"root an index": {func(_ *testing.T, db []byte) []byte { db[page] = 2; return db }, rpmdb.ErrCorrupt, "page 2 (kind 2, with 2 cells)"},
	"many cells":    {func(_ *testing.T, db []byte) []byte { db[page+3] = 255; return db }, rpmdb.ErrCorrupt, "with 65282 cells"},
	"cell outside":  {func(_ *testing.T, db []byte) []byte { db[page+12] = 2; return db }, rpmdb.ErrCorrupt, "page 2: cell 0"},
	"tree loops":    {func(_ *testing.T, db []byte) []byte { put(db, page+8, 2); return db }, rpmdb.ErrCorrupt, "page 2 is used twice"},
	"chain loops": {func(t *testing.T, db []byte) []byte { n := overflow(t, db); put(db, page*(n-1), uint32(n)); return db },
		rpmdb.ErrCorrupt, "is used twice"},
	"chain ends": {func(t *testing.T, db []byte) []byte { put(db, page*(overflow(t, db)-1), 0); return db }, rpmdb.ErrCorrupt, "page 0 of 16"},
	"long record": {func(t *testing.T, db []byte) []byte {
		copy(db[cell(t, db):], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
		return db
	}, rpmdb.ErrCorrupt, "a record of 18446744073709551615 bytes"},
	"deep": {func(_ *testing.T, db []byte) []byte {
		for n := 2; n < 32; n++ { // each page has no cell but one to the right
			db = append(db[:page*(n-1)], make([]byte, page)...)
			db[page*(n-1)] = 5
			put(db, page*(n-1)+8, uint32(n+1))
		}
		return append(db, make([]byte, page)...)
	}, rpmdb.ErrCorrupt, "deeper than 20 pages"},
}

// cell is where the first cell of the first leaf is, and overflow its first overflow page.
func cell(t *testing.T, db []byte) int {
	leaf := db[page+int(binary.BigEndian.Uint16(db[page+12:])):]
	at := page * int(binary.BigEndian.Uint32(leaf)-1)
	if db[page] != 5 || db[at] != 13 {
		t.Fatal("tiny.sqlite has another form")
	}
	return at + int(binary.BigEndian.Uint16(db[at+8:]))
}

func overflow(t *testing.T, db []byte) int {
	at := cell(t, db)
	size := int(db[at]&0x7f)<<7 | int(db[at+1])
	local := 39 + (size-39)%508
	if local > 477 {
		local = 39
	}
	return int(binary.BigEndian.Uint32(db[at+3+local:]))
}

func TestDamage(t *testing.T) {
	for name, test := range damage {
		db := test.do(t, slices.Clone(read(t, "testdata/tiny.sqlite")))
		list, err := rpmdb.List(fstest.MapFS{newPlace: {Data: db}})
		if !errors.Is(err, test.class) || !strings.Contains(err.Error(), test.want) || len(list) > 0 {
			t.Errorf("%s: %d packages, %v", name, len(list), err)
		}
	}
}

// Every byte may be any, of the database and of its log: packages are read, or
// the error has a class.
func TestEveryByte(t *testing.T) {
	db, log := read(t, "testdata/tiny.sqlite"), read(t, "testdata/tiny.sqlite-wal")
	read, refused := 0, 0
	for _, data := range [][]byte{db, log} {
		for i := range data {
			for _, flip := range []byte{1, 0x80, 0xff} {
				data[i] ^= flip
				if hold(t, db, log) {
					read++
				} else {
					refused++
				}
				data[i] ^= flip
			}
		}
	}
	if read < 1000 || refused < 1000 {
		t.Errorf("%d read, %d refused", read, refused)
	}
}

// hold lists what stands in a database and log, if anything, and holds what is promised of errors.
func hold(t *testing.T, db, log []byte) (read bool) {
	t.Helper()
	list, err := rpmdb.List(fstest.MapFS{newPlace: {Data: db}, newPlace + "-wal": {Data: log}})
	if err == nil {
		return true
	}
	if len(list) > 0 || !classed(err) {
		t.Fatalf("%d packages, %v", len(list), err)
	}
	return false
}

// classed reports whether an error is one that List is said to return.
func classed(err error) bool {
	return errors.Is(err, rpmdb.ErrCorrupt) || errors.Is(err, rpmdb.ErrUnsupported) || errors.Is(err, rpmdb.ErrTooLarge)
}

// tagged is a header of entries: tag, type, offset, count; and data.
func tagged(data string, entries ...[4]uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(entries)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	for _, e := range entries {
		for _, n := range e {
			b = binary.BigEndian.AppendUint32(b, n)
		}
	}
	return append(b, data...)
}

func TestHeader(t *testing.T) {
	name, version, release := [4]uint32{1000, 6, 0, 1}, [4]uint32{1001, 6, 2, 1}, [4]uint32{1002, 6, 4, 1}
	for _, test := range []struct {
		blob []byte
		want string // of String, or in the error
	}{
		{tagged("n\x00v\x00r\x00", name, version, release), "n-v-r"},
		{tagged("n\x00v\x00r\x00", name, version, release, [4]uint32{1022, 6, 2, 1}, [4]uint32{9999, 77, 1 << 31, 0}), "n-v-r.v"},
		{tagged("n\x00v\x00r\x00N\x00", name, version, release, [4]uint32{1000, 6, 6, 1}), "N-v-r"}, // the later counts
		{tagged("n\x00v\x00r\x00", name, version), "no name, version or release"},
		{tagged("n\x00v\x00r", name, version, release), "tag 1002: the string has no end"},
		{tagged("n\x00v\x00r\x00", name, version, [4]uint32{1002, 6, 6, 1}), "tag 1002: type 6, 1 values at 6 of 6"},
		{tagged("n\x00v\x00r\x00", name, version, [4]uint32{1002, 6, math.MaxUint32, 1}), "tag 1002: type 6, 1 values at 4294967295 of 6"},
		{tagged("n\x00v\x00r\x00", name, version, [4]uint32{1002, 6, 4, 0}), "tag 1002: type 6, 0 values"},
		{tagged("n\x00v\x00r\x00", name, version, [4]uint32{1002, 4, 0, 1}), "tag 1002: type 4"},
		{tagged("n\x00v\x00r\x00", name, version, release, [4]uint32{1003, 4, 4, 1}), "tag 1003: the number has no end"},
		{tagged("n\x00v\x00r\x00", name, version, release, [4]uint32{5009, 5, 0, 1}), "tag 5009: the number has no end"},
		{tagged("v\x00"+strings.Repeat("n", 1<<20+1)+"\x00", version, release, [4]uint32{1000, 6, 2, 1}), "tag 1000: a string of 1048577 bytes"},
		{nil, "a header of 0 bytes"},
		{make([]byte, 9), "a header of 0 entries and 0 bytes of data in 9 bytes"},
		{bytes.Repeat([]byte{0xff}, 64), "a header of 4294967295 entries and 4294967295 bytes of data in 64 bytes"},
	} {
		p, err := rpmdb.Parse(test.blob)
		if err == nil && p.String() != test.want || err != nil && (!classed(err) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%.99q, %v; want %s", p, err, test.want)
		}
	}
}

// TestBounds holds the bounds that the package's comment names.
func TestBounds(t *testing.T) {
	sqlite := hosttool.Find(t, "sqlite3", "sqlite3")
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	least := file("least", tagged("n\x00v\x00r\x00", [4]uint32{1000, 6, 0, 1}, [4]uint32{1001, 6, 2, 1}, [4]uint32{1002, 6, 4, 1}))
	long := file("long", tagged("v\x00"+strings.Repeat("n", 1<<20)+"\x00", [4]uint32{1000, 6, 2, 1}, [4]uint32{1001, 6, 0, 1}, [4]uint32{1002, 6, 0, 1}))
	huge := file("huge", make([]byte, 64<<20))
	for _, test := range []struct {
		header string
		rows   int
		pages  int64 // that the file is made to have, where not 0
		want   string
	}{
		{least, 1 << 17, 0, ""},
		{least, 1<<17 + 1, 0, "more than 131072 packages"},
		{long, 63, 0, ""},
		{long, 64, 0, "67108864 bytes of text"},
		{least, 1, 1 << 20, ""},
		{least, 1, 1<<20 + 1, "1048577 pages in the database"},
		{huge, 1, 0, "a record of 67108"},
	} {
		root := t.TempDir()
		db := filepath.Join(root, newPlace)
		if err := os.MkdirAll(filepath.Dir(db), 0o700); err != nil {
			t.Fatal(err)
		}
		sql(t, sqlite, db, fmt.Sprintf(`PRAGMA synchronous = OFF;
			CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL);
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO Packages SELECT i, readfile('%s') FROM n;`, test.rows, test.header))
		if test.pages != 0 {
			if err := os.Truncate(db, test.pages*4096); err != nil {
				t.Fatal(err)
			}
		}
		list, err := rpmdb.List(os.DirFS(root))
		if test.want == "" && (err != nil || len(list) != test.rows) || test.want != "" && (!errors.Is(err, rpmdb.ErrTooLarge) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%d of %s: %d packages, %v", test.rows, test.header, len(list), err)
		}
	}
}

// seal makes a log's checksums right, as a stranger would.
func seal(log []byte) {
	if len(log) < 32 {
		return
	}
	var s0, s1 uint32
	add := func(b []byte) {
		order := binary.ByteOrder(binary.LittleEndian)
		if log[3]&1 == 1 {
			order = binary.BigEndian
		}
		for ; len(b) >= 8; b = b[8:] {
			s0 += order.Uint32(b) + s1
			s1 += order.Uint32(b[4:]) + s0
		}
	}
	add(log[:24])
	put(log, 24, s0)
	put(log, 28, s1)
	for f := log[32:]; len(f) >= 24+page; f = f[24+page:] {
		copy(f[8:16], log[16:24])
		add(f[:8])
		add(f[24 : 24+page])
		put(f, 16, s0)
		put(f, 20, s1)
	}
}

func FuzzDatabase(f *testing.F) {
	db, log := read(f, "testdata/tiny.sqlite"), read(f, "testdata/tiny.sqlite-wal")
	sealed := slices.Clone(log)
	if seal(sealed); !bytes.Equal(sealed, log) {
		f.Fatal("the checksums are not SQLite's")
	}
	f.Add(db, log)
	f.Add(db, []byte{})
	f.Fuzz(func(t *testing.T, db, log []byte) {
		if len(db) > 64<<10 || len(log) > 64<<10 {
			return
		}
		log = slices.Clone(log)
		seal(log)
		hold(t, db, log)
	})
}

func FuzzHeader(f *testing.F) {
	f.Add(tagged("n\x00v\x00r\x00", [4]uint32{1000, 6, 0, 1}, [4]uint32{1001, 9, 2, 1}, [4]uint32{1002, 8, 4, 1}, [4]uint32{1003, 4, 0, 1}, [4]uint32{5009, 5, 0, 1}))
	f.Fuzz(func(t *testing.T, blob []byte) {
		p, err := rpmdb.Parse(blob)
		if err != nil && !classed(err) {
			t.Fatal(err)
		}
		if err == nil && rpmdb.Compare(p, p) != 0 {
			t.Errorf("%q is not itself", p)
		}
	})
}

// A page's cells may be the same one many times: the rows of the schema are counted.
func TestManyTables(t *testing.T) {
	sqlite := hosttool.Find(t, "sqlite3", "sqlite3")
	path := filepath.Join(t.TempDir(), "rpmdb.sqlite")
	var sql strings.Builder
	sql.WriteString("BEGIN;")
	for n := range 5000 {
		fmt.Fprintf(&sql, "CREATE TABLE t%d(x);", n)
	}
	sql.WriteString("COMMIT;")
	cmd := exec.Command(sqlite, path)
	cmd.Stdin = strings.NewReader(sql.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rpmdb.List(fstest.MapFS{"var/lib/rpm/rpmdb.sqlite": {Data: data}}); !errors.Is(err, rpmdb.ErrTooLarge) {
		t.Error(err)
	}
}
