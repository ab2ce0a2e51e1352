package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"

	"time"
)

func TestCmdline(t *testing.T) {
	c := parseCmdline("BOOT_IMAGE=/x inst.ks=hd:LABEL=OEMDRV:/ks.cfg rd.shell=0 dyndbg=\"file a b +p\" console=tty0 inst.ks=hd:LABEL=SECOND:/k  inst.notmux console=ttyS0,115200n8 quiet=no\n")
	if v, ok := c.value("inst.ks"); !ok || v != "hd:LABEL=SECOND:/k" {
		t.Errorf("inst.ks: %q %v", v, ok)
	}
	if v, _ := c.value("dyndbg"); v != "file a b +p" {
		t.Errorf("quotes: %q", v)
	}
	if _, ok := c.value("inst"); ok {
		t.Error("the beginning of a name is not the name")
	}
	for name, want := range map[string]bool{"inst.notmux": true, "rd.shell": false, "quiet": false, "absent": false, "inst.ks": true} {
		if c.flag(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if got := c.consoles(); !reflect.DeepEqual(got, []string{"console=tty0", "console=ttyS0,115200n8"}) {
		t.Errorf("%v", got)
	}
}

func TestVolume(t *testing.T) {
	for value, want := range map[string][2]string{
		"hd:LABEL=OEMDRV:/ks.cfg": {"OEMDRV", "/ks.cfg"}, "hd:LABEL=AlmaLinux-10-0": {"AlmaLinux-10-0", ""},
		`hd:LABEL=two\x20words:/a:b`: {"two words", "/a:b"},
	} {
		label, path, ok := volume(value)
		if !ok || label != want[0] || path != want[1] {
			t.Errorf("%s: %q %q %v", value, label, path, ok)
		}
	}
	for _, bad := range []string{"", "http://x/ks.cfg", "hd:LABEL=:/x", "hd:sda1:/ks", "file:/ks.cfg"} {
		if _, _, ok := volume(bad); ok {
			t.Errorf("%q is taken for a volume", bad)
		}
	}
	for value, want := range map[string]bool{"file:/ks.cfg": true, "file:": false, "": false, "hd:LABEL=OEMDRV:/ks.cfg": false} {
		if path, ok := local(value); ok != want || ok && path != "/ks.cfg" {
			t.Errorf("%q: %q, %t", value, path, ok)
		}
	}
}

// Every volume that imgasm writes is known for what it is.
func TestSuperblock(t *testing.T) {
	dir := t.TempDir()
	head := func(write func(f *os.File) error) []byte {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, "volume"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := write(f); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 36<<10)
		n, _ := f.ReadAt(b, 0)
		return b[:n]
	}
	made := func(tool string, args ...string) func(f *os.File) error {
		return func(f *os.File) error {
			if err := f.Truncate(400 << 20); err != nil {
				return err
			}
			path := hosttool.Find(t, tool, "xfsprogs, e2fsprogs, dosfstools")
			out, err := exec.Command(path, append(args, f.Name())...).CombinedOutput()
			if err != nil {
				t.Errorf("%s: %s", path, out)
			}
			return err
		}
	}
	for name, c := range map[string]struct {
		write           func(f *os.File) error
		fs, label, uuid string
	}{
		"OEMDRV": {func(f *os.File) error {
			return iso.WriteOEMDRV(f, []tree.File{tree.Bytes("ks.cfg", []byte("text\n"))}, time.Unix(1e9, 0))
		}, "iso9660", "OEMDRV", ""},
		"ESP": {func(f *os.File) error {
			return disk.WriteFAT32At(f, 0, disk.FAT32{SizeBytes: 64 << 20, Label: "EFI", VolumeID: 0x1234abcd, Time: time.Unix(1e9, 0)}, true)
		}, "vfat", "EFI", "1234-ABCD"},
		"root":      {made("mkfs.ext4", "-q", "-F", "-L", "root", "-U", "dead0000-0000-0000-0000-000000000001"), "ext4", "root", "dead0000-0000-0000-0000-000000000001"},
		"XFS root":  {made("mkfs.xfs", "-q", "-L", "root", "-m", "uuid=dead0000-0000-0000-0000-000000000001"), "xfs", "root", "dead0000-0000-0000-0000-000000000001"},
		"plain ESP": {made("mkfs.vfat", "-i", "1234abcd"), "vfat", "", "1234-ABCD"},
		"blank":     {func(f *os.File) error { return f.Truncate(1 << 20) }, "", "", ""},
		"empty":     {func(f *os.File) error { return f.Truncate(0) }, "", "", ""},
	} {
		if fs, label, uuid := superblock(head(c.write)); fs != c.fs || label != c.label || uuid != c.uuid {
			t.Errorf("%s: %q %q %q", name, fs, label, uuid)
		}
	}
}

func TestGRUBTexts(t *testing.T) {
	args := kernelArgs("root-uuid", []string{"console=tty0", "console=ttyS0,115200n8"}, ` console=tty0 net.ifnames=0 x="a b" `)
	if args != `root=UUID=root-uuid ro console=ttyS0,115200n8 console=tty0 net.ifnames=0 x="a b"` {
		t.Errorf("%s", args)
	}
	menu := grubMenu(grubEntry{title: "it's $here", bootUUID: "boot-uuid", prefix: "/boot", release: "6.1", args: args, timeout: 3})
	for _, want := range []string{
		"set timeout=3\n", "--set=root boot-uuid\n", `menuentry 'it'\''s $here' {`, "linux /boot/vmlinuz-6.1 root=UUID=root-uuid ro ",
		`x=\"a b\"`, "initrd /boot/initramfs-6.1.img\n",
	} {
		if !strings.Contains(menu, want) {
			t.Errorf("no %q in\n%s", want, menu)
		}
	}
	if got := grubStub("U", "/grub2"); got != "search --no-floppy --fs-uuid --set=dev U\nset prefix=($dev)/grub2\nconfigfile $prefix/grub.cfg\n" {
		t.Errorf("%s", got)
	}
	check, err := exec.LookPath("grub-script-check")
	if err != nil {
		check, err = exec.LookPath("grub2-script-check")
	}
	if err != nil {
		t.Skip("grub-script-check is missing: GRUB's own parser has not seen the menu")
	}
	cmd := exec.Command(check)
	cmd.Stdin = strings.NewReader(menu)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, menu)
	}
}

func FuzzGRUBEscape(f *testing.F) {
	f.Add(`a "b c" $x; {y} \`)
	f.Fuzz(func(t *testing.T, s string) {
		if got := grubEscape(s); strings.ContainsAny(got, "\n\r") {
			t.Errorf("%q has a line end", got)
		}
	})
}

// archive is a stage 2 of the given tar headers; Name ends in "/" for folders.
func archive(t testing.TB, files ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range files {
		data := h.Uname // the content, for a short table
		h.Uname, h.Size = "", int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(data))
	}
	w.Close()
	return b.Bytes()
}

func TestStage2(t *testing.T) {
	data := archive(t,
		tar.Header{Name: "grub-prefix", Mode: 0o644, Uname: "/EFI/debian\n"},
		tar.Header{Name: "packages/kernel-6.1-2.x86_64/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "packages/kernel-6.1-2.x86_64/boot/vmlinuz", Typeflag: tar.TypeSymlink, Linkname: "medium:images/vmlinuz", Mode: 0o755},
		tar.Header{Name: "packages/base-1-1.noarch/etc/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "packages/base-1-1.noarch/etc/issue", Mode: 0o640, Uname: "hello"},
		tar.Header{Name: "packages/base-1-1.noarch/sudo", Mode: 0o4755, Uname: "sudo"},
		tar.Header{Name: "packages/base-1-1.noarch/bin", Typeflag: tar.TypeSymlink, Linkname: "usr/bin"},
	)
	s, err := readStage2(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if s.grubPrefix != "/EFI/debian" || len(s.packages) != 2 || s.packages[0].nameArch() != "kernel.x86_64" || s.packages[1].nameArch() != "base.noarch" {
		t.Errorf("%+v", s)
	}
	medium, root := t.TempDir(), t.TempDir()
	os.MkdirAll(filepath.Join(medium, "images"), 0o755)
	os.WriteFile(filepath.Join(medium, "images/vmlinuz"), []byte("kernel"), 0o644)
	if runtime.GOOS == "windows" {
		t.Skip("symbolic links need rights on Windows")
	}
	for _, p := range s.packages {
		if err := p.install(root, medium); err != nil {
			t.Fatal(err)
		}
		if err := p.install(root, medium); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	kernel, err := os.ReadFile(filepath.Join(root, "boot/vmlinuz"))
	if err != nil || string(kernel) != "kernel" {
		t.Errorf("%q %v", kernel, err)
	}
	if info, err := os.Stat(filepath.Join(root, "etc/issue")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(root, "sudo")); err != nil || info.Mode() != 0o755|os.ModeSetuid {
		t.Errorf("sudo: %v %v", info, err)
	}
	if err := s.packages[0].install(t.TempDir(), ""); err != nil {
		t.Errorf("without a medium: %v", err)
	}
	if err := s.packages[0].install(root, t.TempDir()); err == nil {
		t.Error("a medium without the file: accepted")
	}
}

func FuzzReadStage2(f *testing.F) {
	f.Add(archive(f, tar.Header{Name: "packages/a-1-1.noarch/x", Uname: "y"}))
	f.Add(archive(f, tar.Header{Name: "packages/a-1-1.noarch/../../x", Uname: "y"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readStage2(bytes.NewReader(data))
		if err != nil {
			return
		}
		for _, p := range s.packages {
			for _, file := range p.files {
				if strings.HasPrefix(file.path, "/") || strings.Contains("/"+file.path+"/", "/../") {
					t.Errorf("%q leads out of the target", file.path)
				}
			}
		}
	})
}

func TestBounds(t *testing.T) {
	var log bytes.Buffer
	first, last := &firstBytes{to: &log, left: 5}, &lastBytes{max: 4}
	both := io.MultiWriter(first, last)
	for _, p := range []string{"ab", "cdefgh", "", "ij", "k"} {
		if n, err := io.WriteString(both, p); n != len(p) || err != nil {
			t.Errorf("%q: %d, %v", p, n, err)
		}
	}
	if got := log.String(); got != "abcde"+leftOut {
		t.Errorf("the first bytes are %q", got)
	}
	if got := last.kept.String(); got != "hijk" {
		t.Errorf("the last bytes are %q", got)
	}
	// As the output of a command comes in.
	if _, err := io.Copy(last, io.LimitReader(strings.NewReader(strings.Repeat("x", 1<<20)), 1<<20)); err != nil {
		t.Fatal(err)
	}
	if last.kept.Len() != 4 || last.kept.Cap() > 1<<16 {
		t.Errorf("%d bytes are kept, in %d", last.kept.Len(), last.kept.Cap())
	}
}
