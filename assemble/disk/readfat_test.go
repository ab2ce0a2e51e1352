package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat12"
	"github.com/diskfs/go-diskfs/filesystem/fat16"
	"github.com/diskfs/go-diskfs/filesystem/fat32"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
)

// mtool runs one of the mtools on an image.
func mtool(t testing.TB, image, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(hosttool.Find(t, name, "mtools"), append([]string{"-i", image}, args...)...)
	cmd.Env = append(os.Environ(), "MTOOLS_SKIP_CHECK=1", "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// mkfs makes a file system with mkfs.vfat in a sparse file.
func mkfs(t testing.TB, size int64, options ...string) string {
	t.Helper()
	image := blankDisk(t, size)
	if out, err := exec.Command(hosttool.Find(t, "mkfs.vfat", "dosfstools"), append(options, image)...).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.vfat %q: %v\n%s", options, err, out)
	}
	return image
}

// walkFAT reads a whole file system: paths to contents, folders with a "/" at the end.
func walkFAT(t testing.TB, f *FAT) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := iofs.WalkDir(f.FS(), ".", func(p string, e iofs.DirEntry, err error) error {
		switch {
		case err != nil || p == ".":
			return err
		case e.IsDir():
			all[p+"/"] = ""
			return nil
		}
		b, err := iofs.ReadFile(f.FS(), p)
		if info, err := e.Info(); err != nil || int64(len(b)) != info.Size() {
			t.Errorf("%s: %d bytes, %v", p, len(b), err)
		}
		all[p] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// oracle is what go-diskfs needs to be read.
type oracle interface {
	ReadDir(string) ([]iofs.DirEntry, error)
	ReadFile(string) ([]byte, error)
}

// readOracle reads with go-diskfs.
func readOracle(t testing.TB, image string, bits int) oracle {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var fs oracle
	switch b := file.New(f, true); bits {
	case 12:
		fs, err = fat12.Read(b, info.Size(), 0, SectorSize)
	case 16:
		fs, err = fat16.Read(b, info.Size(), 0, SectorSize)
	default:
		fs, err = fat32.Read(b, info.Size(), 0, SectorSize)
	}
	if err != nil {
		t.Fatalf("go-diskfs: %v", err)
	}
	return fs
}

func walkOracle(t testing.TB, fs oracle) map[string]string {
	t.Helper()
	all := map[string]string{}
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := fs.ReadDir(dir)
		if err != nil {
			t.Fatalf("go-diskfs: %q: %v", dir, err)
		}
		for _, e := range entries {
			p := path.Join(dir, e.Name())
			if e.IsDir() {
				all[p+"/"] = ""
				walk(p)
				continue
			}
			// go-diskfs refuses the first cluster that an empty file has: 0.
			if info, err := e.Info(); err != nil || info.Size() == 0 {
				all[p] = ""
				continue
			}
			b, err := fs.ReadFile(p)
			if err != nil {
				t.Fatalf("go-diskfs: %q: %v", p, err)
			}
			all[p] = string(b)
		}
	}
	walk(".")
	return all
}

// What mkfs.vfat made and mtools filled reads as what was put there, and as
// go-diskfs reads it.
func TestReadFATByTools(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		mib     int64
		bits    int
		options []string
	}{
		{8, 12, nil}, {8, 12, []string{"-F", "12", "-s", "4"}}, {8, 16, []string{"-F", "16", "-s", "1"}},
		{64, 16, nil}, {200, 16, nil}, {260, 16, nil}, {511, 16, nil},
		{64, 32, []string{"-F", "32", "-s", "1"}}, {512, 32, nil}, {1024, 32, nil},
		{1024, 32, []string{"-S", "4096"}}, {64, 16, []string{"-f", "1"}},
	} {
		t.Run(fmt.Sprint(c.mib, c.options), func(t *testing.T) {
			t.Parallel()
			image := mkfs(t, c.mib<<20, append([]string{"-n", "LABEL", "-i", "1a2b3c4d"}, c.options...)...)
			want := map[string]string{"EFI/": "", "EFI/BOOT/": "", "many/": "", "empty/": ""}
			put := func(name string, data []byte) {
				local := filepath.Join(dir, fmt.Sprintf("%d %d %s", c.mib, len(c.options), strings.ReplaceAll(name, "/", "_")))
				if err := os.WriteFile(local, data, 0o600); err != nil {
					t.Fatal(err)
				}
				mtool(t, image, "mcopy", local, "::/"+name)
				want[name] = string(data)
			}
			mtool(t, image, "mmd", "::/EFI", "::/EFI/BOOT", "::/many", "::/empty")
			// Holes between files, and then one file in all of them.
			for i := range 40 {
				put(fmt.Sprintf("many/a rather long name, number %d", i), noise(20_000, int64(i)))
			}
			for i := 0; i < 40; i += 2 {
				name := fmt.Sprintf("many/a rather long name, number %d", i)
				mtool(t, image, "mdel", "::/"+name)
				delete(want, name)
			}
			put("EFI/BOOT/BOOTX64.EFI", noise(1<<20+77, 77))
			put("SHORT.TXT", []byte("short"))
			put("nothing", nil)
			put("größe und 日本語.txt", []byte("wide"))

			f, err := os.Open(image)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			fs, err := OpenFAT(f, c.mib<<20)
			if err != nil {
				t.Fatal(err)
			}
			if fs.Bits != c.bits {
				t.Errorf("FAT%d, want FAT%d", fs.Bits, c.bits)
			}
			sameFiles(t, "ours", walkFAT(t, fs), want)
			if label, err := fs.Label(); err != nil || label != "LABEL" || fs.UUID != "1A2B-3C4D" || fs.Size > c.mib<<20 || fs.Size < c.mib<<20-1<<16 {
				t.Errorf("label %q, UUID %s, %d bytes, %v", label, fs.UUID, fs.Size, err)
			}
			// fsck.vfat counts files, folders, and the label.
			cmd := exec.Command(hosttool.Find(t, "fsck.vfat", "dosfstools"), "-n", image)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), fmt.Sprintf(": %d files, ", len(want)+1)) {
				t.Errorf("%d files and folders are read, fsck.vfat says: %v: %s", len(want), err, out)
			}
			if len(c.options) == 0 && slices.Contains([]int64{8, 64, 512}, c.mib) { // one of each kind: it takes a while
				checkFATFS(t, fs.FS(), want)
			}
			if b, err := iofs.ReadFile(fs.FS(), "efi/boot/bootx64.efi"); err != nil || string(b) != want["EFI/BOOT/BOOTX64.EFI"] {
				t.Errorf("by another case: %d bytes, %v", len(b), err)
			}
			for _, p := range []string{"EFI/none", "SHORT.TXT/x", "empty/EFI"} {
				if _, err := fs.FS().Open(p); err == nil || errors.Is(err, ErrDamaged) {
					t.Errorf("%s: %v", p, err)
				}
			}
			if slices.Contains(c.options, "-f") {
				return // go-diskfs insists on two tables
			}
			sameFiles(t, "go-diskfs", walkOracle(t, readOracle(t, image, c.bits)), want)
		})
	}
}

// checkFATFS lets the standard library judge the fs.FS, and looks at what that
// does not know.
func checkFATFS(t *testing.T, fsys iofs.FS, want map[string]string) {
	t.Helper()
	var names []string
	for name := range want {
		names = append(names, strings.TrimSuffix(name, "/"))
	}
	if err := fstest.TestFS(fsys, names...); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"EFI/BOOT/BOOTX64.EFI", "efi/boot/bootx64.efi"} {
		f, err := fsys.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		text := want["EFI/BOOT/BOOTX64.EFI"]
		for _, off := range []int{0, 1 << 20, 5000, 5100, 1} { // on and back
			got := make([]byte, 77)
			if _, err := f.(io.ReaderAt).ReadAt(got, int64(off)); err != nil || string(got) != text[off:off+77] {
				t.Errorf("%s at %d differs: %v", name, off, err)
			}
		}
		in, err := f.Stat()
		if age := time.Since(in.ModTime()).Abs(); err != nil || age > 26*time.Hour { // it is local time
			t.Errorf("%s is of %v, %v", name, in.ModTime(), err)
		}
	}
	if _, err := fsys.Open("EFI/none"); !errors.Is(err, iofs.ErrNotExist) {
		t.Error(err)
	}
}

// A walk ends, whoever wrote the file system: directories that are in two
// places, or in themselves, are damage.
func TestFATWalkEnds(t *testing.T) {
	image, err := os.ReadFile(writeFAT(t, fat(MinFAT32Bytes, []tree.File{tree.Bytes("DIR/IN/FILE", nil), tree.Bytes("DIR2/X", nil)})))
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	entry := func(d []byte, name string) []byte {
		at := bytes.Index(d, fmt.Appendf(nil, "%-11s", name))
		if at < 0 {
			t.Fatalf("no %q", name)
		}
		return d[at:]
	}
	for name, change := range map[string]func(d []byte){
		"a directory in itself":   func(d []byte) { copy(entry(d, "IN")[26:28], entry(d, "DIR")[26:28]) },
		"the root in a directory": func(d []byte) { le.PutUint16(entry(d, "IN")[26:], 2) },
		"cluster 0":               func(d []byte) { le.PutUint16(entry(d, "IN")[26:], 0) },
		"two names":               func(d []byte) { copy(entry(d, "DIR2")[26:28], entry(d, "DIR")[26:28]) },
		"one name for two":        func(d []byte) { copy(entry(d, "DIR2"), "DIR ") },
		"another parent":          func(d []byte) { copy(entry(d, "DIR2")[26:28], entry(d, "IN")[26:28]) },
		"a name with a slash":     func(d []byte) { copy(entry(d, "DIR2"), "DI/2") },
	} {
		d := bytes.Clone(image)
		change(d)
		f, err := OpenFAT(bytes.NewReader(d), int64(len(d)))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = iofs.WalkDir(f.FS(), ".", func(_ string, _ iofs.DirEntry, err error) error { n++; return err })
		if !errors.Is(err, ErrDamaged) || n > 10 {
			t.Errorf("%s: %v after %d files", name, err, n)
		}
	}
}

// A FAT32 with fewer clusters than one should have is still one to Linux and to
// firmware; mtools and go-diskfs do not agree, so that it is only opened.
func TestOpenFAT32Small(t *testing.T) {
	f, err := os.Open(mkfs(t, 64<<20, "-F", "32", "-s", "8"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if fs, err := OpenFAT(f, 64<<20); err != nil || fs.Bits != 32 {
		t.Errorf("%+v, %v", fs, err)
	}
}

// Finding each file of a directory does not read all of it each time.
func TestFATLookups(t *testing.T) {
	var files []tree.File
	for i := range 300 {
		files = append(files, tree.Bytes(fmt.Sprintf("EFI/A rather long name %d", i), []byte("x")))
	}
	image, err := os.Open(writeFAT(t, fat(MinFAT32Bytes, files)))
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	count := &countingReader{r: image}
	f, err := OpenFAT(count, MinFAT32Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, err := iofs.Stat(f.FS(), file.Path); err != nil {
			t.Fatal(err)
		}
	}
	if count.n > 1<<20 {
		t.Errorf("%d bytes were read of a directory of 40 KB", count.n)
	}
}

func sameFiles(t testing.TB, who string, got, want map[string]string) {
	t.Helper()
	for name, text := range want {
		if other, ok := got[name]; !ok || other != text {
			t.Errorf("%s: %q: %v, %d bytes, want %d", who, name, ok, len(other), len(text))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %q is not there", who, name)
		}
	}
}

// The writer's file systems read back, too.
func TestReadFATOfOurs(t *testing.T) {
	for _, size := range []int64{MinFAT32Bytes, 300 << 20} {
		f, err := os.Open(writeFAT(t, fat(size, fatFiles())))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fs, err := OpenFAT(f, size)
		if err != nil {
			t.Fatal(err)
		}
		all := walkFAT(t, fs)
		for _, want := range fatFiles() {
			if want.Mode.IsDir() {
				continue
			}
			var b bytes.Buffer
			if err := tree.Copy(&b, want); err != nil {
				t.Fatal(err)
			}
			if all[want.Path] != b.String() {
				t.Errorf("%s: %d bytes", want.Path, len(all[want.Path]))
			}
		}
	}
}

// Loops and lies end with an error, and read no more than the file system has.
func TestReadFATHostile(t *testing.T) {
	le := binary.LittleEndian
	image, err := os.ReadFile(writeFAT(t, fat(MinFAT32Bytes, []tree.File{
		tree.Bytes("DIR/FILE", noise(100_000, 1)), tree.Bytes("LONE", noise(100_000, 2)),
	})))
	if err != nil {
		t.Fatal(err)
	}
	table := int(le.Uint16(image[14:])) * SectorSize
	data := table + 2*int(le.Uint32(image[36:]))*SectorSize
	// The root has the label, DIR and LONE; DIR is the second cluster and has
	// ".", ".." and FILE.
	dir, lone, inner := data+32, data+64, data+SectorSize+64
	link := func(d []byte, from, to uint32) { le.PutUint32(d[table+4*int(from):], to) }
	setCluster := func(d []byte, entry int, to uint32) {
		le.PutUint16(d[entry+20:], uint16(to>>16))
		le.PutUint16(d[entry+26:], uint16(to))
	}
	for _, c := range []struct {
		name   string
		change func(d []byte)
	}{
		{"root directory without an end", func(d []byte) { fillEntries(d[data : data+SectorSize]); link(d, 2, 2) }},
		{"directory without an end", func(d []byte) { fillEntries(d[data+SectorSize : data+2*SectorSize]); link(d, 3, 3) }},
		{"directory in itself", func(d []byte) { d[inner+11] = attrDirectory; setCluster(d, inner, 3) }},
		{"directory in cluster 0", func(d []byte) { setCluster(d, dir, 0) }},
		{"directory out of range", func(d []byte) { setCluster(d, dir, 0x0ffffff0) }},
		{"file is a loop", func(d []byte) { link(d, le32(d, lone), le32(d, lone)); le.PutUint32(d[lone+28:], 0xffffffff) }},
		{"file is a loop, as large as all clusters", func(d []byte) { link(d, le32(d, lone), le32(d, lone)); le.PutUint32(d[lone+28:], 32<<20) }},
		{"file goes on after its end", func(d []byte) { le.PutUint32(d[lone+28:], 30<<20) }},
		{"file without clusters", func(d []byte) { setCluster(d, lone, 0) }},
		{"table all ones", func(d []byte) { fillOnes(d[table:data]) }},
		{"table all twos", func(d []byte) { copy(d[table:data], bytes.Repeat([]byte{2, 0, 0, 0}, (data-table)/4)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := bytes.Clone(image)
			c.change(d)
			count := &countingReader{r: bytes.NewReader(d)}
			fs, err := OpenFAT(count, int64(len(d)))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []string{".", "DIR", "DIR/FILE", strings.TrimSuffix(strings.Repeat("DIR/", 10), "/")} {
				_, _ = iofs.ReadDir(fs.FS(), p)
			}
			for _, p := range []string{"LONE", "DIR/FILE", "DIR/FILE/FILE/FILE"} {
				if r, err := fs.FS().Open(p); err == nil {
					_, _ = io.Copy(io.Discard, r)
				}
			}
			// 17 directories of at most 2 MiB are gone through, and three files.
			if limit := int64(17*2*maxDirBytes + 3*2*len(d)); count.n > limit {
				t.Errorf("read %d bytes of a file system of %d", count.n, len(d))
			}
		})
	}
}

func le32(d []byte, entry int) uint32 {
	return uint32(binary.LittleEndian.Uint16(d[entry+20:]))<<16 | uint32(binary.LittleEndian.Uint16(d[entry+26:]))
}

// fillEntries fills a directory's cluster, so that it does not end there.
func fillEntries(b []byte) {
	for i := 64; i < len(b); i += dirEntrySize {
		copy(b[i:], fmt.Sprintf("FILE%03d TXT ", i/dirEntrySize))
	}
}

func fillOnes(b []byte) { copy(b, bytes.Repeat([]byte{0xff}, len(b))) }

// countingReader counts what is read.
type countingReader struct {
	r io.ReaderAt
	n int64
}

func (c *countingReader) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.r.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

// patched is a disk that begins with what somebody wrote, and is zero behind it.
type patched struct {
	b    []byte
	size int64
}

func (p patched) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off >= p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.size-off))
	clear(b[:n])
	if off < int64(len(p.b)) {
		copy(b[:n], p.b[off:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Whatever a guest wrote: no panic, no hang, and no memory by its wish.
func FuzzOpenFAT(f *testing.F) {
	for _, options := range [][]string{{"-F", "12"}, {"-F", "16", "-s", "1"}, {"-F", "32", "-s", "1"}} {
		image, err := os.ReadFile(mkfs(f, 4<<20, options...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(image[:64<<10])
	}
	small := holes{}
	if err := WriteFAT32(small, 0, fat(MinFAT32Bytes, []tree.File{tree.Bytes("EFI/BOOT/BOOTX64.EFI", []byte("MZ"))}), true); err != nil {
		f.Fatal(err)
	}
	f.Add(small.read(0, 1<<20))
	f.Fuzz(func(t *testing.T, b []byte) {
		count := &countingReader{r: patched{b, 4 << 20}}
		fs, err := OpenFAT(count, 4<<20)
		if err != nil {
			return
		}
		for _, p := range []string{".", "EFI", "EFI/BOOT"} {
			entries, err := iofs.ReadDir(fs.FS(), p)
			if err != nil {
				continue
			}
			for _, e := range entries[:min(len(entries), 3)] {
				r, err := fs.FS().Open(path.Join(p, e.Name()))
				if err != nil || e.IsDir() {
					continue
				}
				info, err := r.Stat()
				if n, err2 := io.Copy(io.Discard, r); err != nil || err2 == nil && n != info.Size() {
					t.Fatalf("%q: %d bytes, want %d, %v", e.Name(), n, info.Size(), err)
				}
			}
		}
		seen := 0
		_ = iofs.WalkDir(fs.FS(), ".", func(string, iofs.DirEntry, error) error {
			if seen++; seen > 100 {
				return iofs.SkipAll
			}
			return nil
		})
		if count.n > 1<<30 {
			t.Fatalf("read %d bytes", count.n)
		}
	})
}
