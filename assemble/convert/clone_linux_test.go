package convert_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// On XFS an uncompressed image shares the source's blocks, as does a raw copy.
func TestSharedBlocks(t *testing.T) {
	hosttool.Find(t, "qemu-img", "qemu-utils")
	mkfs := hosttool.Find(t, "mkfs.xfs", "xfsprogs")
	if os.Getuid() != 0 {
		t.Skip("not root: that blocks are shared is not shown")
	}
	device, dir := filepath.Join(t.TempDir(), "device"), t.TempDir()
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(device, 400<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, "-q", "-m", "reflink=1", device).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := exec.Command("mount", "-t", "xfs", "-o", "loop", device, dir).CombinedOutput(); err != nil {
		t.Skipf("no loop mount here, so that shared blocks are not shown: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	disk := make([]byte, 64<<20+12800) // ends within a block of the file system
	random(disk[:20<<20], 1)
	random(disk[40<<20:], 2)
	source := filepath.Join(dir, "disk.raw")
	if err := os.WriteFile(source, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := convert.Open(source)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	raw, image := filepath.Join(dir, "copy.raw"), filepath.Join(dir, "copy.qcow2")
	used := free(t, dir)
	if err := convert.Create(t.Context(), raw, src, convert.Options{}); err != nil {
		t.Fatal(err)
	}
	if err := convert.Create(t.Context(), image, src, convert.Options{Compression: qcow2.Uncompressed}); err != nil {
		t.Fatal(err)
	}
	if used -= free(t, dir); used > 2<<20 {
		t.Errorf("two copies of 44 MiB took %d bytes", used)
	}
	for _, args := range [][]string{
		{"check", "-q", "-f", "qcow2", image},
		{"compare", "-q", "-f", "raw", "-F", "qcow2", source, image},
		{"compare", "-q", "-f", "raw", "-F", "raw", source, raw},
	} {
		if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
			t.Errorf("qemu-img %v: %v: %s", args, err, out)
		}
	}
}

func free(t *testing.T, dir string) int64 {
	t.Helper()
	unix.Sync()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bfree) * s.Bsize
}
