//go:build unix

package convert_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/convert"
)

// self makes of the test's program one that writes a disk without an end into the
// file that it names.
const self = "IMGASM_CONVERT_TO"

// measured lets it write a disk that ends, and print how much memory that took.
const measured = "IMGASM_CONVERT_MEASURED"

func TestMain(m *testing.M) {
	path := os.Getenv(self)
	if path == "" {
		os.Exit(m.Run())
	}
	src := noise{1 << 30, 100 * time.Millisecond}
	if os.Getenv(measured) != "" {
		src = noise{128 << 20, 0}
	}
	before := peak()
	if err := convert.Create(context.Background(), path, src, convert.Options{Arch: "x86_64"}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(peak() - before)
	os.Exit(0)
}

// peak is the most memory that this process has had so far, in KiB.
func peak() (kib int) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(after, &kib)
	return kib
}

// noise is a disk that does not compress, and takes its time.
type noise struct {
	size int64
	wait time.Duration
}

func (n noise) Size() int64 { return n.size }

func (n noise) ReadAt(b []byte, off int64) (int, error) {
	time.Sleep(n.wait)
	random(b, byte(off>>20))
	return len(b), nil
}

// Memory is bounded, on many processors too.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("with -race, that detector's memory would be measured")
	}
	if peak() == 0 {
		t.Skip("this system does not tell how much memory a process has had")
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"vmdk", "raw.gz", "raw.zst", "qcow2"} {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), self+"="+filepath.Join(t.TempDir(), "out."+format), measured+"=1", "GOMAXPROCS=16")
		out, err := cmd.Output()
		kib, errKiB := strconv.Atoi(strings.TrimSpace(string(out)))
		if err != nil || errKiB != nil || kib < 1<<10 || kib > 64<<10 {
			t.Errorf("%s took %s KiB of memory, want at most 64 MiB (%v)", format, out, err)
		}
		t.Logf("%s: %d KiB", format, kib)
	}
}

// A conversion that is killed leaves nothing under the output's name, and what it
// leaves beside that the next one removes.
func TestKilled(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range convert.Formats() {
		dir := t.TempDir()
		path := filepath.Join(dir, "out"+f.Endings[0])
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), self+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for until := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			if written(dir) || time.Now().After(until) {
				break
			}
		}
		begun := written(dir)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if _, err := os.Stat(path); err == nil || !begun {
			t.Errorf("%s: begun %v, and the output is there: %v", f.Name, begun, err == nil)
		}
		if err := convert.Create(t.Context(), path, io.NewSectionReader(strings.NewReader("disk"), 0, 4), convert.Options{Arch: "x86_64"}); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); len(left) != 1 || err != nil {
			t.Errorf("%s: %v are left (%v)", f.Name, left, err)
		}
	}
}

// written reports whether the folder has a file with something in it.
func written(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, ".imgasm-*", "out*"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}
