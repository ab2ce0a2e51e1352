package ext4

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/hosttool"
)

func params(size int64) Params {
	return Params{SizeBytes: size, Label: "rehearsal", UUID: [16]byte{1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16}, Time: time.Unix(1700000000, 0)}
}

func format(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fs")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := Format(f, params(size)); err != nil {
		t.Fatal(err)
	}
	return path
}

// The sizes are those at which formatters go wrong: the smallest, one and two
// groups with little or much in the last, a copy of the superblock in the last
// group, more than one block of descriptors.
var sizes = []int64{
	MinBytes, 100<<20 + 1, 128 << 20, 128<<20 + 4096, 129 << 20, 130<<20 + 12345, 137 << 20, 300 << 20,
	384<<20 + 5<<20, 640<<20 + 1<<20, 1 << 30, 2<<30 - 512, 9<<30 + 3<<20, 16<<30 + 256<<20, 100 << 30,
}

func TestE2fsck(t *testing.T) {
	fsck := hosttool.Find(t, "e2fsck", "e2fsprogs")
	for _, size := range sizes {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			out, err := exec.Command(fsck, "-fn", format(t, size)).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestDebugfsReadsRoot(t *testing.T) {
	debugfs := hosttool.Find(t, "debugfs", "e2fsprogs")
	path := format(t, 1<<30)
	out, err := exec.Command(debugfs, "-R", "ls -l /", path).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("lost+found")) {
		t.Errorf("%v\n%s", err, out)
	}
	out, _ = exec.Command(debugfs, "-R", "stats", path).CombinedOutput()
	for _, want := range []string{"rehearsal", "01020304-0506-4708-890a-0b0c0d0e0f10", "has_journal", "clean"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("stats lack %q:\n%s", want, out)
		}
	}
}

// sink counts what is written, so that the size of the device costs nothing.
type sink struct{ n, top int64 }

func (s *sink) WriteAt(p []byte, off int64) (int, error) {
	s.n += int64(len(p))
	s.top = max(s.top, off+int64(len(p)))
	return len(p), nil
}

func TestWritesLittleAndStaysInside(t *testing.T) {
	for _, size := range append(sizes, MaxBytes) {
		var s sink
		p := params(size)
		zeroed := int64(0)
		p.Zero = func(off, n int64) error {
			zeroed += n
			s.top = max(s.top, off+n)
			return nil
		}
		if err := Format(&s, p); err != nil {
			t.Fatalf("%d: %v", size, err)
		}
		if s.top > size {
			t.Errorf("%d: writes up to %d", size, s.top)
		}
		if size <= 20<<30 && s.n > 2<<20 {
			t.Errorf("%d: writes %d bytes", size, s.n)
		}
		if zeroed == 0 {
			t.Errorf("%d: leaves old inodes in place", size)
		}
	}
}

func TestRefuses(t *testing.T) {
	long := params(1 << 30)
	long.Label = strings.Repeat("x", 17)
	for name, p := range map[string]Params{"too small": params(MinBytes - 1), "too large": params(MaxBytes + 1), "label": long} {
		if err := Format(&sink{}, p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := Format(failing{}, params(1<<30)); err == nil {
		t.Error("a write error was lost")
	}
}

type failing struct{}

func (failing) WriteAt([]byte, int64) (int, error) { return 0, os.ErrClosed }

func BenchmarkFormat10GiB(b *testing.B) {
	for b.Loop() {
		if err := Format(&sink{}, params(10<<30)); err != nil {
			b.Fatal(err)
		}
	}
}
