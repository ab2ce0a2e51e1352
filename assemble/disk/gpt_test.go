package disk

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
)

func sgdisk(t testing.TB, image string, args ...string) string {
	t.Helper()
	out, err := exec.Command(hosttool.Find(t, "sgdisk", "gdisk"), append(args, image)...).CombinedOutput()
	if err != nil {
		t.Fatalf("sgdisk: %v\n%s", err, out)
	}
	return string(out)
}

func testLayout() Layout {
	return Layout{SizeBytes: 100 << 20, GUID: derive.GUID("t", "disk"), Partitions: []Partition{
		{Name: "EFI System Partition", Type: TypeESP, GUID: derive.GUID("t", "1"), StartBytes: 1 << 20, SizeBytes: 33 << 20},
		{Name: strings.Repeat("n", 36), Type: TypeLinux, GUID: derive.GUID("t", "2"), StartBytes: 34 << 20, SizeBytes: 65<<20 + 512},
	}}
}

func TestWriteGPT(t *testing.T) {
	l := testLayout()
	p := blankDisk(t, l.SizeBytes)
	f, err := os.OpenFile(p, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteGPT(f, l); err != nil {
		t.Fatal(err)
	}
	if out := sgdisk(t, p, "-v"); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk -v:\n%s", out)
	}
	if out := sgdisk(t, p, "-p"); !strings.Contains(out, l.GUID) || !strings.Contains(out, "EF00") {
		t.Errorf("sgdisk -p:\n%s", out)
	}
	if out := sgdisk(t, p, "-i", "2"); !strings.Contains(out, l.Partitions[1].GUID) {
		t.Errorf("sgdisk -i 2:\n%s", out)
	}
}

// The largest partition that is allowed ends right before the backup table.
func TestGPTFull(t *testing.T) {
	l := testLayout()
	l.Partitions[1].SizeBytes = l.SizeBytes - gptSectors*SectorSize - l.Partitions[1].StartBytes
	p := blankDisk(t, l.SizeBytes)
	f, err := os.OpenFile(p, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := WriteGPT(f, l); err != nil {
		t.Fatal(err)
	}
	if out := sgdisk(t, p, "-v"); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk -v:\n%s", out)
	}
	l.Partitions[1].SizeBytes += SectorSize
	if err := WriteGPT(f, l); !errors.Is(err, ErrLayout) {
		t.Errorf("one sector more: %v", err)
	}
}

func TestLayoutValidate(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(l *Layout)
	}{
		{"overlaps partition 1", func(l *Layout) { l.Partitions[1].StartBytes -= 1 << 20 }},
		{"overlaps partition 1", func(l *Layout) { l.Partitions[1].StartBytes = 1 << 20; l.Partitions[1].SizeBytes = 512 }},
		{"past the last usable byte", func(l *Layout) { l.Partitions[1].SizeBytes += 1 << 20 }},
		{"past the last usable byte", func(l *Layout) { l.Partitions[1].SizeBytes = 1<<63 - 512 }},
		{"inside the partition table", func(l *Layout) { l.Partitions[0].StartBytes = 512 }},
		{"inside the partition table", func(l *Layout) { l.Partitions[0].StartBytes = -1 << 20 }},
		{"not at a multiple of 1 MiB", func(l *Layout) { l.Partitions[0].StartBytes += 512 }},
		{"positive multiple of 512", func(l *Layout) { l.Partitions[0].SizeBytes = 0 }},
		{"positive multiple of 512", func(l *Layout) { l.Partitions[0].SizeBytes = 513 }},
		{"37 UTF-16 units", func(l *Layout) { l.Partitions[1].Name += "n" }},
		{"38 UTF-16 units", func(l *Layout) { l.Partitions[1].Name = strings.Repeat("😀", 19) }},
		{"is not a GUID", func(l *Layout) { l.GUID = "" }},
		{"is not a GUID", func(l *Layout) { l.Partitions[0].GUID = "x" }},
		{"is not a GUID", func(l *Layout) { l.Partitions[0].Type = zeroGUID }},
		{"same GUID as partition 1", func(l *Layout) { l.Partitions[1].GUID = strings.ToLower(l.Partitions[0].GUID) }},
		{"same GUID as the disk", func(l *Layout) { l.Partitions[1].GUID = l.GUID }},
		{"at least 3 MiB", func(l *Layout) { l.SizeBytes = 1 << 20 }},
		{"multiple of 512", func(l *Layout) { l.SizeBytes++ }},
		{"a table holds 128", func(l *Layout) { l.Partitions = make([]Partition, 129) }},
	} {
		l := testLayout()
		c.change(&l)
		if err := l.Validate(); !errors.Is(err, ErrLayout) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	if err := testLayout().Validate(); err != nil {
		t.Error(err)
	}
}

// blankDisk makes a blank disk in a file.
func blankDisk(t testing.TB, size int64) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Blank(f, size); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func TestBlank(t *testing.T) {
	if i, err := os.Stat(blankDisk(t, 10<<30)); err != nil || i.Size() != 10<<30 {
		t.Errorf("%v, %v", i, err)
	}
	for _, size := range []int64{0, -512, 513} {
		f, err := os.Create(filepath.Join(t.TempDir(), "q"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := Blank(f, size); !errors.Is(err, ErrSize) {
			t.Errorf("size %d: %v", size, err)
		}
	}
}

// bootMedium writes a medium to a file.
func bootMedium(t testing.TB, m BootMedium) (string, error) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "boot.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Name(), WriteBootMedium(f, m)
}

func TestBootMedium(t *testing.T) {
	dir := t.TempDir()
	host := filepath.Join(dir, "vmlinuz")
	if err := os.WriteFile(host, noise(3<<20+5, 7), 0o600); err != nil {
		t.Fatal(err)
	}
	kernel, err := tree.Host("vmlinuz", host)
	if err != nil {
		t.Fatal(err)
	}
	volume := noise(1<<20+2048, 8)
	m := BootMedium{Files: append(fatFiles(), kernel), Seed: "s", Time: testTime,
		Volumes: []Volume{{Name: "OEMDRV", Contents: tree.Bytes("oemdrv.iso", volume)}}}
	p, err := bootMedium(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if out := sgdisk(t, p, "-v"); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk -v:\n%s", out)
	}
	image, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.layout()
	if err != nil {
		t.Fatal(err)
	}
	esp, oemdrv := l.Partitions[0], l.Partitions[1]
	part := filepath.Join(dir, "esp.img")
	if err := os.WriteFile(part, image[esp.StartBytes:esp.StartBytes+esp.SizeBytes], 0o600); err != nil {
		t.Fatal(err)
	}
	fsck(t, part)
	if string(image[oemdrv.StartBytes:][:len(volume)]) != string(volume) {
		t.Error("the second partition does not hold what it was given")
	}

	m.Files = append(m.Files, tree.File{Path: "gone", SizeBytes: 1, Open: tree.File{Path: "x"}.Open})
	if _, err := bootMedium(t, m); err == nil {
		t.Error("a file without contents was accepted")
	}
	m.Files[len(m.Files)-1], _ = tree.Host("gone", host)
	if err := os.Remove(host); err != nil {
		t.Fatal(err)
	}
	if _, err := bootMedium(t, m); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("source removed: %v", err)
	}
}
