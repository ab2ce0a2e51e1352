package lvm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/golden"
)

// disk is what testdata/make.sh made: two physical volumes at 1 and 9 MiB.
func disk(t testing.TB) []byte {
	t.Helper()
	b, err := golden.Unzstd("testdata/lvm.img.zst")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func members(b []byte) []Member {
	return []Member{{Reader: bytes.NewReader(b[1<<20 : 9<<20]), Bytes: 8 << 20}, {Reader: bytes.NewReader(b[9<<20 : 17<<20]), Bytes: 8 << 20}}
}

func told(all []Volume, errs []error) string {
	var b strings.Builder
	for _, v := range all {
		fmt.Fprintf(&b, "%s/%s %d KiB at %d of %d: %s\n", v.Group, v.Name, v.Bytes>>10, v.Start>>10, v.Member, v.Unread)
	}
	fmt.Fprint(&b, errs)
	return b.String()
}

// TestRead compares with what lvs said when the image was made.
func TestRead(t *testing.T) {
	b := disk(t)
	all, errs := Read(members(b))
	want := `al-ma/root 6144 KiB at 1024 of 0: 
al-ma/s_1 512 KiB at 2048 of 0: 
al-ma/stripes 256 KiB at 0 of -1: imgasm reads no logical volume that is striped
[<nil> <nil>]`
	if got := told(all, errs); got != want {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
	const extent = 128 << 10
	one, two := b[2<<20:], b[10<<20:]
	root := bytes.Join([][]byte{one[:8*extent], one[12*extent : 32*extent], two[:20*extent]}, nil)
	for _, c := range []struct{ off, n int }{{0, len(root)}, {8*extent - 7, 14}, {28*extent - 1, 2}, {28 * extent, 5}, {len(root) - 3, 3}} {
		got := make([]byte, c.n)
		if n, err := all[0].ReadAt(got, int64(c.off)); n != c.n || err != nil || !bytes.Equal(got, root[c.off:c.off+c.n]) {
			t.Errorf("%d bytes at %d: %d, %v", c.n, c.off, n, err)
		}
	}
	if n, err := all[0].ReadAt(make([]byte, 5), int64(len(root)-3)); n != 3 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	all, errs = Read(members(b)[:1])
	if got := told(all, errs); !strings.HasPrefix(got, "al-ma/root 6144 KiB at 1024 of 0: a physical volume of it is not in the image\nal-ma/s_1 512 KiB at 2048 of 0: \n") {
		t.Errorf("one of two: %s", got)
	}
}

// member is a physical volume whose only text this is.
func member(text string) Member {
	b := make([]byte, 8<<10+len(text))
	le := binary.LittleEndian
	copy(b[sector:], "LABELONE")
	le.PutUint32(b[sector+20:], 32)
	copy(b[sector+24:], "LVM2 001")
	lists := b[sector+32+40+16:] // an empty one, then that of metadata
	le.PutUint64(lists, 4096)
	le.PutUint64(lists[8:], uint64(sector+len(text)))
	area := b[4096:]
	copy(area[4:], " LVM2 x[5A%r0N*>")
	le.PutUint64(area[40:], sector)
	le.PutUint64(area[48:], uint64(len(text)))
	copy(area[sector:], text)
	reseal(area)
	return Member{Reader: bytes.NewReader(b), Bytes: int64(len(b))}
}

// TestMany: many physical volumes take no more memory than one, and many groups have
// no more volumes.
func TestMany(t *testing.T) {
	var text strings.Builder
	for i := range 2 * maxVolumes {
		fmt.Fprintf(&text, "g%d { id = \"%[1]d\" logical_volumes { a { status = [\"VISIBLE\"] } } }\n", i)
	}
	all, errs := Read([]Member{member(text.String())})
	if len(all) != maxVolumes || errs[0] != nil {
		t.Errorf("%d volumes, %v", len(all), errs)
	}
	large := strings.Repeat(" ", maxText/2+1)
	if _, errs := Read([]Member{member(large), member(large)}); errs[0] != nil || !errors.Is(errs[1], ErrDamaged) {
		t.Error(errs)
	}
}

// change changes the text of a member's group, and its checksum.
func change(t testing.TB, member []byte, old, instead string) {
	t.Helper()
	area := member[4096:] // where pvcreate puts it
	le := binary.LittleEndian
	from, size := le.Uint64(area[40:]), le.Uint64(area[48:])
	text := area[from : from+size]
	if !bytes.Contains(text, []byte(old)) || len(old) != len(instead) {
		t.Fatalf("no %q", old)
	}
	copy(text, bytes.ReplaceAll(text, []byte(old), []byte(instead)))
	reseal(area)
}

// reseal puts the checksums of a text and its header into the header.
func reseal(area []byte) {
	le := binary.LittleEndian
	text := area[le.Uint64(area[40:]):][:le.Uint64(area[48:])]
	le.PutUint32(area[56:], ^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, text))
	le.PutUint32(area, ^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, area[4:512]))
}

func TestHostile(t *testing.T) {
	b := disk(t)
	for old, c := range map[string]struct{ instead, want string }{
		"extent_count = 20": {"extent_count = 90", "damaged LVM: 90 extents at 12 of pv0"},
		"\"pv0\", 12":       {"\"pv0\", 99", "damaged LVM: 20 extents at 99 of pv0"},
		"start_extent = 8":  {"start_extent = 9", "damaged LVM: 20 extents from 9 on"},
		"segment2":          {"segment7", "damaged LVM: 0 extents from 0 on"},
		"extent_size = 256": {"extent_size = -99", "al-ma/root"},
		"segment_count = 3": {"segment_count = 0", "al-ma/root 0 KiB"},
		"al-ma {":           {"al-ma [", "its text is no configuration"},
		"seqno = ":          {"seqno { ", "its text is no configuration"},
	} {
		changed := bytes.Clone(b)
		for _, at := range []int{1 << 20, 9 << 20} {
			change(t, changed[at:], old, c.instead)
		}
		all, errs := Read(members(changed))
		if got := told(all, errs); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", c.instead, got)
		}
		for _, v := range all {
			_, _ = v.ReadAt(make([]byte, 10), 0)
		}
	}
	for _, from := range []int{sector, 4096} { // its label, and the header of its text
		for at := 1<<20 + from; at < 1<<20+from+sector; at++ {
			b[at] ^= 0xff
			if _, errs := Read(members(b)); errs[0] != nil && !errors.Is(errs[0], ErrDamaged) {
				t.Errorf("byte %d: %v", at, errs[0])
			}
			b[at] ^= 0xff
		}
	}
}

func FuzzParseText(f *testing.F) {
	f.Add("a { b = \"c\\\"d\" # e\n f = [ \"g\", 1 ] h { i = -2 j = 0.5 } }")
	f.Add("a = [ [")
	f.Fuzz(func(t *testing.T, text string) { _, _ = parseText(text) })
}

func TestParseText(t *testing.T) {
	s, err := parseText("# x\na { b = \"c\\\"d\\\\\" # e\n f=[\"g\",1] h {i=-2 } }\n\x00")
	if got := fmt.Sprint(s); err != nil || got != `map[a:map[b:c"d\ f:[g 1] h:map[i:-2]]]` {
		t.Errorf("%s, %v", got, err)
	}
	for _, text := range []string{"a", "a {", "a = ", "a = [ 1", "}", "a = \"b", "a { b = 1", strings.Repeat("a {", 100) + strings.Repeat("}", 100)} {
		if s, err := parseText(text); err == nil {
			t.Errorf("%q: %v", text, s)
		}
	}
}
