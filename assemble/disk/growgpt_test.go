package disk

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// grow makes an image larger, and its GPT too.
func grow(t *testing.T, image string, from, to int64) error {
	t.Helper()
	f, err := os.OpenFile(image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patches, err := GrowGPT(f, from, to)
	if err != nil {
		return err
	}
	if err := f.Truncate(to); err != nil {
		t.Skipf("no disk of %d bytes here: %v", to, err)
	}
	for _, p := range patches {
		if _, err := f.WriteAt(p.Data, p.Offset); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// sgdisk finds nothing wrong, and the whole disk free to be used.
func TestGrowGPT(t *testing.T) {
	const size = 64 << 20
	for _, to := range []int64{size, size + 512, size + 33*512, size + 1<<20, 3 << 40} {
		t.Run(fmt.Sprint(to), func(t *testing.T) {
			t.Parallel()
			image := blankDisk(t, size)
			sgdisk(t, image, "-n", "1:2048:+20M", "-t", "1:ef00", "-c", "1:ESP", "-A", "1:set:2", "-n", "3:0:0", "-c", "3:root")
			before, err := readTable(t, image)
			if err != nil {
				t.Fatal(err)
			}
			guid, _, _ := strings.Cut(sgdisk(t, image, "-i", "3"), "First sector")
			if err := grow(t, image, size, to); err != nil {
				t.Fatal(err)
			}
			if out := sgdisk(t, image, "-v"); !strings.Contains(out, "No problems found") {
				t.Errorf("sgdisk -v:\n%s", out)
			}
			if out, last := sgdisk(t, image, "-p"), fmt.Sprintf("last usable sector is %d\n", to/512-34); !strings.Contains(out, last) {
				t.Errorf("sgdisk -p, want %s\n%s", last, out)
			}
			if out := sgdisk(t, image, "-i", "3"); !strings.HasPrefix(out, guid) {
				t.Errorf("partition 3 was\n%s and is\n%s", guid, out)
			}
			after, err := readTable(t, image)
			if err != nil || !reflect.DeepEqual(before, after) {
				t.Errorf("%+v became %+v (%v)", before, after, err)
			}
			if to > size+1<<20 {
				return
			}
			b, err := os.ReadFile(image)
			if n := strings.Count(string(b), gptSignature); n != 2 || err != nil {
				t.Errorf("%d headers (%v)", n, err)
			}
		})
	}
}

// What has no GPT is left alone; a table that would be lost is refused.
func TestGrowGPTOfOthers(t *testing.T) {
	mbr := sfdisk(t, "label: dos\nstart=2048, size=1000, type=83\n")
	damaged := sfdisk(t, "label: gpt\nstart=2048, size=1000\n")
	cut := sfdisk(t, "label: gpt\nstart=2048\n")
	blank := blankDisk(t, 512)
	f, err := os.OpenFile(damaged, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{1}, 2*SectorSize+200); err != nil {
		t.Fatal(err)
	}
	f.Close()
	for _, c := range []struct {
		image    string
		from, to int64
		want     error
	}{
		{mbr, 64 << 20, 65<<20 + 7, nil},
		{blank, 512, 4 << 20, nil},
		{damaged, 64 << 20, 65 << 20, ErrLayout},
		{cut, 64 << 20, 63 << 20, ErrLayout},
		{cut, 64 << 20, 65<<20 + 1, ErrSize},
	} {
		f, err := os.Open(c.image)
		if err != nil {
			t.Fatal(err)
		}
		patches, err := GrowGPT(f, c.from, c.to)
		f.Close()
		if !errors.Is(err, c.want) || len(patches) > 0 {
			t.Errorf("%s from %d to %d: %d patches, %v; want %v", c.image, c.from, c.to, len(patches), err, c.want)
		}
	}
}

// An MBR that has partitions beside the GPT's entry stays as it is.
func TestGrowHybrid(t *testing.T) {
	image := sfdisk(t, "label: gpt\nstart=2048, size=1000\nstart=4096, size=1000\n")
	sgdisk(t, image, "-h", "1:2")
	if err := grow(t, image, 64<<20, 80<<20); err != nil {
		t.Fatal(err)
	}
	table, err := readTable(t, image)
	if err != nil || len(table.Parts) != 2 {
		t.Errorf("%+v, %v", table, err)
	}
	if out := sgdisk(t, image, "-v"); !strings.Contains(out, "No problems found") && !strings.Contains(out, "hybrid") {
		t.Errorf("sgdisk -v:\n%s", out)
	}
}

// pieces are a disk that reads as zero, but for what was written on it.
type pieces []Patch

func (p pieces) ReadAt(b []byte, off int64) (int, error) {
	clear(b)
	for _, w := range p {
		if from, to := max(off, w.Offset), min(off+int64(len(b)), w.Offset+int64(len(w.Data))); from < to {
			copy(b[from-off:to-off], w.Data[from-w.Offset:])
		}
	}
	return len(b), nil
}

// A stranger's table neither spoils a disk nor writes past its end.
func FuzzGrowGPT(f *testing.F) {
	const size = 4 << 20
	for _, layout := range []string{"esp:1M,linux:rest", "linux:512K"} {
		l, err := ParseLayout(layout, size, "seed")
		if err != nil {
			f.Fatal(err)
		}
		head, _, err := l.encode()
		if err != nil {
			f.Fatal(err)
		}
		if patches, err := GrowGPT(pieces{{0, head}}, size, size+SectorSize); err != nil || len(patches) == 0 {
			f.Fatalf("%s: %v", layout, err)
		}
		f.Add(head[mbrTable:], uint16(1))
		f.Add(head[mbrTable:], uint16(40))
	}
	f.Fuzz(func(t *testing.T, head []byte, sectors uint16) {
		image := pieces{{mbrTable, head}}
		before, errBefore := ReadTable(image, size)
		larger := size + int64(sectors)*SectorSize
		patches, err := GrowGPT(image, size, larger)
		if err != nil || patches == nil {
			return
		}
		for _, p := range patches {
			if p.Offset < 0 || p.Offset+int64(len(p.Data)) > larger {
				t.Errorf("%d bytes at %d are past the end", len(p.Data), p.Offset)
			}
		}
		after, err := ReadTable(append(image, patches...), larger)
		if errBefore != nil || err != nil || !reflect.DeepEqual(before, after) {
			t.Errorf("%+v (%v) became %+v (%v)", before, errBefore, after, err)
		}
	})
}
