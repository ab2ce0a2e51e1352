package inspect_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/fault"
)

// holds fails if a folder has anything but one file, with a text.
func holds(t *testing.T, dir, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
		t.Errorf("%s holds %.20q, %v; want %q", name, got, err, want)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("there are %v, %v", list, err)
	}
}

// A copy that fails leaves the file that it should have replaced.
func TestForceKeepsOld(t *testing.T) {
	ctx, stop := context.WithCancelCause(t.Context())
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		fsys fs.FS
	}{
		"a file that cannot be read": {brokenFS{fstest.MapFS{"a": {Data: []byte("new")}}, broken}},
		"Ctrl-C":                     {hookedFS{fstest.MapFS{"a": {Data: make([]byte, 3<<20)}}, func(string) { stop(broken) }}},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := inspect.Copy(ctx, c.fsys, ".", dir, inspect.CopyOptions{Force: true}); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
		holds(t, dir, "a", "old")
	}
}

// hookedFS is a file system that calls a function before it opens something.
type hookedFS struct {
	fstest.MapFS
	hook func(name string)
}

func (h hookedFS) Open(name string) (fs.File, error) {
	h.hook(name)
	return h.MapFS.Open(name)
}

// Links replace files whole too, and nothing hidden stays.
func TestForceLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links are not for everybody on Windows")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b"), []byte("b"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := fstest.MapFS{"b": {Data: []byte("nowhere"), Mode: fs.ModeSymlink | 0o777}}
	if _, err := inspect.Copy(t.Context(), image, ".", dir, inspect.CopyOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 || list[0].Type() != fs.ModeSymlink {
		t.Errorf("%v, %v", list, err)
	}
}

// What is to be kept is not replaced, by a file or in a folder.
func TestForceKeep(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "disk.raw")
	if err := os.WriteFile(kept, []byte("disk"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Stat(kept)
	if err != nil {
		t.Fatal(err)
	}
	image := fstest.MapFS{"etc/fstab": {Data: []byte("x")}, "images/disk.raw": {Data: []byte("x")}}
	for from, to := range map[string]string{"etc/fstab": kept, "images": dir} {
		if _, err := inspect.Copy(t.Context(), image, from, to, inspect.CopyOptions{Force: true, Keep: in}); !errors.Is(err, inspect.ErrKept) {
			t.Errorf("%s: %v", from, err)
		}
		holds(t, dir, "disk.raw", "disk")
	}
}

// A full disk is said, with where to look, and the old file stays.
func TestCopyDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system to fill: mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := fstest.MapFS{"a": {Data: []byte(strings.Repeat("x", 3<<20))}}
	_, err := inspect.Copy(t.Context(), image, "a", path, inspect.CopyOptions{Force: true})
	if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "write "+path+": the disk is full") || fault.Hint(err, nil) != "see where there is room: df -h "+dir {
		t.Errorf("%v, %q", err, fault.Hint(err, nil))
	}
	holds(t, dir, "a", "old")
}
