package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
)

var testTime = time.Date(2025, 11, 24, 10, 20, 31, 0, time.UTC)

// noise is n bytes that do not repeat, the same on every run.
func noise(n int, seed int64) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(b)
	return b
}

// fatFiles are the cases that FAT writers get wrong.
func fatFiles() []tree.File {
	files := []tree.File{
		tree.Bytes("EFI/BOOT/BOOTX64.EFI", noise(100_003, 1)),
		tree.Bytes("EFI/BOOT/grubx64.efi", noise(511, 2)),
		tree.Bytes("EFI/BOOT/grub.cfg", []byte("set timeout=0\n")),
		tree.Bytes("README.TXT", noise(512, 3)),
		tree.Bytes("one", noise(513, 4)),
		tree.Bytes("empty", nil),
		tree.Bytes(".hidden", []byte("dot")),
		tree.Bytes(".a.b.c", []byte("dots")),
		tree.Bytes("..two", []byte("dots")),
		tree.Bytes("größe und länge", []byte("umlaut")),
		tree.Bytes("日本語.txt", []byte("wide")),
		tree.Bytes("emoji 😀.txt", []byte("astral")),
		tree.Bytes("with space.tar.gz", []byte("space")),
		tree.Bytes("plus+comma,semi;eq=[x]", []byte("signs")),
		tree.Bytes("ABCDEF~1", []byte("looks like an alias")),
		tree.Bytes("abcdefghij", []byte("would get that alias")),
		tree.Bytes(strings.Repeat("x", 255), []byte("255")),
		tree.Bytes("thirteen-long", []byte("13 units: no terminator")),
		tree.Dir("empty folder"),
		tree.Bytes("large/initrd.img", noise(largeFile+1, 5)), // aligned, with a gap before it
		tree.Bytes("large/vmlinuz", noise(largeFile, 6)),
		tree.Bytes("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/deep.txt", []byte("deep")),
	}
	for i := range 300 {
		files = append(files, tree.Bytes(fmt.Sprintf("many/same beginning %03d.dat", i), []byte(fmt.Sprint(i))))
	}
	return files
}

func fat(sizeBytes int64, files []tree.File) FAT32 {
	return FAT32{SizeBytes: sizeBytes, Label: "imgasm", VolumeID: 0x1234abcd, HiddenSectors: 2048, Time: testTime, Files: files}
}

// writeFAT makes a sparse image file.
func writeFAT(t testing.TB, v FAT32) string {
	t.Helper()
	p := blankDisk(t, v.SizeBytes)
	f, err := os.OpenFile(p, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteFAT32(f, 0, v, true); err != nil {
		t.Fatal(err)
	}
	return p
}

func fsck(t testing.TB, image string) {
	t.Helper()
	out, err := exec.Command(hosttool.Find(t, "fsck.vfat", "dosfstools"), "-n", "-v", image).CombinedOutput()
	if err != nil {
		t.Errorf("fsck.vfat: %v\n%s", err, out)
	}
}

// Every size at which something changes, and some that others get wrong.
func TestFAT32Sizes(t *testing.T) {
	for _, size := range []int64{
		MinFAT32Bytes, MinFAT32Bytes + 512, 34<<20 + 512*7, 63 << 20, 64 << 20, 65 << 20, 100<<20 - 512, 128 << 20,
		255 << 20, 260<<20 - 512, 260 << 20, 260<<20 + 512, 261 << 20, 300 << 20, 511 << 20, 512 << 20, 1 << 30, 1<<30 + 512*3,
		2 << 30, 4 << 30, 8<<30 - 512, 8 << 30, 8<<30 + 512, 16 << 30, 16<<30 + 512, 32 << 30, 32<<30 + 512,
	} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			image := writeFAT(t, fat(size, fatFiles()))
			fsck(t, image)
			checkMdir(t, image)
		})
	}
}

// The FAT must hold all clusters and waste no sector, at any size.
func TestGeometry(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for i := range 200_000 {
		size := MinFAT32Bytes + int64(i)*SectorSize
		if i >= 100_000 {
			size = MinFAT32Bytes + r.Int63n(2<<40/SectorSize-1-MinFAT32Bytes/SectorSize)*SectorSize
		}
		g, err := newGeometry(size)
		if err != nil {
			t.Fatal(err)
		}
		if g.fat*128 < g.clusters+2 {
			t.Fatalf("%d bytes: %d clusters, but FAT entries for %d", size, g.clusters, g.fat*128-2)
		}
		if used := int64(g.reserved) + 2*int64(g.fat) + int64(g.clusters)*int64(g.perCluster); used > int64(g.total) {
			t.Fatalf("%d bytes: %d of %d sectors used", size, used, g.total)
		}
		if g.clusters < 65525 {
			t.Fatalf("%d bytes: %d clusters, which makes it FAT16", size, g.clusters)
		}
		// One sector less must not do, or there would be waste. The alignment
		// of the data moves the bound by a few sectors.
		if spare := g.fat*128 - g.clusters - 2; spare > 128+16 {
			t.Fatalf("%d bytes: FAT with %d entries too many", size, spare)
		}
	}
}

// mtools must read back every name and byte.
func TestFAT32Contents(t *testing.T) {
	mcopy := hosttool.Find(t, "mcopy", "mtools")
	for _, size := range []int64{64 << 20, 300 << 20} {
		files := fatFiles()
		image := writeFAT(t, fat(size, files))
		dir := t.TempDir()
		cmd := exec.Command(mcopy, "-s", "-n", "-Q", "-i", image, "::*", dir)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("mcopy: %v\n%s", err, out)
		}
		for _, f := range files {
			p := filepath.Join(dir, filepath.FromSlash(f.Path))
			if f.Mode.IsDir() {
				if _, err := os.Stat(p); err != nil {
					t.Error(err)
				}
				continue
			}
			if strings.Contains(f.Path, "😀") {
				continue // mtools knows no surrogate pairs
			}
			var want bytes.Buffer
			if err := tree.Copy(&want, f); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(p); err != nil {
				t.Error(err)
			} else if !bytes.Equal(got, want.Bytes()) {
				t.Errorf("%s: contents differ", f.Path)
			}
		}
	}
}

// checkMdir has mtools list everything.
func checkMdir(t *testing.T, image string) {
	t.Helper()
	mdir := hosttool.Find(t, "mdir", "mtools")
	out, err := exec.Command(mdir, "-/", "-a", "-i", image, "::").CombinedOutput()
	if err != nil {
		t.Fatalf("mdir: %v\n%s", err, out)
	}
	for _, want := range []string{"IMGASM", "1234-ABCD", "2025-11-24  10:20", "BOOTX64  EFI    100003"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("mdir does not show %q:\n%s", want, out)
		}
	}
}

// discard is a disk that keeps nothing.
type discard struct{}

func (discard) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// A file with holes, zeros that are written, and a used disk get the same file system.
func TestFAT32Destinations(t *testing.T) {
	v := fat(40<<20, fatFiles())
	sparse, err := os.ReadFile(writeFAT(t, v))
	if err != nil {
		t.Fatal(err)
	}
	whole := holes{}
	if err := WriteFAT32(whole, 0, v, false); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(whole.read(0, v.SizeBytes), sparse) {
		t.Error("what is written and a sparse file differ")
	}

	used := filepath.Join(t.TempDir(), "used.img")
	if err := os.WriteFile(used, bytes.Repeat([]byte{0xff}, 50<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(used, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteFAT32(f, 5<<20, v, false); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(t.TempDir(), "part.img")
	out, err := os.Create(part)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, io.NewSectionReader(f, 5<<20, v.SizeBytes)); err != nil {
		t.Fatal(err)
	}
	fsck(t, part)
	around := make([]byte, 1)
	for _, at := range []int64{5<<20 - 1, 45 << 20} {
		if _, err := f.ReadAt(around, at); err != nil || around[0] != 0xff {
			t.Errorf("byte %d, outside the partition, was written", at)
		}
	}
}

func TestFAT32Full(t *testing.T) {
	v := fat(MinFAT32Bytes, nil)
	g, err := newGeometry(v.SizeBytes)
	if err != nil {
		t.Fatal(err)
	}
	exact := (int64(g.clusters) - 1) * g.clusterBytes() // the root takes one
	v.Files = []tree.File{zeroFile("full", exact)}
	fsck(t, writeFAT(t, v))

	v.Files = []tree.File{zeroFile("full", exact+1)}
	room := int64(g.clusters) * g.clusterBytes()
	want := fmt.Sprintf("take %d bytes, but the file system has room for %d", room+g.clusterBytes(), room)
	if err := WriteFAT32(discard{}, 0, v, false); !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

// zeroFile is a file of zeroes that takes no memory.
func zeroFile(path string, size int64) tree.File {
	return tree.File{Path: path, SizeBytes: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeroReader{}, size)), nil
	}}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Contents pass through, and the FAT is made while it is written.
func TestFAT32ConstantMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := WriteFAT32(discard{}, 0, fat(5<<30, []tree.File{zeroFile("a", 2<<30), zeroFile("b", 2<<30)}), false); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("%d bytes allocated for a file system of 5 GiB", used)
	}
}

func TestFAT32Refuses(t *testing.T) {
	for _, c := range []struct {
		name  string
		v     FAT32
		want  string
		cause error
	}{
		{"too small", fat(MinFAT32Bytes-512, nil), "at least", ErrSize},
		{"odd size", fat(MinFAT32Bytes+1, nil), "multiple of 512", ErrSize},
		{"too large", fat(2<<40, nil), "less than 2 TiB", ErrSize},
		{"4 GiB file", fat(8<<30, []tree.File{zeroFile("install.img", 4<<30)}), "install.img: 4294967296 bytes: larger than", ErrFileTooLarge},
		{"case", fat(MinFAT32Bytes, []tree.File{tree.Bytes("a/B", nil), tree.Bytes("a/b", nil)}), "only in case", ErrName},
		{"colon", fat(MinFAT32Bytes, []tree.File{tree.Bytes("a:b", nil)}), "':' is not allowed", ErrName},
		{"control", fat(MinFAT32Bytes, []tree.File{tree.Bytes("a\tb", nil)}), "is not allowed", ErrName},
		{"fill", fat(MinFAT32Bytes, []tree.File{tree.Bytes("\uffff", nil)}), "is not allowed", ErrName},
		{"last dot", fat(MinFAT32Bytes, []tree.File{tree.Bytes("dir./x", nil)}), "at the end", ErrName},
		{"label", FAT32{SizeBytes: MinFAT32Bytes, Label: "twelve chars"}, "longer than 11", ErrName},
		{"not a path", fat(MinFAT32Bytes, []tree.File{tree.Bytes("/x", nil)}), "empty element", tree.ErrPath},
	} {
		err := WriteFAT32(discard{}, 0, c.v, false)
		if !errors.Is(err, c.cause) || !strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	largest := fat(8<<30, []tree.File{zeroFile("largest", MaxFileBytes)})
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	vol := &volume{}
	if vol.geometry, err = newGeometry(largest.SizeBytes); err != nil {
		t.Fatal(err)
	}
	root, err := tree.Build(largest.Files)
	if err != nil {
		t.Fatal(err)
	}
	if err := vol.plan(root); err != nil {
		t.Errorf("a file of 4 GiB less one byte: %v", err)
	}
}

// A file that changes while it is read must not become a damaged medium.
func TestFAT32ChangedFile(t *testing.T) {
	for _, size := range []int64{3, 5} {
		f := tree.Bytes("f", []byte("four"))
		f.SizeBytes = size
		if err := WriteFAT32(discard{}, 0, fat(MinFAT32Bytes, []tree.File{f}), false); err == nil || !strings.Contains(err.Error(), "while being read") {
			t.Errorf("listed with %d bytes: %v", size, err)
		}
	}
}

func TestFATTime(t *testing.T) {
	for _, c := range []struct {
		t    time.Time
		want fatStamp
	}{
		{time.Unix(0, 0), fatStamp{date: 1<<5 | 1}},
		{testTime, fatStamp{date: 45<<9 | 11<<5 | 24, time: 10<<11 | 20<<5 | 15, tenths: 100}},
		{testTime.In(time.FixedZone("far", 14*3600)), fatStamp{date: 45<<9 | 11<<5 | 24, time: 10<<11 | 20<<5 | 15, tenths: 100}},
		{time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), fatStamp{date: 127<<9 | 12<<5 | 31, time: 23<<11 | 59<<5 | 29}},
	} {
		if got := fatTime(c.t); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.t, got, c.want)
		}
	}
}
