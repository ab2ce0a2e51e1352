package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// sfdisk writes a table, given as sfdisk reads it, to a new disk of 64 MiB.
func sfdisk(t testing.TB, script string) string {
	t.Helper()
	image := blankDisk(t, 64<<20)
	cmd := exec.Command(hosttool.Find(t, "sfdisk", "fdisk"), image)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sfdisk: %v\n%s", err, out)
	}
	return image
}

func readTable(t testing.TB, image string) (*Table, error) {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return ReadTable(f, info.Size())
}

// testGUID is one that nothing else has.
func testGUID(n int) string { return fmt.Sprintf("01234567-89AB-4CDE-8F01-23456789AB%02d", n) }

// sgdisk's tables, also after the one at the front is gone, and go-diskfs's view of them.
func TestReadGPTOfSgdisk(t *testing.T) {
	image := blankDisk(t, 64<<20)
	sgdisk(t, image, "-U", testGUID(0), "-n", "1:2048:+20M", "-t", "1:ef00", "-c", "1:EFI System Partition", "-n", "5:0:+1M", "-t", "5:ef02", "-n", "3:0:0", "-t", "3:8300", "-c", "3:größe 😀",
		"-u", "1:"+testGUID(1), "-u", "3:"+testGUID(3), "-u", "5:"+testGUID(5))
	want := &Table{Kind: "GPT", GUID: testGUID(0), Parts: []Entry{
		{1, TypeESP, "EFI System Partition", testGUID(1), 1 << 20, 20 << 20},
		{3, TypeLinux, "größe 😀", testGUID(3), 22 << 20, 64<<20 - 22<<20 - 33*SectorSize},
		{5, TypeBIOSBoot, "", testGUID(5), 21 << 20, 1 << 20},
	}}
	got, err := readTable(t, image)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other, err := gpt.Read(file.New(f, true), SectorSize, SectorSize)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range want.Parts {
		if o := other.Partitions[i]; o.Index != p.Number || string(o.Type) != p.Type || int64(o.Start)*SectorSize != p.StartBytes || int64(o.Size) != p.SizeBytes || o.Name != p.Name {
			t.Errorf("go-diskfs has %+v for %+v", o, p)
		}
	}
	if _, err := f.WriteAt(make([]byte, SectorSize), SectorSize); err != nil {
		t.Fatal(err)
	}
	want.Backup = true
	if got, err := readTable(t, image); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("without the first: %+v, %v\nwant %+v", got, err, want)
	}
}

// fdisk's table of a disk with large sectors is no damaged one.
func TestReadGPTLargeSectors(t *testing.T) {
	image := blankDisk(t, 64<<20)
	fdisk := exec.Command(hosttool.Find(t, "fdisk", "fdisk"), "-b", "4096", image)
	fdisk.Stdin = strings.NewReader("g\nn\n\n\n\nw\n")
	if out, err := fdisk.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if table, err := readTable(t, image); err == nil || !strings.Contains(err.Error(), "sectors of 4096 bytes") {
		t.Errorf("%+v, %v", table, err)
	}
}

func TestReadMBROfSfdisk(t *testing.T) {
	got, err := readTable(t, sfdisk(t, `label: dos
label-id: 0x1a2b3c4d
start=1MiB, size=10MiB, type=ef, bootable
start=11MiB, size=20MiB, type=5
start=12MiB, size=2MiB, type=83
start=15MiB, size=3MiB, type=82
start=40MiB, size=4MiB, type=8e
`))
	want := &Table{Kind: "MBR", GUID: "1a2b3c4d", Parts: []Entry{
		{1, "0xef", "", "1a2b3c4d-01", 1 << 20, 10 << 20},
		{3, "0x8e", "", "1a2b3c4d-03", 40 << 20, 4 << 20},
		{5, "0x83", "", "1a2b3c4d-05", 12 << 20, 2 << 20},
		{6, "0x82", "", "1a2b3c4d-06", 15 << 20, 3 << 20},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
}

func TestReadTableNone(t *testing.T) {
	for name, b := range map[string][]byte{
		"blank":             make([]byte, 1<<20),
		"a FAT boot sector": append([]byte("\xeb\x58\x90"), bytes.Repeat([]byte{0x90}, 1<<20)...),
	} {
		copy(b[510:], "\x55\xaa")
		if name == "blank" {
			clear(b)
		}
		if _, err := ReadTable(bytes.NewReader(b), int64(len(b))); !errors.Is(err, ErrNoTable) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadTable(bytes.NewReader(nil), 0); err == nil || errors.Is(err, ErrNoTable) {
		t.Errorf("no disk at all: %v", err)
	}
}

// signGPT makes the checksums of a changed table right.
func signGPT(d []byte) {
	le := binary.LittleEndian
	h := d[SectorSize : 2*SectorSize]
	at, n := int64(le.Uint64(h[72:]))*SectorSize, int64(le.Uint32(h[80:]))*int64(le.Uint32(h[84:]))
	if at >= 0 && at <= int64(len(d)) && n >= 0 && n <= int64(len(d))-at {
		le.PutUint32(h[88:], crc32.ChecksumIEEE(d[at:at+n]))
	}
	clear(h[16:20])
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:min(SectorSize, le.Uint32(h[12:]))]))
}

// A table that asks for more than there is gets nothing.
func TestReadTableHostile(t *testing.T) {
	l := testLayout()
	head, _, err := l.encode()
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	const header, entries = SectorSize, 2 * SectorSize
	for _, c := range []struct {
		name   string
		change func(d []byte)
		want   string
	}{
		{"512 GiB of entries", func(d []byte) { le.PutUint32(d[header+80:], 0xffffffff) }, "4294967295 entries of 128 bytes"},
		{"entries of 4 GiB", func(d []byte) { le.PutUint32(d[header+84:], 0xfffffff8) }, "entries of 4294967288 bytes"},
		{"entries of 0 bytes", func(d []byte) { le.PutUint32(d[header+84:], 0) }, "entries of 0 bytes"},
		{"entries behind the disk", func(d []byte) { le.PutUint64(d[header+72:], 1<<40) }, "outside of the disk"},
		{"entries at the last byte", func(d []byte) { le.PutUint64(d[header+72:], uint64(l.SizeBytes/SectorSize)) }, "unexpected EOF"},
		{"entries at a negative byte", func(d []byte) { le.PutUint64(d[header+72:], 1<<63) }, "outside of the disk"},
		{"header of 4 GiB", func(d []byte) { le.PutUint32(d[header+12:], 0xffffffff) }, "header of 4294967295 bytes"},
		{"header of 0 bytes", func(d []byte) { le.PutUint32(d[header+12:], 0) }, "header of 0 bytes"},
		{"another sector's header", func(d []byte) { le.PutUint64(d[header+24:], 7) }, "a header for sector 7"},
		{"partition ends before it begins", func(d []byte) { le.PutUint64(d[entries+40:], 1) }, "partition 1"},
		{"partition in sector 0", func(d []byte) { le.PutUint64(d[entries+32:], 0) }, "partition 1"},
		{"partition past the end", func(d []byte) { le.PutUint64(d[entries+128+40:], 1<<63) }, "partition 2"},
	} {
		d := bytes.Clone(head)
		c.change(d)
		signGPT(d)
		_, err := ReadTable(patched{d, l.SizeBytes}, l.SizeBytes)
		if err == nil || errors.Is(err, ErrNoTable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
	// A chain of boot records that leads back to its beginning.
	d := make([]byte, 3*SectorSize)
	mbr := func(sector int, entries ...mbrEntry) {
		b := d[sector*SectorSize:]
		copy(b[510:], "\x55\xaa")
		for i, e := range entries {
			b[mbrTable+16*i+4] = e.kind
			le.PutUint32(b[mbrTable+16*i+8:], e.start)
			le.PutUint32(b[mbrTable+16*i+12:], e.count)
		}
	}
	mbr(0, mbrEntry{5, 1, 100})
	mbr(1, mbrEntry{0x83, 1, 1}, mbrEntry{5, 0, 10})
	if _, err := ReadTable(bytes.NewReader(d), int64(len(d))); err == nil || !strings.Contains(err.Error(), "more than 128 logical partitions") {
		t.Errorf("chain in a circle: %v", err)
	}
	mbr(1, mbrEntry{0x83, 0xffffffff, 0xffffffff}, mbrEntry{5, 0, 10})
	if _, err := ReadTable(bytes.NewReader(d), int64(len(d))); err == nil {
		t.Error("a logical partition at 2 TiB was accepted")
	}
}

// Whatever a guest wrote to both ends of the disk.
func FuzzReadTable(f *testing.F) {
	head, tail, err := testLayout().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(head, tail, true)
	d := make([]byte, 4*SectorSize)
	copy(d[510:], "\x55\xaa")
	copy(d[mbrTable:], "\x00\x00\x00\x00\x05\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00\xef\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00")
	f.Add(d, []byte{}, false)
	f.Fuzz(func(t *testing.T, head, tail []byte, sign bool) {
		const size = 1 << 20
		d := make([]byte, size)
		copy(d, head)
		if len(tail) < size {
			copy(d[size-len(tail):], tail)
		}
		if sign {
			signGPT(d)
		}
		count := &countingReader{r: bytes.NewReader(d)}
		table, err := ReadTable(count, size)
		if count.n > 4<<20 {
			t.Fatalf("read %d bytes", count.n)
		}
		if err != nil {
			return
		}
		for _, p := range table.Parts {
			if p.StartBytes <= 0 || p.SizeBytes <= 0 || p.StartBytes+p.SizeBytes > size {
				t.Fatalf("outside of the disk: %+v", p)
			}
		}
	})
}
