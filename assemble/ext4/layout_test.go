package ext4_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

const group = 128 << 20 // bytes

// superblockOf is what dumpe2fs tells of a file system as a whole.
func superblockOf(t testing.TB, image string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z][^:\n]*):\s+(.*)$`).FindAllStringSubmatch(tool(t, "dumpe2fs", "-h", image), -1) {
		all[m[1]] = m[2]
	}
	return all
}

// TestLikeMke2fs: an empty file system is what mke2fs makes, but for what ADR
// 16 tells.
func TestLikeMke2fs(t *testing.T) {
	for _, size := range []int64{8 << 20, 100<<20 + 4096, group - 4096, group, 1 << 30, 3 << 30, 20<<30 + 40<<20, 40 << 30, 200<<30 + 8192} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := options(size)
			args := []string{"-t", "ext4", "-b", "4096", "-i", "16384", "-U", o.UUID, "-L", o.Label, "-E", "hash_seed=" + o.UUID}
			if size < group {
				args[len(args)-1] += ",resize=" + fmt.Sprint(128<<30/4096)
			}
			want := superblockOf(t, mkfs(t, size, args...))
			got := superblockOf(t, written(t, o, func(*ext4.Writer) error { return nil }))
			for _, key := range []string{"Filesystem created", "Last write time", "Last checked", "Lifetime writes", "Directory Hash Seed", "Checksum"} {
				delete(want, key)
				delete(got, key)
			}
			// mke2fs rounds twice where it leaves out a last group.
			if a, b := number(t, got, "Reserved block count"), number(t, want, "Reserved block count"); a == b+1 {
				want["Reserved block count"] = got["Reserved block count"]
			}
			nodefstest.Compare(t, got, want)
			if len(want) < 40 {
				t.Errorf("dumpe2fs tells only %q", want)
			}
		})
	}
}

func number(t testing.TB, of map[string]string, key string) (n int64) {
	t.Helper()
	if _, err := fmt.Sscan(of[key], &n); err != nil {
		t.Fatalf("%s: %q", key, of[key])
	}
	return n
}

// TestSizes: from the smallest file system to 2 TiB, around where groups and
// flexible groups end, with few inodes and with as many as there may be.
func TestSizes(t *testing.T) {
	sizes := []int64{ext4.MinSizeBytes, ext4.MinSizeBytes + 4096, 2<<40 - 5*group + 77*4096}
	for _, groups := range []int64{1, 2, 17, 25, 64} {
		sizes = append(sizes, groups*group-4096, groups*group+4096, groups*group+7<<20)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range map[bool]int{false: 4, true: 60}[hosttool.All()] {
		sizes = append(sizes, (ext4.MinSizeBytes+r.Int64N(1<<(24+r.IntN(14))))&^4095)
	}
	for i, size := range sizes {
		o := options(size)
		switch i % 3 {
		case 1:
			o.Inodes = int(size / 16384 * 2)
		case 2:
			o.Inodes = int(min(max(size/group, 1)*6000*5, size/1024))
		}
		t.Run(fmt.Sprintf("%d,%d", size, o.Inodes), func(t *testing.T) {
			image := written(t, o, func(w *ext4.Writer) error {
				for i := range 40 {
					if err := w.File(fmt.Sprint("f", i), ext4.Attr{Mode: 0o600}, 9000, io.LimitReader(zeros{}, 9000)); err != nil {
						return err
					}
				}
				return nil
			})
			got := superblockOf(t, image)
			if n := number(t, got, "Free inodes"); n < max(int64(o.Inodes), size/16384-11)-40 {
				t.Errorf("%d inodes are free", n)
			}
			if n := number(t, got, "Block count") * 4096; n > size || n < size-group/8 {
				t.Errorf("it has %d bytes", n)
			}
		})
	}
}

// TestSizeFor: what was asked for fits, with names and sizes that need most, and
// leaves the room that was asked for, but not much more.
func TestSizeFor(t *testing.T) {
	if size := ext4.SizeFor(100, 1<<20, 8000<<50); size <= ext4.MaxSizeBytes {
		t.Errorf("8000 PiB free in %d bytes", size)
	}
	for _, c := range []struct {
		files         int
		content, free int64
		name          int // bytes
	}{
		{0, 0, 0, 1}, {1, 1, 0, 255}, {1, 300 << 20, 1 << 20, 10}, {20_000, 20_000, 0, 255},
		{20_000, 20_000 * 4097, 100 << 20, 255}, {3000, 3000 * 4096, 3 << 30, 9}, {100, 10 << 20, 20 << 30, 9},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			o := options(ext4.SizeFor(c.files, c.content, c.free))
			o.Inodes = c.files * 2
			image := written(t, o, func(w *ext4.Writer) error {
				for i := range c.files {
					size := c.content / int64(c.files)
					if err := w.File(fmt.Sprintf("%0*d", c.name, i), ext4.Attr{Mode: 0o600}, size, io.LimitReader(zeros{}, size)); err != nil {
						return err
					}
				}
				return nil
			})
			got := superblockOf(t, image)
			free := (number(t, got, "Free blocks") - number(t, got, "Reserved block count")) * 4096
			if free < c.free || c.files > 0 && free > c.free+c.free/10+8<<20+int64(c.files)*4700 {
				t.Errorf("%d bytes are free of %d", free, o.SizeBytes)
			}
		})
	}
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
