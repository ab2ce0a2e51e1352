package readback_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/readback"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/tree"
)

var testTime = time.Date(2025, 11, 24, 10, 20, 31, 0, time.UTC)

func noise(n int, seed int64) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(b)
	return b
}

// extraFiles are names and sizes at which writers and readers stumble.
func extraFiles() []tree.File {
	files := []tree.File{
		tree.Bytes("ks.cfg", []byte("text\n")),
		tree.Bytes("empty", nil),
		tree.Bytes("post/setup.sh", []byte("#!/bin/sh\n")),
		tree.Bytes("A long name with blanks.tar.gz", noise(100_003, 1)),
		tree.Bytes("größe/日本語.txt", []byte("wide")),
		tree.Bytes("sector", noise(2048, 2)),
		tree.Bytes("sector+1", noise(2049, 3)),
		tree.Bytes("twice", noise(2049, 3)),
		tree.Bytes("plus+comma,semi;eq=[x]", []byte("signs")),
		tree.Bytes(strings.Repeat("x", 200), []byte("200")),
		tree.Bytes("a/b/c/d/e/f/g/h/i/j/k/l/m/deep.txt", []byte("deep")),
		tree.Dir("nothing in it"),
	}
	for i := range 100 {
		files = append(files, tree.Bytes(fmt.Sprintf("many/same beginning %03d.dat", i), []byte(fmt.Sprint(i))))
	}
	return files
}

func oemdrv(t testing.TB, files []tree.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := iso.WriteOEMDRV(&b, files, testTime); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written reads back, and nothing of it is left unread.
func TestOEMDRV(t *testing.T) {
	for name, files := range map[string][]tree.File{
		"plain":          {tree.Bytes("ks.cfg", []byte("text\n")), tree.Bytes("post/setup.sh", []byte("#!/bin/sh\n"))},
		"kickstart only": {tree.Bytes("ks.cfg", noise(3000, 1))},
		"Rock Ridge":     extraFiles(),
	} {
		b := oemdrv(t, files)
		if unread, err := readback.OEMDRV(bytes.NewReader(b), int64(len(b)), files); unread != nil || err != nil {
			t.Errorf("%s: unread %v, %v", name, unread, err)
		}
	}
}

// What the readers are known to read wrongly is a note and no difference.
func TestOEMDRVUnread(t *testing.T) {
	for _, name := range []string{".hidden", "dots..", "x;1", `back\slash`, "Folder/x"} {
		files := append(extraFiles(), tree.Bytes(name, nil), tree.Bytes("folder/y", nil))
		b := oemdrv(t, files)
		if unread, err := readback.OEMDRV(bytes.NewReader(b), int64(len(b)), files); unread == nil || err != nil {
			t.Errorf("%s: unread %v, %v", name, unread, err)
		}
	}
}

func TestOEMDRVDifferences(t *testing.T) {
	files := []tree.File{tree.Bytes("ks.cfg", []byte("marked contents\n")), tree.Bytes("Long Name.txt", noise(3000, 1))}
	good := oemdrv(t, files)
	at := func(text string) int {
		i := bytes.Index(good, []byte(text))
		if i < 0 {
			t.Fatalf("no %q on the volume", text)
		}
		return i
	}
	for _, c := range []struct {
		name, reader string
		change       func(b []byte) []tree.File
	}{
		{"contents", readback.Kdomanski, func(b []byte) []tree.File { b[at("marked")] = 'M'; return files }},
		{"label", readback.Kdomanski, func(b []byte) []tree.File { b[0x8000+40] = 'o'; return files }},
		{"size", readback.Kdomanski, func(b []byte) []tree.File {
			b[at("KS.CFG")-33+10]++ // the record's data length, in both byte orders
			b[at("KS.CFG")-33+17]++
			return files
		}},
		{"Rock Ridge name", readback.GoDiskfs, func(b []byte) []tree.File { b[at("Long Name")] = 'l'; return files }},
		{"a file too few", readback.Kdomanski, func(b []byte) []tree.File { return append(files, tree.Bytes("more", []byte("more"))) }},
		{"a file too many", readback.Kdomanski, func(b []byte) []tree.File { return files[:1] }},
		{"a folder too few", readback.GoDiskfs, func(b []byte) []tree.File { return append(files, tree.Dir("Folder")) }},
	} {
		b := bytes.Clone(good)
		want := c.change(b)
		if _, err := readback.OEMDRV(bytes.NewReader(b), int64(len(b)), want); !errors.Is(err, readback.ErrDifference) || !strings.Contains(err.Error(), readback.IsoWriter+" has written what "+c.reader+" does not read") {
			t.Errorf("%s: %v; want a difference that %s sees", c.name, err, c.reader)
		}
	}
}

// Whatever names a volume is written with, nobody is told of a defect.
func FuzzOEMDRV(f *testing.F) {
	f.Add([]byte("a/b.txt\nA/b.txt\nlong name\x01\n.hidden\nx;1\nÄ/ö\nback\\slash/x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		files := []tree.File{tree.Bytes("ks.cfg", []byte("text\n"))}
		for i, name := range strings.Split(string(b), "\n") {
			if i < 50 && name != "" {
				files = append(files, tree.Bytes(name, noise(i*100, int64(i%3))))
			}
		}
		var image bytes.Buffer
		if iso.WriteOEMDRV(&image, files, testTime) != nil {
			return
		}
		if _, err := readback.OEMDRV(bytes.NewReader(image.Bytes()), int64(image.Len()), files); err != nil {
			t.Fatal(err)
		}
	})
}

// medium writes a boot medium with an OEMDRV volume.
func medium(t testing.TB, files, volume []tree.File) (string, disk.BootMedium) {
	t.Helper()
	contents, err := iso.OEMDRV(volume, testTime)
	if err != nil {
		t.Fatal(err)
	}
	m := disk.BootMedium{Files: files, Seed: "s", Time: testTime, Volumes: []disk.Volume{{Name: iso.OEMDRVLabel, Contents: contents}}}
	path := filepath.Join(t.TempDir(), "boot.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := disk.WriteBootMedium(f, m); err != nil {
		t.Fatal(err)
	}
	return path, m
}

func bootFiles() []tree.File {
	return append(extraFiles(), tree.Bytes("EFI/BOOT/BOOTX64.EFI", noise(1<<20+5, 9)), tree.Bytes(".hidden", []byte("dot")), tree.Bytes("imgasm/vmlinuz", noise(3<<20, 10)))
}

func TestBootMedium(t *testing.T) {
	path, m := medium(t, bootFiles(), extraFiles())
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if unread, err := readback.BootMedium(bytes.NewReader(good), int64(len(good)), m, extraFiles()); unread != nil || err != nil {
		t.Fatalf("unread %v, %v", unread, err)
	}
	vmlinuz := bytes.Index(good, noise(3<<20, 10)[:512])
	for _, c := range []struct {
		name, reader string
		change       func(b []byte)
	}{
		{"contents", readback.GoDiskfs, func(b []byte) { b[vmlinuz+1<<20]++ }},
		{"short name", readback.GoDiskfs, func(b []byte) { b[bytes.Index(b, []byte("BOOTX64 EFI"))] = 'X' }},
		{"size", readback.GoDiskfs, func(b []byte) { b[bytes.Index(b, []byte("BOOTX64 EFI"))+28]++ }},
		{"volume in the second partition", readback.Kdomanski, func(b []byte) { b[bytes.LastIndex(b, []byte("OEMDRV"))] = 'o' }},
		{"partition table", readback.FatWriter, func(b []byte) { clear(b[512:1024]) }},
	} {
		b := bytes.Clone(good)
		c.change(b)
		if _, err := readback.BootMedium(bytes.NewReader(b), int64(len(b)), m, extraFiles()); !errors.Is(err, readback.ErrDifference) || !strings.Contains(err.Error(), " what "+c.reader+" does not read") {
			t.Errorf("%s: %v; want a difference that %s sees", c.name, err, c.reader)
		}
	}
}

// badReader panics or refuses, as the readers do over what they do not know.
type badReader struct {
	io.ReaderAt
	panics bool
}

func (r badReader) ReadAt([]byte, int64) (int, error) {
	if r.panics {
		panic("index out of range")
	}
	return 0, errors.New("refused")
}

// A reader's own trouble ends nothing.
func TestReadersTrouble(t *testing.T) {
	files := extraFiles()
	for _, r := range []badReader{{panics: true}, {panics: false}} {
		unread, err := readback.OEMDRV(r, 1<<20, files)
		if err != nil || unread == nil || !strings.Contains(unread.Error(), readback.Kdomanski) || !strings.Contains(unread.Error(), readback.GoDiskfs) {
			t.Errorf("panics %v: unread %v, %v", r.panics, unread, err)
		}
	}
	// That a source is gone is an error, and no reader's fault.
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.WriteFile(gone, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	extra, err := tree.Host("gone", gone)
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, extra)
	b := oemdrv(t, files)
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if _, err := readback.OEMDRV(bytes.NewReader(b), int64(len(b)), files); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("source gone: %v", err)
	}
}

// The read-back of a medium with the 300 MiB of an installer's kernel and initrd.
func BenchmarkBootMedium(b *testing.B) {
	dir := b.TempDir()
	files := []tree.File{tree.Bytes("EFI/BOOT/BOOTX64.EFI", noise(1<<20, 1)), tree.Bytes("EFI/BOOT/grub.cfg", []byte("set timeout=0\n"))}
	for name, size := range map[string]int{"vmlinuz": 15 << 20, "initrd.img": 280 << 20} {
		host := filepath.Join(dir, name)
		if err := os.WriteFile(host, noise(size, 2), 0o600); err != nil {
			b.Fatal(err)
		}
		f, err := tree.Host("imgasm/"+name, host)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, f)
	}
	volume := []tree.File{tree.Bytes("ks.cfg", noise(5000, 3))}
	path, m := medium(b, files, volume)
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if unread, err := readback.BootMedium(f, info.Size(), m, volume); unread != nil || err != nil {
			b.Fatal(unread, err)
		}
	}
}
