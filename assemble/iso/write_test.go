package iso

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kdomanski/iso9660"

	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
)

var testTime = time.Date(2025, 11, 24, 10, 20, 30, 0, time.UTC)

// noise is n bytes that do not repeat, the same on every run.
func noise(n int, seed int64) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(seed)).Read(b)
	return b
}

// installerFiles is a tree like AlmaLinux's, with the cases that writers get
// wrong: sizes around a sector, empty files, dot names, long and equal-looking
// names, deep folders, and a folder of many files.
func installerFiles() []tree.File {
	files := []tree.File{
		tree.Bytes(".discinfo", []byte("1763550000.1\nAlmaLinux 10.1\nx86_64\nALL\n")),
		tree.Bytes(".treeinfo", []byte("[general]\nfamily = AlmaLinux\nversion = 10.1\narch = x86_64\n[release]\nname = AlmaLinux\nversion = 10.1\n")),
		tree.Bytes("images/pxeboot/vmlinuz", noise(2047, 1)),
		tree.Bytes("images/pxeboot/initrd.img", noise(2048, 2)),
		tree.Bytes("images/install.img", noise(300_001, 3)),
		tree.Bytes("EFI/BOOT/BOOTX64.EFI", noise(4096, 4)),
		tree.Bytes("EFI/BOOT/grubx64.efi", noise(2049, 5)),
		tree.Bytes("EFI/BOOT/grub.cfg", []byte("set timeout=60\n")),
		tree.Bytes("empty", nil),
		tree.Dir("empty-folder"),
		tree.Bytes("a/b/c/d/e/f/g/h/i/j/deep.txt", []byte("deep")),
		tree.Bytes("names/"+strings.Repeat("n", 253), []byte("253")),
		tree.Bytes("names/"+strings.Repeat("n", 252), []byte("252")),
		tree.Bytes("names/"+strings.Repeat("n", 250), []byte("250")),
		tree.Bytes("names/"+strings.Repeat("m", 150)+".rpm", []byte("154")),
		tree.Bytes("names/Mixed Case + signs~1.tar.gz", []byte("mixed")),
		tree.Bytes("names/mixed case + signs~1.tar.gz", []byte("lower")),
		tree.Bytes("names/größe", []byte("umlaut")),
		tree.Bytes("names/trailing.", []byte("dot")),
	}
	for i := range 300 {
		files = append(files, tree.Bytes(fmt.Sprintf("BaseOS/Packages/package-with-a-long-name-%04d-1.0.el10.x86_64.rpm", i), []byte(fmt.Sprint(i))))
	}
	return append(files, tree.Bytes("BaseOS/repodata/repomd.xml", []byte("<repomd/>")))
}

func build(t testing.TB, files []tree.File) *tree.Node {
	t.Helper()
	root, err := tree.Build(files)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// contents reads what files should hold.
func contents(t testing.TB, files []tree.File) map[string]string {
	t.Helper()
	want := map[string]string{}
	for _, f := range files {
		if f.Mode.IsDir() {
			continue
		}
		var b bytes.Buffer
		if err := tree.Copy(&b, f); err != nil {
			t.Fatal(err)
		}
		want[f.Path] = b.String()
	}
	return want
}

func writeTree(t testing.TB, files []tree.File) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "tree.iso")
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteInstallerTree(f, "AlmaLinux-10-1-x86_64-dvd", files, testTime); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestInstallerTreeReadBack(t *testing.T) {
	files := installerFiles()
	m, err := Open(t.Context(), writeTree(t, files))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Label != "AlmaLinux-10-1-x86_64-dvd" || !m.Created.Equal(testTime) {
		t.Errorf("label %q, created %s", m.Label, m.Created)
	}
	var names []string
	for p, want := range contents(t, files) {
		names = append(names, p)
		got, err := fs.ReadFile(m, p)
		if err != nil {
			t.Errorf("%s: %v", p, err)
		} else if string(got) != want {
			t.Errorf("%s: contents differ", p)
		}
	}
	if err := fstest.TestFS(m, names...); err != nil {
		t.Error(err)
	}
}

// xorriso must see the same tree and contents, and find nothing to mend.
func TestInstallerTreeXorriso(t *testing.T) {
	xorriso := hosttool.Find(t, "xorriso", "xorriso")
	files := installerFiles()
	image := writeTree(t, files)
	dir := t.TempDir()
	out, err := exec.Command(xorriso, "-osirrox", "on", "-indev", image, "-extract", "/", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("xorriso: %v\n%s", err, out)
	}
	for _, bad := range []string{"FATAL", "FAILURE", "SORRY", "WARNING"} {
		if strings.Contains(string(out), bad) {
			t.Errorf("xorriso complains:\n%s", out)
		}
	}
	for p, want := range contents(t, files) {
		got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p)))
		if err != nil {
			t.Error(err)
		} else if string(got) != want {
			t.Errorf("%s: contents differ", p)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "empty-folder")); err != nil {
		t.Error(err)
	}
}

func TestInstallerTreeBsdtar(t *testing.T) {
	bsdtar := hosttool.Find(t, "bsdtar", "libarchive-tools")
	files := installerFiles()
	dir := t.TempDir()
	cmd := exec.Command(bsdtar, "-xf", writeTree(t, files), "-C", dir)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("bsdtar: %v\n%s", err, out)
	}
	for p, want := range contents(t, files) {
		if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(p))); err != nil || string(got) != want {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestDeterministic(t *testing.T) {
	files := installerFiles()
	var first string
	for run := range 2 {
		h := sha256.New()
		if run == 1 { // the order of the list does not matter
			rand.New(rand.NewSource(9)).Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
		}
		if err := WriteInstallerTree(h, "L", files, testTime.In(time.FixedZone("X", 3600*run))); err != nil {
			t.Fatal(err)
		}
		sum := hex.EncodeToString(h.Sum(nil))
		if run == 0 {
			first = sum
		} else if sum != first {
			t.Error("two runs differ")
		}
	}
}

func oemdrv(t testing.TB, files ...tree.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteOEMDRV(&b, files, testTime); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A plain volume, as blkid and an independent reader see it.
func TestOEMDRV(t *testing.T) {
	image := oemdrv(t, tree.Bytes("ks.cfg", []byte("text\n")), tree.Bytes("post/setup.sh", []byte("#!/bin/sh\n")))
	if len(image)%volumeUnit != 0 {
		t.Errorf("size %d is not a multiple of 1 MiB", len(image))
	}
	for _, sig := range []string{"RRIP", "IEEE_P1282", "Apple"} {
		if bytes.Contains(image, []byte(sig)) {
			t.Errorf("a plain volume holds %q", sig)
		}
	}
	r, err := iso9660.OpenImage(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	if label, err := r.Label(); err != nil || label != "OEMDRV" {
		t.Errorf("label %q, %v", label, err)
	}
	root, err := r.RootDir()
	if err != nil {
		t.Fatal(err)
	}
	children, err := root.GetChildren()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range children {
		names = append(names, c.Name())
	}
	if got := strings.Join(names, " "); got != "KS.CFG POST" {
		t.Errorf("kdomanski reads %q", got)
	}

	m, err := NewImage(bytes.NewReader(image), int64(len(image)), "oemdrv")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(m, "ks.cfg"); err != nil || string(b) != "text\n" {
		t.Errorf("ks.cfg: %q, %v", b, err)
	}
	if b, err := fs.ReadFile(m, "post/setup.sh"); err != nil || string(b) != "#!/bin/sh\n" {
		t.Errorf("post/setup.sh: %q, %v", b, err)
	}
}

func TestOEMDRVBlkid(t *testing.T) {
	blkid := hosttool.Find(t, "blkid", "util-linux")
	p := filepath.Join(t.TempDir(), "oemdrv.iso")
	if err := os.WriteFile(p, oemdrv(t, tree.Bytes("ks.cfg", []byte("text\n"))), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(blkid, "-p", "-o", "export", p).CombinedOutput()
	if err != nil {
		t.Fatalf("blkid: %v\n%s", err, out)
	}
	for _, want := range []string{"LABEL=OEMDRV\n", "TYPE=iso9660\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("blkid does not say %q:\n%s", want, out)
		}
	}
}

// isoinfo and xorriso see a volume of level 1 without extensions.
func TestOEMDRVTools(t *testing.T) {
	p := filepath.Join(t.TempDir(), "oemdrv.iso")
	if err := os.WriteFile(p, oemdrv(t, tree.Bytes("ks.cfg", []byte("text\n"))), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name, debianPackage string, args ...string) string {
		out, err := exec.Command(hosttool.Find(t, name, debianPackage), args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		return string(out)
	}
	if out := run("isoinfo", "genisoimage", "-d", "-i", p); !strings.Contains(out, "Volume id: OEMDRV\n") ||
		!strings.Contains(out, "NO Joliet present") || !strings.Contains(out, "NO Rock Ridge present") {
		t.Errorf("isoinfo -d:\n%s", out)
	}
	if out := run("isoinfo", "genisoimage", "-x", "/KS.CFG;1", "-i", p); out != "text\n" {
		t.Errorf("isoinfo -x: %q", out)
	}
	if out := run("xorriso", "xorriso", "-indev", p, "-find", "/"); !strings.Contains(out, "'/KS.CFG'") {
		t.Errorf("xorriso:\n%s", out)
	}
}

// Any number of files must come out right: some writers shift every file when
// the records of a directory fill its sectors exactly.
func TestOEMDRVEveryCount(t *testing.T) {
	for count := range 140 {
		files := []tree.File{tree.Bytes("ks.cfg", []byte("k"))}
		for i := range count {
			files = append(files, tree.Bytes(fmt.Sprintf("f%04d.txt", i), []byte(fmt.Sprint(i))))
		}
		image := oemdrv(t, files...)
		m, err := NewImage(bytes.NewReader(image), int64(len(image)), "oemdrv")
		if err != nil {
			t.Fatal(err)
		}
		for p, want := range contents(t, files) {
			if got, err := fs.ReadFile(m, p); err != nil || string(got) != want {
				t.Fatalf("%d files: %s: %q, %v", count, p, got, err)
			}
		}
	}
}

func TestOEMDRVNamesKept(t *testing.T) {
	image := oemdrv(t, tree.Bytes("ks.cfg", []byte("k")), tree.Bytes("Payload-1.0.tar.gz", []byte("p")))
	m, err := NewImage(bytes.NewReader(image), int64(len(image)), "oemdrv")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ks.cfg", "Payload-1.0.tar.gz"} {
		if _, err := fs.Stat(m, name); err != nil {
			t.Error(err)
		}
	}
}

func TestOEMDRVRefuses(t *testing.T) {
	ks := tree.Bytes("ks.cfg", []byte("k"))
	for _, c := range []struct {
		name  string
		files []tree.File
		want  string
	}{
		{"no kickstart", []tree.File{tree.Bytes("kickstart.cfg", nil)}, "no ks.cfg"},
		{"capitals", []tree.File{tree.Bytes("KS.CFG", nil)}, "lower case"},
		{"collision", []tree.File{ks, tree.Bytes("KS.cfg", nil)}, "only in capitals"},
		{"empty kickstart", []tree.File{tree.Bytes(KickstartName, nil)}, "is empty"},
		{"driver disk", []tree.File{ks, tree.Bytes("rhdd3", nil)}, "driver disk"},
		{"driver packages", []tree.File{ks, tree.Bytes("rpms/x86_64/a.rpm", nil)}, "driver packages"},
		{"image", []tree.File{ks, tree.Bytes("Driver.ISO", nil)}, "*.iso"},
		{"folder", []tree.File{tree.Bytes("ks.cfg/x", nil)}, "no ks.cfg"},
		{"twice", []tree.File{ks, ks}, "given twice"},
		{"climbs out", []tree.File{ks, tree.Bytes("../x", nil)}, "element .."},
	} {
		var b bytes.Buffer
		err := WriteOEMDRV(&b, c.files, testTime)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
		if b.Len() > 0 {
			t.Errorf("%s: wrote %d bytes before it refused", c.name, b.Len())
		}
	}
	// An image in a folder is no driver disk.
	oemdrv(t, ks, tree.Bytes("images/tools.iso", nil))
}

// blank is a file of zeroes that takes no memory.
func blank(path string, size int64) tree.File {
	return tree.File{Path: path, SizeBytes: size, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeroReader{}, size)), nil
	}}
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Contents pass through; what is written takes no more memory than names do.
func TestConstantMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := WriteInstallerTree(struct{ io.Writer }{io.Discard}, "L", []tree.File{blank("images/install.img", 5<<30)}, testTime); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 2<<20 {
		t.Errorf("%d bytes allocated for a file of 5 GiB", used)
	}
}

// Linux would show the beginning of a longer name, and no one would find the file.
func TestLongestName(t *testing.T) {
	f := tree.Bytes("folder/"+strings.Repeat("n", 254), nil)
	if err := WriteInstallerTree(&bytes.Buffer{}, "L", []tree.File{f}, testTime); !errors.Is(err, tree.ErrPath) {
		t.Errorf("got %v", err)
	}
}

func TestLabels(t *testing.T) {
	for _, label := range []string{"", "with space", "ümlaut", strings.Repeat("x", 33)} {
		if err := WriteInstallerTree(&bytes.Buffer{}, label, nil, testTime); !errors.Is(err, ErrLabel) {
			t.Errorf("label %q: %v", label, err)
		}
	}
}
