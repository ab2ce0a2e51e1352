package convert_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/qcow2"
)

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name string // of the output
		size int64
		o    convert.Options
		is   error
		says string
	}{
		{"x.doc", 512, convert.Options{}, convert.ErrFormat, ".qcow2, .raw, "},
		{".qcow2", 512, convert.Options{}, convert.ErrFormat, "no format"},
		{"x", 512, convert.Options{Format: "vhdx"}, convert.ErrFormat, `"vhdx" is none of qcow2, `},
		{"x", 512, convert.Options{For: "aws"}, convert.ErrFormat, `"aws" is none of lima, `},
		{"x", 512, convert.Options{For: "azure", Format: "raw"}, convert.ErrOption, "azure takes vhd, not raw"},
		{"x", 512, convert.Options{For: "lima", Compression: "zstd"}, qcow2.ErrCompression, "lima reads: zlib, none"},
		{"x.qcow2", 512, convert.Options{Compression: "lzma"}, qcow2.ErrCompression, "zlib, zstd, zstd-fast, none"},
		{"x.vhd", 512, convert.Options{Compression: "zlib"}, convert.ErrOption, "no choice"},
		{"x.raw", 512, convert.Options{ClusterSize: 65536}, convert.ErrOption, "no clusters"},
		{"x.raw", 1024, convert.Options{SizeBytes: 512}, convert.ErrSize, "512 bytes are fewer than the disk's 1024"},
		{"x.vhd", 2040<<30 + 512, convert.Options{}, convert.ErrSize, "vhd holds at most"},
		{"x.qcow2", 8 << 40, convert.Options{ClusterSize: 2048}, qcow2.ErrClusterSize, "2048"},
		{"x.ova", 1 << 20, convert.Options{}, convert.ErrArch, "no boot loader"},
		{"x.box", 1 << 20, convert.Options{Arch: "mips"}, convert.ErrArch, "mips"},
	} {
		dir := t.TempDir()
		err := convert.Create(t.Context(), filepath.Join(dir, c.name), empty(c.size), c.o)
		if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %+v: %v; want %v with %q", c.name, c.o, err, c.is, c.says)
		}
		nothingIn(t, dir)
	}
}

// empty is a disk of a size that reads as zero and says so.
type empty int64

func (e empty) Size() int64                           { return int64(e) }
func (e empty) ReadAt(b []byte, _ int64) (int, error) { clear(b); return len(b), nil }
func (e empty) Extent(off int64) (qcow2.Extent, error) {
	return qcow2.Extent{Offset: off, Length: int64(e) - off, Kind: qcow2.Unallocated}, nil
}

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v are left (%v)", left, err)
	}
}

// A disk that grows, by wish or because its format wants whole MiB or GiB, has
// its GPT's backup at the end.
func TestResize(t *testing.T) {
	const size = 64<<20 + 512
	raw := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := disk.Blank(f, size); err != nil {
		t.Fatal(err)
	}
	run(t, "gdisk", "sgdisk", "-n", "1:2048:+20M", "-c", "1:ESP", "-n", "2:0:0", raw)
	b := make([]byte, 3<<20)
	mixed(b, 21)
	patchFile(t, raw, 30<<20, b)
	src := open(t, raw)
	for _, c := range []struct {
		format, qemu string
		wish, want   int64
	}{
		{"qcow2", "qcow2", 0, size},
		{"qcow2", "qcow2", 100<<20 + 512, 100<<20 + 512},
		{"raw", "raw", size + 512, size + 512},
		{"raw", "raw", 5 << 40, 5 << 40},
		{"vhd", "vpc", 0, 65 << 20},
		{"vmdk", "vmdk", 200 << 20, 200 << 20},
		{"vmdk", "vmdk", 0, 64<<20 + 64<<10},
	} {
		t.Run(fmt.Sprint(c.format, c.wish), func(t *testing.T) {
			dir := t.TempDir()
			image, again := filepath.Join(dir, "image"), filepath.Join(dir, "again.raw")
			if err := write(t, image, src, convert.Options{Format: c.format, SizeBytes: c.wish}); err != nil {
				if errors.Is(err, syscall.EFBIG) {
					t.Skip(err)
				}
				t.Fatal(err)
			}
			run(t, "qemu-utils", "qemu-img", "convert", "-f", c.qemu, "-O", "raw", image, again)
			if got := sizeOf(t, again); got != c.want {
				t.Errorf("a disk of %d bytes, want %d", got, c.want)
			}
			if out := run(t, "gdisk", "sgdisk", "-v", again); !strings.Contains(out, "No problems found") {
				t.Errorf("sgdisk -v:\n%s", out)
			}
			f, err := os.Open(again)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got := make([]byte, len(b))
			if _, err := f.ReadAt(got, 30<<20); err != nil || !bytes.Equal(got, b) {
				t.Errorf("a partition has other bytes (%v)", err)
			}
		})
	}
}

// A disk without a GPT just grows; one whose GPT is damaged does not.
func TestResizeOthers(t *testing.T) {
	b := make([]byte, 1<<20+7)
	mixed(b, 22)
	raw := rawDisk(t, int64(len(b)), b)
	out := filepath.Join(t.TempDir(), "out")
	if err := write(t, out, open(t, raw), convert.Options{Format: "raw", SizeBytes: 3 << 20}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, out); got[:len(b)] != string(b) || strings.Trim(got[len(b):], "\x00") != "" || len(got) != 3<<20 {
		t.Errorf("%d bytes, and not those of the source with zeros behind them", len(got))
	}
	damaged := filepath.Join(t.TempDir(), "disk.raw")
	f, err := os.Create(damaged)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := disk.Blank(f, 8<<20); err != nil {
		t.Fatal(err)
	}
	run(t, "gdisk", "sgdisk", "-n", "1:0:0", damaged)
	patchFile(t, damaged, 520, []byte{1})
	if err := write(t, out, open(t, damaged), convert.Options{Format: "raw", SizeBytes: 9 << 20}); !errors.Is(err, disk.ErrLayout) {
		t.Errorf("a damaged GPT: %v", err)
	}
	if err := write(t, out, open(t, damaged), convert.Options{Format: "raw"}); err != nil {
		t.Errorf("a damaged GPT that need not move: %v", err)
	}
}

func patchFile(t *testing.T, path string, off int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// What we wrote and read is opened; the rest is named, with what to do.
func TestOpen(t *testing.T) {
	b := make([]byte, 1<<20)
	mixed(b, 23)
	raw := rawDisk(t, 3<<20, b)
	want := read(t, raw)
	dir := t.TempDir()
	for _, f := range convert.Formats() {
		path := filepath.Join(dir, "disk"+f.Endings[0])
		if err := write(t, path, open(t, raw), convert.Options{Format: f.Name, Arch: "x86_64"}); err != nil {
			t.Fatal(err)
		}
		d, err := convert.Open(path)
		if f.Name == "qcow2" || f.Name == "raw" || f.Name == "vhd" {
			if err != nil || d.Format != f.Name {
				t.Fatalf("%s: %v", f.Name, err)
			}
			again := filepath.Join(dir, "again")
			if err := write(t, again, d, convert.Options{Format: "raw"}); err != nil || read(t, again) != want {
				t.Errorf("%s: read as another disk (%v)", f.Name, err)
			}
			d.Close()
		} else if !errors.Is(err, convert.ErrInput) || !strings.Contains(err.Error(), path+": it is a") || advice(err) == "" {
			t.Errorf("%s: %v, %q", f.Name, err, advice(err))
		}
	}
	for format, says := range map[string]string{"vhdx": "a vhdx", "vdi": "a vdi", "vpc": "a dynamic vhd", "vmdk": "a vmdk"} {
		path := filepath.Join(dir, "theirs."+format)
		run(t, "qemu-utils", "qemu-img", "create", "-q", "-f", format, path, "10M")
		if _, err := convert.Open(path); !errors.Is(err, convert.ErrInput) || !strings.Contains(err.Error(), says) || !strings.Contains(advice(err), "qemu-img convert") {
			t.Errorf("%s: %v, %q", format, err, advice(err))
		}
	}
	if _, err := convert.Open(dir); !errors.Is(err, qcow2.ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
	backed := filepath.Join(dir, "backed.qcow2")
	run(t, "qemu-utils", "qemu-img", "create", "-q", "-f", "qcow2", "-b", raw, "-F", "raw", backed)
	if _, err := convert.Open(backed); !errors.Is(err, qcow2.ErrBackingFile) {
		t.Errorf("an image with a backing file: %v", err)
	}
}

func advice(err error) string {
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) {
		return ""
	}
	return hinted.Hint()
}

// A VHD whose footer claims another size is raw bytes, as QEMU sees it too.
func TestOpenFalseVHD(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk.vhd")
	footer := append([]byte("conectix"), make([]byte, 504)...)
	binary.BigEndian.PutUint64(footer[48:], 1<<62)
	if err := os.WriteFile(path, append(make([]byte, 512), footer...), 0o600); err != nil {
		t.Fatal(err)
	}
	if d := open(t, path); d.Format != "raw" || d.Size() != 1024 {
		t.Errorf("%s of %d bytes", d.Format, d.Size())
	}
}

// A full disk is said, and nothing is left.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system to fill: mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	b := make([]byte, 8<<20)
	random(b, 1)
	for _, f := range convert.Formats() {
		path := filepath.Join(dir, "out"+f.Endings[0])
		err := convert.Create(t.Context(), path, bytes.NewReader(b), convert.Options{Arch: "x86_64"})
		if !errors.Is(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "write "+path+": the disk is full") || !strings.Contains(advice(err), "df") {
			t.Errorf("%s: %v, %q", f.Name, err, advice(err))
		}
		nothingIn(t, dir)
	}
}

// The machine is seen on its disk: what UEFI or a BIOS starts there.
func TestMachineSeen(t *testing.T) {
	bios := make([]byte, 1<<20)
	bios[0], bios[510], bios[511] = 0xeb, 0x55, 0xaa
	disks := map[string]string{"bios": rawDisk(t, 2<<20, bios)}
	for _, loader := range []string{"BOOTX64.EFI", "BOOTAA64.EFI"} {
		disks[loader] = filepath.Join(t.TempDir(), "disk.raw")
		m := disk.BootMedium{Files: []disk.File{iso.Bytes("EFI/BOOT/"+loader, []byte("a boot loader"))}, Seed: loader, Time: time.Unix(1e9, 0)}
		f, err := os.Create(disks[loader])
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := disk.WriteBootMedium(f, m); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]struct{ goarch, firmware, system string }{
		"bios":         {"amd64", "", "otherLinux64Guest"},
		"BOOTX64.EFI":  {"amd64", "efi", "otherLinux64Guest"},
		"BOOTAA64.EFI": {"arm64", "efi", ""},
	} {
		dir := t.TempDir()
		for _, format := range []string{"ova", "vagrant"} {
			if err := write(t, filepath.Join(dir, format), open(t, disks[name]), convert.Options{Format: format}); err != nil {
				t.Fatal(err)
			}
		}
		var box struct{ Architecture string }
		if err := json.Unmarshal([]byte(run(t, "tar", "tar", "-xOf", filepath.Join(dir, "vagrant"), "metadata.json")), &box); err != nil || box.Architecture != want.goarch {
			t.Errorf("%s is for %q, want %q (%v)", name, box.Architecture, want.goarch, err)
		}
		ovf := run(t, "tar", "tar", "-xOf", filepath.Join(dir, "ova"), "machine.ovf")
		if got := strings.Contains(ovf, `vmw:key="firmware" vmw:value="efi"`); got != (want.firmware == "efi") {
			t.Errorf("%s has UEFI: %v\n%s", name, got, ovf)
		}
		if want.system != "" && !strings.Contains(ovf, `vmw:osType="`+want.system+`"`) || want.system == "" && strings.Contains(ovf, "osType") {
			t.Errorf("%s: another system than %q\n%s", name, want.system, ovf)
		}
	}
}
