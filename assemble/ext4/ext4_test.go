package ext4_test

import (
	"bytes"
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
	"time"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

// mkfs makes an image with mke2fs and returns its path.
func mkfs(t testing.TB, size int64, args ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "ext4.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, size); err != nil {
		t.Fatal(err)
	}
	tool(t, "mke2fs", append(args, "-q", "-F", image)...)
	return image
}

// tool runs a program of e2fsprogs and returns what it prints.
func tool(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(hosttool.Find(t, name, "e2fsprogs"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// debugfs runs commands on an image, which they may change.
func debugfs(t testing.TB, image string, commands ...string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(script, []byte(strings.Join(commands, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return tool(t, "debugfs", "-w", "-f", script, image)
}

func open(t testing.TB, image string) *ext4.FS {
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
	fsys, err := ext4.New(f, st.Size())
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// describe is all that the kernel's stat says too.
func describe(in fs.FileInfo) string {
	s := in.Sys().(*ext4.Stat)
	return fmt.Sprintf("%d:%d inode %d, %d links, %v", s.UID, s.GID, s.Inode, s.Links, in.ModTime())
}

// modTime is what mke2fs keeps of a file besides its mode, size and contents:
// whole seconds, but of links and the root.
func modTime(in fs.FileInfo) string {
	if in.Mode()&fs.ModeSymlink != 0 || in.Name() == "." {
		return ""
	}
	return fmt.Sprint(in.ModTime().UTC().Truncate(time.Second))
}

// source is a folder for mke2fs -d.
func source(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	noise := rand.NewChaCha8([32]byte{1})
	write := func(name string, n int, mode fs.FileMode) {
		t.Helper()
		path := filepath.Join(dir, name)
		data := make([]byte, n)
		_, _ = noise.Read(data)
		must(os.MkdirAll(filepath.Dir(path), 0o755))
		must(os.WriteFile(path, data, 0o600))
		must(os.Chmod(path, mode))
	}
	for _, n := range []int{0, 1, 59, 60, 61, 100, 150, 200, 1023, 1024, 4096, 4097, 300_000, 3_000_000} {
		write(fmt.Sprint("sizes/", n), n, 0o644)
	}
	for i, mode := range []fs.FileMode{0o400, 0o755 | fs.ModeSetuid, 0o2, 0o755 | fs.ModeSetgid | fs.ModeSticky} {
		write(fmt.Sprint("modes/", i), 10, mode)
	}
	for i := range 1000 {
		write(fmt.Sprintf("many/%s-%d", nodefstest.LongName[:i%90], i), i%3, 0o644)
	}
	for _, n := range []int{1, 2, 3, 4, 6} { // inside of inodes, and just not
		for i := range n {
			write(fmt.Sprintf("few%d/name-%d", n, i), 1, 0o644)
		}
	}
	write(strings.Repeat("d/", 50)+"file", 5, 0o644)
	write("names/"+strings.Repeat("ü", 127)+"x", 5, 0o644)
	must(os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	for _, n := range []int{1, 58, 59, 60, 61, 120, 500, 1023} {
		must(os.Symlink(strings.Repeat("sizes/../", 200)[:n], filepath.Join(dir, fmt.Sprint("link", n))))
	}
	must(os.Link(filepath.Join(dir, "sizes/4097"), filepath.Join(dir, "other-name")))
	f, err := os.Create(filepath.Join(dir, "sparse"))
	must(err)
	for _, off := range []int64{12_345, 3_000_000, 9_000_000} {
		_, err := f.WriteAt([]byte("data between holes"), off)
		must(err)
	}
	must(f.Close())
	return dir
}

// variants are what mke2fs is told.
var variants = []string{
	"-t ext4 -b 1024",
	"-t ext4 -b 4096",
	"-t ext4 -b 65536",
	"-t ext4 -b 4096 -O inline_data",
	"-t ext4 -b 1024 -I 1024 -O inline_data,metadata_csum_seed",
	"-t ext4 -b 2048 -O ^metadata_csum,uninit_bg,^64bit",
	"-t ext4 -b 1024 -O meta_bg,^resize_inode -g 1024",
	"-t ext4 -b 1024 -O sparse_super2,meta_bg,^resize_inode -g 1024",
	"-t ext4 -b 1024 -O bigalloc,^has_journal -C 8192",
	"-t ext4 -b 4096 -O ^extents,^64bit,^flex_bg",
	"-t ext4 -b 4096 -O large_dir,casefold,quota,orphan_file",
	"-t ext3 -b 1024",
	"-t ext2 -b 1024 -I 128 -O ^sparse_super,^resize_inode",
	"-t ext2 -b 4096 -O ^filetype,^dir_index,^large_file",
}

// TestFilledByMke2fs compares with the folder that mke2fs was given, before and
// after e2fsck has made hashed directories.
func TestFilledByMke2fs(t *testing.T) {
	dir := source(t)
	want := nodefstest.Tree(t, os.DirFS(dir), modTime)
	for _, args := range variants {
		t.Run(args, func(t *testing.T) {
			image := mkfs(t, 96<<20, append(strings.Fields(args), "-d", dir)...)
			for _, hashed := range []bool{false, true} {
				if hashed {
					hash(t, image)
				}
				fsys := open(t, image)
				if kind := strings.Fields(args)[1]; fsys.Kind != kind {
					t.Errorf("it is %s", fsys.Kind)
				}
				got := nodefstest.Tree(t, fsys, modTime)
				delete(got, "lost+found")
				nodefstest.Compare(t, got, want)
			}
		})
	}
}

// hash makes hashed directories of all that are large enough.
func hash(t testing.TB, image string) {
	t.Helper()
	out, err := exec.Command(hosttool.Find(t, "e2fsck", "e2fsprogs"), "-fyD", image).CombinedOutput()
	if code := new(exec.ExitError); err != nil && (!errors.As(err, &code) || code.ExitCode() > 1) {
		t.Fatalf("e2fsck: %v\n%s", err, out)
	}
}

// TestManyNames: a directory whose hashes have two levels.
func TestManyNames(t *testing.T) {
	dir := t.TempDir()
	for i := range 4000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d", nodefstest.LongName[:i%90], i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := nodefstest.Tree(t, os.DirFS(dir), modTime)
	image := mkfs(t, 64<<20, "-t", "ext4", "-b", "1024", "-N", "5000", "-d", dir)
	hash(t, image)
	if out := debugfs(t, image, "htree_dump /"); !strings.Contains(out, "Indirect levels: 1") {
		t.Fatalf("not two levels: %.300s", out)
	}
	fsys := open(t, image)
	got := nodefstest.Tree(t, fsys, modTime)
	delete(got, "lost+found")
	nodefstest.Compare(t, got, want)
}

// TestFragments: extents of two levels, and blocks of blocks of blocks, beside
// what debugfs reads.
func TestFragments(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		if _, err := f.WriteAt(fmt.Append(nil, "block ", i), int64(i)*1024); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.WriteAt([]byte("far"), 70<<20); err != nil { // behind 12 + 256 + 256² blocks
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ext4", "ext3"} {
		image := mkfs(t, 64<<20, "-t", kind, "-b", "1024", "-d", dir)
		var commands []string
		for i := 1; i < 3000; i += 3 {
			commands = append(commands, fmt.Sprintf("punch file %d %d", i, i))
		}
		dumped := filepath.Join(t.TempDir(), "dumped")
		out := debugfs(t, image, append(commands, "extents file", "dump file "+dumped)...)
		if kind == "ext4" && !strings.Contains(out, " 2/ 2") {
			t.Errorf("no extents in two levels: %.300s", out)
		}
		want, err := os.ReadFile(dumped)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := open(t, image).ReadFile("file"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes read, %d dumped: %v", kind, len(got), len(want), err)
		}
	}
}

// TestSymbolicLinks lead on, but never out.
func TestSymbolicLinks(t *testing.T) {
	for _, name := range []string{"small", "maps"} {
		fsys := small(t, name)
		for _, link := range []string{"link", "longlink"} {
			if got, err := fsys.ReadFile(link); err != nil || string(got) != "hello\n" {
				t.Errorf("%s: %q, %v", link, got, err)
			}
			if in, err := fsys.Lstat(link); err != nil || in.Mode().Type() != fs.ModeSymlink {
				t.Errorf("%s: %v, %v", link, in, err)
			}
		}
	}
}

// TestFS: the standard library's judgement of an fs.FS.
func TestFS(t *testing.T) {
	for _, name := range []string{"small", "maps"} {
		if err := fstest.TestFS(small(t, name), "short/file", "inline/file", "many/file-000", "fragments", "sparse"); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSuperblock compares with dumpe2fs.
func TestSuperblock(t *testing.T) {
	for _, args := range []string{"-t ext4 -L a-label -b 2048", "-t ext3", "-t ext2 -r 0 -I 128"} {
		image := mkfs(t, 64<<20, strings.Fields(args)...)
		out := tool(t, "dumpe2fs", "-h", image)
		field := func(name string) string {
			m := regexp.MustCompile(`(?m)^` + name + `: +(.+)$`).FindStringSubmatch(out)
			if m == nil {
				t.Fatalf("dumpe2fs says no %s: %s", name, out)
			}
			return m[1]
		}
		fsys := open(t, image)
		label := fsys.Label
		if label == "" {
			label = "<none>"
		}
		got := []string{fsys.UUID, label, fmt.Sprint(fsys.BlockSize), fmt.Sprint(fsys.Size / int64(fsys.BlockSize))}
		want := []string{field("Filesystem UUID"), field("Filesystem volume name"), field("Block size"), field("Block count")}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: read %q, dumpe2fs says %q", args, got, want)
		}
	}
}

func TestNotExt4(t *testing.T) {
	for _, data := range []string{"", strings.Repeat("x", 1024), strings.Repeat("x", 4096)} {
		if _, err := ext4.New(strings.NewReader(data), int64(len(data))); !errors.Is(err, ext4.ErrNotExt4) {
			t.Errorf("%d bytes: %v", len(data), err)
		}
	}
}

// TestChecksums: each kind of metadata with a bit changed is refused.
func TestChecksums(t *testing.T) {
	dir := source(t)
	path := mkfs(t, 64<<20, "-t", "ext4", "-b", "1024", "-d", dir)
	var commands []string
	for i := 1; i < 1000; i += 2 {
		commands = append(commands, fmt.Sprintf("punch sizes/3000000 %d %d", i, i))
	}
	debugfs(t, path, commands...)
	hash(t, path)
	out := debugfs(t, path, "imap sizes/1", "bmap many 0", "bmap many 1", "extents sizes/3000000")
	number := func(pattern string) int64 {
		m := regexp.MustCompile(pattern).FindStringSubmatch(out)
		if m == nil {
			t.Fatalf("no %s in %.500s", pattern, out)
		}
		var n int64
		if _, err := fmt.Sscan(m[1], &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for kind, at := range map[string]int64{
		"superblock":   1024 + 120,
		"descriptor":   2048 + 12,
		"inode":        number(`located at block (\d+),`)*1024 + number(`offset (0x[0-9a-f]+)`) + 8,
		"hashes":       number(`bmap many 0\n(\d+)`)*1024 + 40,
		"block 1":      number(`bmap many 1\n(\d+)`)*1024 + 9,
		"extents":      number(` 0/ 2 +1/ +\d+ +\d+ - +\d+ +(\d+)`)*1024 + 12*10 + 8,
		"sizes/300000": -1, // nothing is wrong with it
	} {
		damaged := image(bytes.Clone(data))
		if at >= 0 {
			damaged[at] ^= 1
		}
		fsys, err := damaged.open()
		if err == nil {
			err = exercise(fsys, 10_000)
		}
		if at < 0 && err != nil || at >= 0 && (!errors.Is(err, ext4.ErrCorrupt) || !strings.Contains(err.Error(), "checksum") || !strings.Contains(err.Error(), kind)) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
