package xfs_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/imgasm/imgasm/assemble/xfs"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

// imageSize is the least that mkfs.xfs makes a file system of.
const imageSize = 320 << 20

// mkfs makes an image with mkfs.xfs and returns its path.
func mkfs(t testing.TB, args ...string) string {
	t.Helper()
	return mkfsOf(t, imageSize, args...)
}

func mkfsOf(t testing.TB, size int64, args ...string) string {
	t.Helper()
	tool := hosttool.Find(t, "mkfs.xfs", "xfsprogs")
	image := filepath.Join(t.TempDir(), "xfs.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, size); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, append(args, "-q", image)...).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.xfs %q: %v\n%s", args, err, out)
	}
	return image
}

func open(t testing.TB, image string) *xfs.FS {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	fsys, err := xfs.New(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

func owner(in fs.FileInfo) string {
	s := in.Sys().(*xfs.Stat)
	return fmt.Sprintf("%d:%d", s.UID, s.GID)
}

// prototype writes a prototype file of mkfs.xfs, and returns its path and what
// the file system should then hold.
func prototype(t testing.TB) (string, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	var p bytes.Buffer
	want := map[string]string{".": "drwxr-xr-x 0:0"}
	p.WriteString("none\n0 0\nd--755 0 0\n")
	file := func(in string, n int, mode, goMode string, uid, gid int) {
		data := make([]byte, n)
		rand.NewChaCha8([32]byte{byte(n)}).Read(data)
		path := filepath.Join(dir, fmt.Sprint(n))
		if _, err := os.Stat(path); err != nil {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		fmt.Fprintf(&p, "%s %s %d %d %s\n", filepath.Base(in), mode, uid, gid, path)
		want[in] = fmt.Sprintf("%s %d:%d %d %x", goMode, uid, gid, n, sha256.Sum256(data))
	}
	for i, n := range []int{0, 1, 267, 1024, 4096, 4097, 300_000, 3_000_000} {
		file(fmt.Sprintf("f%d", n), n, "---644", "-rw-r--r--", i, 70_000+i)
	}
	file("setuid", 10, "-u-755", "urwxr-xr-x", 0, 0)
	// Longer ones mkfs.xfs 6.1 writes without a header, which no kernel reads.
	for _, n := range []int{1, 20, 300, 336} {
		name, target := fmt.Sprintf("link%d", n), strings.Repeat("abcdefghi/", 102)[:n]
		fmt.Fprintf(&p, "%s l--777 3 4 %s\n", name, target)
		want[name] = "Lrwxrwxrwx 3:4 " + target
	}
	p.WriteString("fifo p--600 0 0\n")
	want["fifo"] = "prw------- 0:0"
	for _, n := range []int{0, 1, 5, 60, 1200} { // empty, short forms, block or leaf, node
		name := fmt.Sprintf("dir%d", n)
		fmt.Fprintf(&p, "%s d-g750 5 6\n", name)
		want[name] = "dgrwxr-x--- 5:6"
		for i := range n {
			file(fmt.Sprintf("%s/%s-%d", name, nodefstest.LongName, i), i%3, "---400", "-r--------", 7, 8)
		}
		p.WriteString("$\n")
	}
	p.WriteString("$\n")
	path := filepath.Join(dir, "proto")
	if err := os.WriteFile(path, p.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, want
}

func checkPrototype(t *testing.T, args ...string) *xfs.FS {
	t.Helper()
	proto, want := prototype(t)
	fsys := open(t, mkfs(t, append(args, "-p", proto)...))
	nodefstest.Compare(t, nodefstest.Tree(t, fsys, owner), want)
	return fsys
}

func TestBlocksOf4KiB(t *testing.T)    { checkPrototype(t) }
func TestBlocksOf1KiB(t *testing.T)    { checkPrototype(t, "-b", "size=1024") }
func TestInodesOf2KiB(t *testing.T)    { checkPrototype(t, "-i", "size=2048") }
func TestSmallTimestamps(t *testing.T) { checkPrototype(t, "-m", "bigtime=0,reflink=0") }

func TestDirectoryBlocksLargerThanBlocks(t *testing.T) {
	checkPrototype(t, "-b", "size=1024", "-n", "size=16384")
}

// TestLargeExtentCounters: AlmaLinux 10's mkfs.xfs makes them, and a reader
// that looks for the counter where it used to be reads other bytes, without an
// error.
func TestLargeExtentCounters(t *testing.T) { checkPrototype(t, "-i", "nrext64=1") }

// TestSectorsOf4KiB: a superblock's checksum then covers 4 KiB.
func TestSectorsOf4KiB(t *testing.T) { checkPrototype(t, "-s", "size=4096") }

// TestSymbolicLinks: they are no regular files, and lead on.
func TestSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.WriteFile(data, []byte("PRETTY_NAME\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	proto := filepath.Join(dir, "proto")
	long := strings.Repeat("x/../", 60) + "usr/lib/os-release"
	if err := os.WriteFile(proto, []byte(`none
0 0
d--755 0 0
usr d--755 0 0
lib d--755 0 0
os-release ---644 0 0 `+data+`
$
$
x d--755 0 0
$
etc d--755 0 0
relative l--777 0 0 ../usr/lib/os-release
absolute l--777 0 0 /usr/lib/os-release
outside l--777 0 0 ../../../../usr/lib/os-release
$
lib l--777 0 0 usr/lib
long l--777 0 0 `+long+`
loop l--777 0 0 loop
dangling l--777 0 0 nowhere
through l--777 0 0 usr/lib/os-release/..
$
`), 0o600); err != nil {
		t.Fatal(err)
	}
	fsys := open(t, mkfs(t, "-p", proto))
	for _, name := range []string{"etc/relative", "etc/absolute", "etc/outside", "lib/os-release", "long"} {
		if got, err := fsys.ReadFile(name); err != nil || string(got) != "PRETTY_NAME\n" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for name, dir := range map[string]bool{"lib": true, "long": false} {
		in, err := fsys.Lstat(name)
		if err != nil || in.Mode().Type() != fs.ModeSymlink {
			t.Errorf("Lstat %s: %v, %v", name, in, err)
		}
		if in, err = fsys.Stat(name); err != nil || in.IsDir() != dir {
			t.Errorf("Stat %s: %v, %v", name, in, err)
		}
	}
	if got, err := fsys.ReadLink("long"); got != long {
		t.Errorf("ReadLink: %q, %v", got, err)
	}
	if list, err := fsys.ReadDir("lib"); err != nil || len(list) != 1 {
		t.Errorf("ReadDir lib: %v, %v", list, err)
	}
	for _, name := range []string{"loop", "through", "usr/lib/os-release/x"} {
		if _, err := fsys.Stat(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"dangling", "nowhere", "usr/nowhere"} {
		if _, err := fsys.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"usr", "usr/lib/os-release"} {
		if _, err := fsys.ReadLink(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("ReadLink %s: %v", name, err)
		}
	}
}

// TestFS: the standard library's judgement of an fs.FS.
func TestFS(t *testing.T) {
	if err := fstest.TestFS(small(t), "short/file", "many/file-000", "fragments"); err != nil {
		t.Fatal(err)
	}
}

// TestSuperblock compares with xfs_db.
func TestSuperblock(t *testing.T) {
	tool := hosttool.Find(t, "xfs_db", "xfsprogs")
	image := mkfs(t, "-L", "a label", "-b", "size=2048")
	for _, change := range []string{"", "uuid generate"} { // then metadata keeps the old UUID
		if change != "" {
			if out, err := exec.Command(tool, "-x", "-c", change, image).CombinedOutput(); err != nil {
				t.Fatalf("xfs_db: %v\n%s", err, out)
			}
		}
		out, err := exec.Command(tool, "-r", "-c", "sb 0", "-c", "p uuid fname blocksize dblocks", image).Output()
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`uuid = (\S+)\nfname = "([^"]*?)(?:\\000)*"\nblocksize = (\d+)\ndblocks = (\d+)`).FindStringSubmatch(string(out))
		if m == nil {
			t.Fatalf("xfs_db: %s", out)
		}
		fsys := open(t, image)
		got := []string{fsys.UUID, fsys.Label, fmt.Sprint(fsys.BlockSize), fmt.Sprint(fsys.Size / int64(fsys.BlockSize))}
		if strings.Join(got, " ") != strings.Join(m[1:], " ") {
			t.Errorf("read %q, xfs_db says %q", got, m[1:])
		}
		if _, err := fsys.ReadDir("."); err != nil {
			t.Error(err)
		}
	}
}

// TestUnclean changes the record of unmounting that mkfs.xfs writes: the flags of its
// operation, its count of operations, and its length, which points to no flags.
func TestUnclean(t *testing.T) {
	image := mkfs(t)
	if open(t, image).Unclean {
		t.Error("a new one is not clean")
	}
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	log := bytes.Index(b, []byte{0xfe, 0xed, 0xba, 0xbe})
	for at, value := range map[int]byte{512 + 9: 0, 43: 2, 13: 1, 14: 0, 300 + 20: 1} {
		changed := bytes.Clone(b)
		changed[log+at] = value
		if f, err := xfs.New(bytes.NewReader(changed), imageSize); err != nil || !f.Unclean {
			t.Errorf("with %d at byte %d of its record it is clean, %v", value, at, err)
		}
	}
}

// TestLogElsewhere: files are read where the log is on another device, larger than an
// allocation group; and where it is damaged or cut off, which is told.
func TestLogElsewhere(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if err := errors.Join(os.WriteFile(log, nil, 0o600), os.Truncate(log, 200<<20)); err != nil {
		t.Fatal(err)
	}
	if f := open(t, mkfs(t, "-l", "size=200m,logdev="+log)); f.Unclean {
		t.Error("of a log on another device nothing is known")
	}
	b, err := os.ReadFile(mkfs(t))
	if err != nil {
		t.Fatal(err)
	}
	cut := b[:bytes.Index(b, []byte{0xfe, 0xed, 0xba, 0xbe})]
	if f, err := xfs.New(bytes.NewReader(cut), imageSize); err != nil || !f.Unclean {
		t.Errorf("without its log: %v", err)
	}
}

func TestVersion4IsRefused(t *testing.T) {
	f, err := os.Open(mkfs(t, "-m", "crc=0"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := xfs.New(f, imageSize); !errors.Is(err, xfs.ErrUnsupported) || !strings.Contains(err.Error(), "version 4") {
		t.Fatal(err)
	}
}

func TestNotXFS(t *testing.T) {
	for _, data := range []string{"", "XFSB", strings.Repeat("x", 4096)} {
		if _, err := xfs.New(strings.NewReader(data), int64(len(data))); !errors.Is(err, xfs.ErrNotXFS) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
}

// describe is owner, and all that the kernel's stat also says.
func describe(in fs.FileInfo) string {
	s := in.Sys().(*xfs.Stat)
	return fmt.Sprintf("%s inode %d, %d links, %v", owner(in), s.Inode, s.Links, in.ModTime())
}
