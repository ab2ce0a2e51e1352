package ext4_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/internal/nodefs/nodefstest"
)

// forest makes a random tree, and what nodefstest.Tree shall tell of it.
type forest struct {
	r     *rand.Rand
	w     *ext4.Writer
	dirs  []string
	files []string
	want  map[string]string
}

// path is a new one of any length.
func (f *forest) path() string {
	name := strings.Repeat("xü", 128)[:1+f.r.IntN(255)]
	if f.r.IntN(3) > 0 {
		name = name[:min(12, len(name))]
	}
	name = strings.ToValidUTF8(fmt.Sprint(f.r.IntN(100_000), name), "")
	path := f.dirs[f.r.IntN(len(f.dirs))] + name[:min(len(name), 255)]
	path = strings.ToValidUTF8(path, "")
	if f.want[path] != "" {
		return f.path()
	}
	return path
}

// size is around where blocks, extents and buffers end.
func (f *forest) size() int {
	edges := []int{0, 1, 4096, 2 * 4096, 3 * 4096, 4 * 3 * 4096, 64 << 10, 256 << 10, 1<<20 + 12345, 340 * 3 * 4096, 4*340*3*4096 + 3}
	n := f.r.IntN(len(edges))
	if n > 6 && f.r.IntN(8) > 0 {
		n = f.r.IntN(6)
	}
	return max(0, edges[n]+f.r.IntN(5)-2)
}

func (f *forest) add() error {
	path := f.path()
	mode := fs.FileMode(0o600 | f.r.IntN(0o200))
	a := ext4.Attr{Mode: mode, UID: f.r.Uint32(), ModTime: time.Unix(f.r.Int64N(1<<34)-1<<32, f.r.Int64N(1e9))}
	switch kind := f.r.IntN(20); {
	case kind < 2:
		f.want[path] = fmt.Sprintf("%v ", mode|0o100|fs.ModeDir)
		f.dirs = append(f.dirs, path+"/")
		a.Mode |= 0o100
		return f.w.Mkdir(path, a)
	case kind < 5:
		target := strings.Repeat("ab/", 1400)[:[]int{1, 58, 59, 60, 61, 1 + f.r.IntN(4095), 4095}[f.r.IntN(7)]]
		f.want[path] = "Lrwxrwxrwx  " + target
		return f.w.Symlink(path, target, a)
	case kind < 7 && len(f.files) > 0:
		existing := f.files[f.r.IntN(len(f.files))]
		f.want[path] = f.want[existing]
		return f.w.Link(path, existing)
	}
	content := make([]byte, f.size())
	_, _ = rand.NewChaCha8([32]byte{byte(f.r.Uint32())}).Read(content)
	f.want[path] = fmt.Sprintf("%v  %d %x", mode, len(content), sha256.Sum256(content))
	f.files = append(f.files, path)
	return f.w.File(path, a, int64(len(content)), bytes.NewReader(content))
}

// TestRandomTrees are read back by debugfs and this package.
func TestRandomTrees(t *testing.T) {
	ext4.LowerMaxExtent(t, 3) // so that small files have trees of extents
	nothing := func(fs.FileInfo) string { return "" }
	for seed := range uint64(2) {
		f := &forest{r: rand.New(rand.NewPCG(seed, 0)), dirs: []string{""}, want: map[string]string{}}
		image := written(t, options(200<<20), func(w *ext4.Writer) error {
			f.w = w
			for range 400 + f.r.IntN(400) {
				if err := f.add(); err != nil {
					return err
				}
			}
			return nil
		})
		dumped := t.TempDir()
		debugfs(t, image, "rdump / "+dumped)
		for _, fsys := range []fs.FS{os.DirFS(dumped), open(t, image)} {
			got := nodefstest.Tree(t, fsys, nothing)
			delete(got, "lost+found")
			delete(got, ".")
			nodefstest.Compare(t, got, f.want)
		}
	}
}

// TestDirectories: of sizes around where hashes begin, and where they have two
// levels; 15 of the names fill a block.
func TestDirectories(t *testing.T) {
	for _, c := range []struct {
		files  int
		levels string
	}{{15, ""}, {16, "0"}, {507 * 15, "0"}, {507*15 + 1, "1"}, {20_000, "1"}} {
		o := options(256 << 20)
		o.Inodes = c.files + 1
		image := written(t, o, func(w *ext4.Writer) error {
			if err := w.Mkdir("dir", ext4.Attr{Mode: 0o755}); err != nil {
				return err
			}
			for i := range c.files {
				if err := w.Symlink(fmt.Sprintf("dir/%0255d", i), "x", ext4.Attr{}); err != nil {
					return err
				}
			}
			return nil
		})
		out := debugfs(t, image, "htree_dump /dir")
		if c.levels == "" != strings.Contains(out, "Not a hash-indexed directory") || c.levels != "" && !strings.Contains(out, "Indirect levels: "+c.levels) {
			t.Errorf("%d names: %.300s", c.files, out)
		}
		if got, err := open(t, image).ReadDir("dir"); err != nil || len(got) != c.files {
			t.Errorf("%d names are read of %d: %v", len(got), c.files, err)
		}
	}
}

// TestManyFiles: 100,000 names in a directory, and 70,000 directories in
// another, which are more than its inode can count; and what memory they take.
func TestManyFiles(t *testing.T) {
	const files, dirs = 100_000, 70_000
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	o := options(2 << 30)
	o.Inodes = files + dirs + 2
	image := written(t, o, func(w *ext4.Writer) error {
		before := heap()
		for _, dir := range []string{"files", "dirs"} {
			if err := w.Mkdir(dir, ext4.Attr{Mode: 0o755}); err != nil {
				return err
			}
		}
		for i := range files {
			if err := w.File(fmt.Sprintf("files/a-name-of-30-bytes-%010d", i), ext4.Attr{Mode: 0o644}, 0, strings.NewReader("")); err != nil {
				return err
			}
		}
		if each := (heap() - before) / files; each > 100 {
			t.Errorf("it keeps %d bytes for each file", each)
		}
		for i := range dirs {
			if err := w.Mkdir(fmt.Sprint("dirs/", i), ext4.Attr{Mode: 0o755}); err != nil {
				return err
			}
		}
		return nil
	})
	if out := debugfs(t, image, "stat /dirs"); !strings.Contains(out, "Links: 1 ") {
		t.Errorf("debugfs: %s", out)
	}
	got, err := open(t, image).ReadDir("files")
	if err != nil || len(got) != files || !slices.IsSortedFunc(got, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) }) {
		t.Errorf("%d files, %v", len(got), err)
	}
}

// TestHash compares hashes with debugfs's.
func TestHash(t *testing.T) {
	image := mkfs(t, 8<<20, "-t", "ext4", "-b", "4096")
	var commands, want []string
	seed := superblockOf(t, written(t, options(ext4.MinSizeBytes), func(*ext4.Writer) error { return nil }))["Directory Hash Seed"]
	for n := 1; n < 256; n += 3 {
		name := strings.Repeat("aé-0", 64)[:n]
		commands = append(commands, fmt.Sprintf("dx_hash -h half_md4 -s %s %s", seed, name))
		want = append(want, fmt.Sprintf("Hash of %s is 0x%x", name, ext4.NameHash(options(0).UUID, name)))
	}
	out := debugfs(t, image, commands...)
	for _, line := range want {
		if !strings.Contains(out, line+" ") {
			t.Errorf("not %s:\n%.2000s", line, out)
			break
		}
	}
}
