package iso

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/hosttool"
)

// hostTree writes a tree with what makes images hard to read, and returns the
// folder and what each regular file holds.
func hostTree(t testing.TB) (string, map[string]string) {
	dir := t.TempDir()
	want := map[string]string{
		"ks.cfg":                                    "text\n",
		"images/pxeboot/vmlinuz":                    string(noise(2048*5, 1)),
		"images/pxeboot/initrd.img":                 string(noise(2048*5+1, 2)),
		"EFI/BOOT/BOOTX64.EFI":                      "efi",
		"a/b/c/d/e/f/g/h/i/j/k/deep.txt":            "deeper than ECMA-119 allows: relocated",
		"a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/deeper.txt":  "twice",
		"names/" + strings.Repeat("n", 60) + ".rpm": "long",
		"names/größe.txt":                           "umlaut",
		"names/.hidden":                             "dot",
		"names/two.dots.tar.gz":                     "dots",
		"empty":                                     "",
	}
	for i := range 60 { // more than a sector of records, with System Use areas
		want["many/a-rather-long-package-name-"+string(rune('a'+i/26))+string(rune('a'+i%26))+".rpm"] = strings.Repeat("x", i)
	}
	for name, text := range want {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	return dir, want
}

func foreign(t testing.TB, name string, args ...string) *Image {
	t.Helper()
	packages := map[string]string{"genisoimage": "genisoimage", "xorriso": "xorriso"}
	p := hosttool.Find(t, name, packages[name])
	out := filepath.Join(t.TempDir(), "foreign.iso")
	if name == "xorriso" {
		args = append([]string{"-as", "mkisofs", "-quiet", "-o", out}, args...)
	} else {
		args = append([]string{"-quiet", "-input-charset", "utf-8", "-o", out}, args...)
	}
	cmd := exec.Command(p, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, b)
	}
	m, err := Open(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func TestForeignImages(t *testing.T) {
	dir, want := hostTree(t)
	for _, c := range []struct {
		name   string
		tool   string
		args   []string
		naming naming
		joliet bool // 64 characters are the most, and no folder is too deep
	}{
		{"xorriso, Rock Ridge", "xorriso", []string{"-V", "L", "-R", dir}, rockRidge, false},
		{"xorriso, Rock Ridge and Joliet", "xorriso", []string{"-V", "L", "-R", "-J", dir}, rockRidge, false},
		{"xorriso, relocated folders", "xorriso", []string{"-V", "L", "-R", "-rr_reloc_dir", "/moved", dir}, rockRidge, false},
		{"genisoimage, Rock Ridge", "genisoimage", []string{"-V", "L", "-r", dir}, rockRidge, false},
		{"genisoimage, Joliet", "genisoimage", []string{"-V", "L", "-J", "-D", dir}, joliet, true},
		{"genisoimage, Rock Ridge, hidden relocation", "genisoimage", []string{"-V", "L", "-r", "-hide-rr-moved", dir}, rockRidge, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := foreign(t, c.tool, c.args...)
			if m.Label != "L" || m.naming != c.naming {
				t.Errorf("label %q, naming %d", m.Label, m.naming)
			}
			found := 0
			err := fs.WalkDir(m, ".", func(name string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				info, err := d.Info()
				if err != nil {
					return err
				}
				text, ok := want[name]
				if !ok {
					t.Errorf("unknown file %s", name)
					return nil
				}
				found++
				b, err := fs.ReadFile(m, name)
				if err != nil || string(b) != text {
					t.Errorf("%s: %d bytes, %v; want %d", name, len(b), err, len(text))
				}
				if !c.joliet && c.tool == "xorriso" && info.Mode() != 0o640 {
					t.Errorf("%s: mode %s", name, info.Mode())
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if found != len(want) {
				t.Errorf("found %d of %d files", found, len(want))
			}
		})
	}
}

// Without extensions, names are shown as Linux shows them, and found in any case.
func TestForeignPlain(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ks.cfg", "README", "UPPER.TXT"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tool := range []string{"genisoimage", "xorriso"} {
		args := []string{"-V", "OEMDRV", dir}
		if tool == "xorriso" {
			args = append([]string{"--norock"}, args...)
		}
		m := foreign(t, tool, args...)
		if m.naming != plain {
			t.Errorf("%s: naming %d", tool, m.naming)
		}
		entries, err := m.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); got != "ks.cfg readme upper.txt" {
			t.Errorf("%s: %s", tool, got)
		}
		for _, name := range []string{"ks.cfg", "KS.CFG", "UPPER.TXT", "readme"} {
			if _, err := fs.ReadFile(m, name); err != nil {
				t.Errorf("%s: %v", tool, err)
			}
		}
	}
}

func TestForeignLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "real", "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "real", "sub", "file"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"to-file": "real/sub/file", "to-dir": "real/sub", "real/up": "../real/sub/../sub/file", "absolute": "/real/sub/file",
		"loop": "loop2", "loop2": "loop", "gone": "no/such", "out": "../../../../real/sub/file", "real/dot": "./sub",
	} {
		if err := os.Symlink(target, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	m := foreign(t, "xorriso", "-R", dir)
	for _, name := range []string{"to-file", "to-dir/file", "real/up", "absolute", "out", "real/dot/file", "to-dir/../to-file"} {
		b, err := fs.ReadFile(m, strings.ReplaceAll(name, "to-dir/../", ""))
		if err != nil || string(b) != "text" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	for _, name := range []string{"loop", "gone", "real/up/x"} {
		if _, err := m.Open(name); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
}

// An image made with the options of AlmaLinux's: hybrid, for BIOS and UEFI,
// with a partition appended and a second set of descriptors for the first.
func TestForeignHybrid(t *testing.T) {
	dir, want := hostTree(t)
	for name, size := range map[string]int{"images/eltorito.img": 40_000, "images/efiboot.img": 1 << 20} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), noise(size, 3), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := foreign(t, "xorriso", "-R", "-J", "-V", "AlmaLinux-10-1-x86_64-dvd", "-partition_offset", "16",
		"-appended_part_as_gpt", "-append_partition", "2", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", filepath.Join(dir, "images", "efiboot.img"),
		"-iso_mbr_part_type", "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
		"-c", "boot.cat", "-b", "images/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table",
		"-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot", dir)
	in, err := m.Installer()
	if err != nil {
		t.Fatal(err)
	}
	if in.Product != "AlmaLinux" || in.Version != "10.1" || in.Arch != "x86_64" || in.Boot.EFIBootDisk == "" {
		t.Errorf("%+v", in)
	}
	for name, text := range want {
		if b, err := fs.ReadFile(m, name); err != nil || string(b) != text {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// Files of several extents, in the writer and in the reader, against tools
// that have read such images for decades. Real ones have 4 GiB each.
func TestExtents(t *testing.T) {
	files := installerFiles()
	root := build(t, files)
	l, err := newLayout(root, testTime, true)
	if err != nil {
		t.Fatal(err)
	}
	l.maxExtent = 3 * sectorSize
	l.place()
	var b bytes.Buffer
	if err := l.write(&b, "EXTENTS"); err != nil {
		t.Fatal(err)
	}
	m, err := NewImage(bytes.NewReader(b.Bytes()), int64(b.Len()), "extents.iso")
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "extents.iso")
	if err := os.WriteFile(image, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for p, want := range contents(t, files) {
		if got, err := fs.ReadFile(m, p); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v; want %d", p, len(got), err, len(want))
		}
	}
	dir := t.TempDir()
	if out, err := exec.Command(hosttool.Find(t, "xorriso", "xorriso"), "-osirrox", "on", "-indev", image, "-extract", "/images", dir).CombinedOutput(); err != nil {
		t.Fatalf("xorriso: %v\n%s", err, out)
	}
	got, err := os.ReadFile(filepath.Join(dir, "install.img"))
	if err != nil || string(got) != contents(t, files)["images/install.img"] {
		t.Errorf("xorriso reads %d bytes, %v", len(got), err)
	}
}
