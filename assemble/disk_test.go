package assemble

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// rawDisk puts a sparse disk into a folder.
func rawDisk(t *testing.T) (dir *os.Root, size int64) {
	t.Helper()
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	f, err := dir.Create("disk.raw")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const text, total = 2 << 20, 64 << 20
	if _, err := f.WriteAt(bytes.Repeat([]byte("an installed system "), text/20), 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(total); err != nil {
		t.Fatal(err)
	}
	return dir, total
}

func TestWriteQcow2(t *testing.T) {
	qemuImg := hosttool.Find(t, "qemu-img", "qemu-utils")
	dir, size := rawDisk(t)
	var last int64
	err := writeImage(t.Context(), dir, "disk.raw", "image", convert.Options{Format: formatQcow2, Progress: func(done, total int64) {
		if done < last || total != size {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}})
	if err != nil || last != size {
		t.Errorf("%v, progress ended at %d", err, last)
	}
	image := filepath.Join(dir.Name(), "image")
	for _, args := range [][]string{{"check", "-q", image}, {"compare", "-q", "-f", "raw", "-F", "qcow2", filepath.Join(dir.Name(), "disk.raw"), image}} {
		if out, err := exec.Command(qemuImg, args...).CombinedOutput(); err != nil {
			t.Errorf("qemu-img %q: %v: %s", args, err, out)
		}
	}
}

func TestWriteQcow2Interrupted(t *testing.T) {
	dir, _ := rawDisk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := writeImage(ctx, dir, "disk.raw", "image", convert.Options{Format: formatQcow2, Progress: func(int64, int64) {}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := dir.Stat("image"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the image is left: %v", err)
	}
}

// An image that does not read as its disk is not published.
func TestReadBack(t *testing.T) {
	dir, _ := rawDisk(t)
	if err := writeImage(t.Context(), dir, "disk.raw", "image", convert.Options{Format: formatQcow2, Progress: func(int64, int64) {}}); err != nil {
		t.Fatal(err)
	}
	f, err := dir.OpenFile("disk.raw", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte{'!'}, 1<<20+12345); err != nil {
		t.Fatal(err)
	}
	disk, err := qcow2.Raw(f)
	if err != nil {
		t.Fatal(err)
	}
	image, err := dir.Open("image")
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	var d *qcow2.DifferenceError
	if err := readBack(t.Context(), disk, image, nil); !errors.As(err, &d) || d.Offset != 1<<20+12345 {
		t.Errorf("%v", err)
	}
}
