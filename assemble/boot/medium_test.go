package boot_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/boot"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/grubtest"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
)

// pattern is n bytes that do not repeat soon.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	return b
}

// installerISO writes an ISO for a, and returns its path.
func installerISO(t testing.TB, a arch.Arch, more ...tree.File) string {
	t.Helper()
	files := append([]tree.File{
		tree.Bytes(".discinfo", []byte("1763550000.1\n10.1\n"+a.Name+"\nALL\n")),
		tree.Bytes("EFI/BOOT/"+a.EFIBoot, grubtest.Image(a.PEMachine, "")),
		tree.Bytes("EFI/BOOT/"+a.EFIGRUB, grubtest.Image(a.PEMachine, "/EFI/almalinux\x00")),
		tree.Bytes("images/pxeboot/vmlinuz", pattern(70_001)),
		tree.Bytes("images/pxeboot/initrd.img", pattern(1<<20+1)),
		tree.Bytes("images/install.img", pattern(10_000)),
	}, more...)
	p := filepath.Join(t.TempDir(), "installer.iso")
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := iso.WriteInstallerTree(f, "AlmaLinux-10-1-"+a.Name+"-dvd", files, time.Unix(1763550000, 0)); err != nil {
		t.Fatal(err)
	}
	return p
}

func kickstart(t testing.TB) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "any-name.cfg")
	if err := os.WriteFile(p, []byte("text\npoweroff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// Kernel and initrd come out of the medium as they went into the ISO, and the
// configuration lies in both of GRUB's places.
func TestWriteBoot(t *testing.T) {
	mtype := hosttool.Find(t, "mtype", "mtools")
	for _, a := range arch.All() {
		out := filepath.Join(t.TempDir(), "boot.img")
		in, err := boot.WriteBoot(t.Context(), out, boot.Source{ISO: installerISO(t, a, tree.Bytes("EFI/BOOT/"+a.EFIMok, []byte("mok"))), KernelArgs: []string{"console=" + a.Console}}, "")
		if err != nil {
			t.Fatal(err)
		}
		if in.Arch != a.Name || in.Version != "10.1" {
			t.Errorf("%+v", in)
		}
		read := func(name string) string {
			b, err := exec.Command(mtype, "-i", out+"@@1M", "::"+name).Output()
			if err != nil {
				t.Errorf("mtype %s: %v", name, err)
			}
			return string(b)
		}
		if read("imgasm/vmlinuz") != string(pattern(70_001)) || read("imgasm/initrd.img") != string(pattern(1<<20+1)) {
			t.Error("kernel or initrd differ")
		}
		if read("EFI/BOOT/"+a.EFIGRUB) != string(grubtest.Image(a.PEMachine, "/EFI/almalinux\x00")) || read("EFI/BOOT/"+a.EFIMok) != "mok" {
			t.Error("EFI programs differ")
		}
		config := read("EFI/BOOT/grub.cfg")
		if want := "linux /imgasm/vmlinuz 'inst.stage2=hd:LABEL=AlmaLinux-10-1-" + a.Name + "-dvd' 'console=" + a.Console + "'"; !strings.Contains(config, want) {
			t.Errorf("grub.cfg does not say %q:\n%s", want, config)
		}
		if strings.Contains(config, "inst.ks=") {
			t.Error("inst.ks without a kickstart")
		}
		if read("EFI/almalinux/grub.cfg") != config {
			t.Error("GRUB's own folder has another grub.cfg")
		}
	}
}

// The stick: OEMDRV and the whole ISO in partitions that blkid knows.
func TestWriteStick(t *testing.T) {
	sgdisk, blkid := hosttool.Find(t, "sgdisk", "gdisk"), hosttool.Find(t, "blkid", "util-linux")
	out := filepath.Join(t.TempDir(), "stick.img")
	image := installerISO(t, arch.X86_64)
	s := boot.Source{ISO: image, Installer: true, Volume: &boot.Volume{Kickstart: kickstart(t)}}
	if _, err := boot.WriteBoot(t.Context(), out, s, ""); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.Command(sgdisk, "-v", out).CombinedOutput(); err != nil || !strings.Contains(string(b), "No problems found") {
		t.Errorf("sgdisk -v: %v\n%s", err, b)
	}
	stick, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	// Partition entries begin at sector 2; a partition's first sector at 32.
	partition := func(n int) []byte {
		e := stick[1024+128*(n-1):]
		first, last := binary.LittleEndian.Uint64(e[32:]), binary.LittleEndian.Uint64(e[40:])
		return stick[first*512 : (last+1)*512]
	}
	for n, label := range map[int]string{1: "IMGASM", 2: "OEMDRV", 3: "AlmaLinux-10-1-x86_64-dvd"} {
		p := filepath.Join(t.TempDir(), "part")
		if err := os.WriteFile(p, partition(n), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := exec.Command(blkid, "-p", "-o", "value", "-s", "LABEL", p).CombinedOutput()
		if err != nil || strings.TrimSpace(string(b)) != label {
			t.Errorf("partition %d: blkid says %q, %v; want %q", n, b, err, label)
		}
	}
	want, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(partition(3), want) {
		t.Error("the third partition is not the ISO")
	}
	if !bytes.Contains(partition(1), []byte("'inst.ks=hd:LABEL=OEMDRV:/ks.cfg'")) {
		t.Error("grub.cfg does not name the kickstart")
	}
}

// The kickstart in the initrd: read by mtools and cpio, which we did not write.
func TestWriteBootDeliver(t *testing.T) {
	mtype, cpio := hosttool.Find(t, "mtype", "mtools"), hosttool.Find(t, "cpio", "cpio")
	image := installerISO(t, arch.X86_64)
	for deliver, volume := range map[boot.Deliver]bool{boot.DeliverInitrd: false, boot.DeliverBoth: true} {
		out := filepath.Join(t.TempDir(), "boot.img")
		if _, err := boot.WriteBoot(t.Context(), out, boot.Source{ISO: image, Volume: &boot.Volume{Kickstart: kickstart(t)}, Deliver: deliver}, ""); err != nil {
			t.Fatal(err)
		}
		read := func(name string) []byte {
			b, err := exec.Command(mtype, "-i", out+"@@1M", "::"+name).Output()
			if err != nil {
				t.Errorf("mtype %s: %v", name, err)
			}
			return b
		}
		own := (1<<20 + 1 + 3) &^ 3 // the ISO's initrd, padded
		initrd := read("imgasm/initrd.img")
		if len(initrd) < own || !bytes.HasPrefix(initrd, pattern(1<<20+1)) {
			t.Fatalf("%s: the initrd does not begin as the ISO's", deliver)
		}
		cmd := exec.Command(cpio, "-i", "--to-stdout", "--quiet", "ks.cfg")
		cmd.Stdin = bytes.NewReader(initrd[own:])
		if text, err := cmd.Output(); err != nil || string(text) != "text\npoweroff\n" {
			t.Errorf("%s: cpio finds the kickstart %q, %v", deliver, text, err)
		}
		if config := string(read("EFI/BOOT/grub.cfg")); !strings.Contains(config, "'inst.ks=file:/ks.cfg'") || strings.Contains(config, "OEMDRV") {
			t.Errorf("%s: grub.cfg names another kickstart:\n%s", deliver, config)
		}
		medium, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(medium, []byte("OEMDRV ")) != volume { // the label in the volume's descriptor
			t.Errorf("%s: OEMDRV volume: %t", deliver, !volume)
		}
	}
}

// Who asks to stop need not wait for gigabytes, and nothing is left.
func TestWriteBootStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("asked to stop")
	cancel(asked)
	out := filepath.Join(t.TempDir(), "boot.img")
	if _, err := boot.WriteBoot(ctx, out, boot.Source{ISO: installerISO(t, arch.X86_64), Installer: true}, ""); !errors.Is(err, asked) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A large medium goes to disk in parts: its progress is what is there, and who
// asks to stop in the middle is told that the medium is not complete.
func TestWriteBootProgress(t *testing.T) {
	const size = 3 * boot.SyncEvery
	image := installerISO(t, arch.X86_64, tree.Bytes("Packages/large", make([]byte, size)))
	out := filepath.Join(t.TempDir(), "stick.img")
	var steps []int64
	s := boot.Source{ISO: image, Installer: true, Progress: func(done, total int64) {
		if last := append([]int64{-1}, steps...)[len(steps)]; done <= last || done > total || total < size {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		steps = append(steps, done)
	}}
	if _, err := boot.WriteBoot(t.Context(), out, s, ""); err != nil || len(steps) != 4 || steps[0] != 0 {
		t.Errorf("progress %d, want 0 and 3 more: %v", steps, err)
	}
	before, err := os.Stat(out)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := errors.New("asked to stop")
	s.Progress = func(done, _ int64) {
		if done > 0 {
			cancel(asked)
		}
	}
	if _, err := boot.WriteBoot(ctx, out, s, ""); !errors.Is(err, asked) || !strings.Contains(err.Error(), "stick.img was not complete") {
		t.Errorf("got %v", err)
	}
	if after, err := os.Stat(out); err != nil || !os.SameFile(before, after) {
		t.Errorf("the medium that was there before: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriteBootRefuses(t *testing.T) {
	out := filepath.Join(t.TempDir(), "boot.img")
	image := installerISO(t, arch.X86_64)
	whole, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.iso")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := boot.WriteBoot(t.Context(), out, boot.Source{ISO: cut}, ""); !errors.Is(err, iso.ErrTruncated) || !strings.Contains(err.Error(), fmt.Sprint(len(whole))) {
		t.Errorf("truncated ISO: %v", err)
	}
	if _, err := boot.WriteBoot(t.Context(), out, boot.Source{ISO: image, KernelArgs: []string{"a\nb"}}, ""); err == nil {
		t.Error("a line feed in a kernel argument was accepted")
	}
	if _, err := boot.WriteBoot(t.Context(), out, boot.Source{ISO: image, Volume: &boot.Volume{Kickstart: "no-such.cfg"}}, ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no kickstart: %v", err)
	}
	for _, name := range []string{"EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi"} {
		var files []tree.File
		for _, f := range []string{"EFI/BOOT/BOOTX64.EFI", "EFI/BOOT/grubx64.efi", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"} {
			if f != name {
				files = append(files, tree.Bytes(f, []byte("x")))
			}
		}
		var b bytes.Buffer
		if err := iso.WriteInstallerTree(&b, "X-10-x86_64", files, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		p := filepath.Join(t.TempDir(), "x.iso")
		if err := os.WriteFile(p, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := boot.WriteBoot(t.Context(), out, boot.Source{ISO: p}, ""); !errors.Is(err, iso.ErrNoBootFiles) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused medium was left behind")
	}
}

func TestVolumeFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.txt", "sub/b.txt"} {
		p := filepath.Join(dir, "extra", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v := boot.Volume{Kickstart: kickstart(t), Extra: []string{filepath.Join(dir, "extra"), "renamed/c.txt=" + filepath.Join(dir, "extra", "a.txt")}}
	files, err := v.Files()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, f.Path)
	}
	if s := strings.Join(got, " "); s != "ks.cfg extra extra/a.txt extra/sub/b.txt renamed/c.txt" {
		t.Error(s)
	}
	v.Extra = []string{"../x=" + filepath.Join(dir, "extra", "a.txt")}
	if files, err = v.Files(); err == nil {
		if err = iso.WriteOEMDRV(io.Discard, files, time.Unix(0, 0)); !errors.Is(err, tree.ErrPath) {
			t.Errorf("a name that climbs out: %v", err)
		}
	}
}

func TestDate(t *testing.T) {
	if d, err := boot.Date("1700000000", "s"); err != nil || d.Unix() != 1700000000 {
		t.Errorf("%s, %v", d, err)
	}
	a, _ := boot.Date("", "a")
	b, _ := boot.Date("", "b")
	if a.Equal(b) || a.Year() < 2000 || a.Year() > 2020 {
		t.Errorf("%s, %s", a, b)
	}
	for _, bad := range []string{"x", "-1", "1e9", "99999999999999", "9999999999999999999999"} {
		if _, err := boot.Date(bad, ""); !errors.Is(err, boot.ErrEpoch) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWriteDisk(t *testing.T) {
	p := filepath.Join(t.TempDir(), "d.raw")
	if err := boot.WriteDisk(p, "64M", "esp:33M,linux:rest"); err != nil {
		t.Fatal(err)
	}
	if b, err := exec.Command(hosttool.Find(t, "sgdisk", "gdisk"), "-v", p).CombinedOutput(); err != nil || !strings.Contains(string(b), "No problems found") {
		t.Errorf("sgdisk -v: %v\n%s", err, b)
	}
	if err := boot.WriteDisk(p, "64M", "esp:99M"); !errors.Is(err, disk.ErrLayout) {
		t.Errorf("got %v", err)
	}
}
