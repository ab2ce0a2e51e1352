package nodefstest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Mount mounts an image of a type by a loop device, or skips the test aloud.
func Mount(t testing.TB, kind, image string) (dir string, unmount func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: a file system filled by the kernel is left out")
	}
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", kind, "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("no loop mount here, so that a file system filled by the kernel is left out: %v: %s", err, out)
	}
	mounted := true
	unmount = func() {
		if !mounted {
			return
		}
		mounted = false
		// Another process's mount namespace, such as that of a nix build, may keep
		// the file system mounted: what it has to write, it writes now.
		for _, command := range [][]string{{"mount", "-o", "remount,ro", dir}, {"umount", dir}} {
			if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v: %s", command, err, out)
			}
		}
	}
	t.Cleanup(unmount)
	return dir, unmount
}

// KernelSays describes a file by the kernel's stat.
func KernelSays(in fs.FileInfo) string {
	s := in.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%d:%d inode %d, %d links, %v", s.Uid, s.Gid, s.Ino, s.Nlink, in.ModTime().UTC())
}

// CheckReadAt reads pieces that begin and end within blocks, extents and holes.
func CheckReadAt(t testing.TB, fsys fs.FS) {
	t.Helper()
	f, err := fsys.Open("fragments")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := fs.ReadFile(fsys, "fragments")
	if err != nil {
		t.Fatal(err)
	}
	for off := 0; off < len(all); off += 100_003 {
		got := make([]byte, min(33_333, len(all)-off))
		if n, err := f.(interface {
			ReadAt([]byte, int64) (int, error)
		}).ReadAt(got, int64(off)); n != len(got) || !bytes.Equal(got, all[off:off+n]) {
			t.Errorf("%d bytes at %d differ: %d, %v", len(got), off, n, err)
		}
	}
}

// FillMany makes 100,000 files: half of them in one directory, the others in 500.
func FillMany(t testing.TB, dir string) {
	t.Helper()
	for i := range 100_000 {
		name := filepath.Join(dir, "one", fmt.Sprintf("%s-%d", LongName[:i%90], i))
		if i%2 != 0 {
			name = filepath.Join(dir, fmt.Sprintf("dir%d/sub%d", i%20, i%500), fmt.Sprint("file", i))
		}
		if i < 1000 {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(name, bytes.Repeat(fmt.Append(nil, i), i%1000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Fill makes one of everything that a file system may hold.
func Fill(t testing.TB, dir string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name string, data []byte) { t.Helper(); must(os.WriteFile(at(name), data, 0o640)) }

	must(os.Mkdir(at("many"), 0o755))
	for i := range 1000 {
		write(fmt.Sprintf("many/%0*d", 10+i%245, i), fmt.Append(nil, "file ", i))
	}
	must(os.Mkdir(at("emptied"), 0o711)) // the file system gives blocks of it back
	for i := range 2000 {
		write(fmt.Sprintf("emptied/%s-%d", LongName, i), nil)
	}
	for i := range 1980 {
		if i%400 != 7 {
			must(os.Remove(at(fmt.Sprintf("emptied/%s-%d", LongName, i))))
		}
	}
	for _, n := range []int{1, 30, 336, 337, 500, 968, 969, 1000, 1023} {
		must(os.Symlink(strings.Repeat("0123456/", 128)[:n], at(fmt.Sprintf("link%d", n))))
	}
	deep := "deep"
	for range 60 {
		must(os.MkdirAll(at(deep), 0o755))
		write(deep+"/file", []byte(deep))
		deep += "/d"
	}
	write(strings.Repeat("ü", 127)+"x", []byte("255 bytes of name"))
	write("one", []byte("two names"))
	must(os.Link(at("one"), at("other")))

	fillExtents(t, dir)

	must(os.Chmod(at("one"), 0o755|fs.ModeSetuid|fs.ModeSetgid))
	must(os.Chmod(at("many"), 0o777|fs.ModeSticky))
	must(os.Chown(at("sparse"), 70_000, 4_000_000_000))
	must(unix.Mkfifo(at("fifo"), 0o600))
	must(unix.Mknod(at("device"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 70))))
	must(unix.Setxattr(at("one"), "user.x", bytes.Repeat([]byte("x"), 200), 0)) // an attribute fork in the inode
	for name, year := range map[string]int{"one": 1930, "unwritten": 2100} {
		when := time.Date(year, 2, 3, 4, 5, 6, 789_012_345, time.UTC)
		must(os.Chtimes(at(name), when, when))
	}
}

// fillExtents makes files whose extents are odd: with holes, never written,
// many (a B+tree of two levels with blocks of 1 KiB), shared.
func fillExtents(t testing.TB, dir string) {
	t.Helper()
	open := func(name string) *os.File {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	check := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	f := open("sparse")
	_, err1 := f.WriteAt([]byte("begin"), 12_345)
	_, err2 := f.WriteAt([]byte("middle"), 5_000_001)
	check(err1, err2, f.Truncate(8_000_000), f.Close())

	f = open("unwritten")
	check(fallocate(f, 0))
	_, err1 = f.WriteAt(bytes.Repeat([]byte("w"), 10_000), 500_000)
	check(err1, f.Close())

	f = open("preallocated") // blocks behind the end
	check(fallocate(f, unix.FALLOC_FL_KEEP_SIZE))
	_, err1 = f.WriteAt([]byte("short"), 0)
	check(err1, f.Close())

	f = open("fragments")
	for i := range 1500 {
		_, err := f.WriteAt(bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 2048), int64(i)*8192)
		check(err)
	}
	check(f.Sync(), f.Close())

	f = open("shared")
	from, err := os.Open(filepath.Join(dir, "fragments"))
	check(err)
	if err := unix.IoctlFileClone(int(f.Fd()), int(from.Fd())); !errors.Is(err, unix.EOPNOTSUPP) { // ext4
		check(err)
	}
	_, err = f.WriteAt([]byte("own"), 100_000)
	check(err, f.Close(), from.Close())
}

// fallocate allocates 1 MiB where the file system can (not ext2 and ext3).
func fallocate(f *os.File, mode uint32) error {
	err := unix.Fallocate(int(f.Fd()), mode, 0, 1<<20)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil
	}
	return err
}
