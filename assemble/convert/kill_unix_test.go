//go:build unix

package convert_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/convert"
)

// self makes of the test's program one that writes a disk without an end into the
// file that it names.
const self = "IMGASM_CONVERT_TO"

func TestMain(m *testing.M) {
	if path := os.Getenv(self); path != "" {
		_ = convert.Create(context.Background(), path, endless{}, convert.Options{Arch: "x86_64"})
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// endless is a disk that is read slowly.
type endless struct{}

func (endless) Size() int64 { return 1 << 30 }

func (endless) ReadAt(b []byte, off int64) (int, error) {
	time.Sleep(100 * time.Millisecond)
	random(b, byte(off>>20))
	return len(b), nil
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
