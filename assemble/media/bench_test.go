//go:build unix

package media

import (
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/tree"
)

// used is the processor time of this process and of its finished children.
func used(b *testing.B) time.Duration {
	var total time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if err := syscall.Getrusage(who, &r); err != nil {
			b.Fatal(err)
		}
		total += time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	return total
}

func need(b *testing.B, name, debianPackage string) string {
	p, err := exec.LookPath(name)
	if err != nil {
		if p, err = exec.LookPath("/usr/sbin/" + name); err != nil {
			b.Skipf("%s is not installed (Debian: %s)", name, debianPackage)
		}
	}
	return p
}

func command(b *testing.B, name string, args ...string) {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// source is a folder with the boot files of an installer, about 250 MB, and
// the ISO with these and a large second stage.
func source(b *testing.B, stage2 int64) (dir, image string) {
	dir = b.TempDir()
	fill := func(name string, size int64) tree.File {
		p := filepath.Join(dir, name)
		f, err := os.Create(p)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		r := rand.New(rand.NewSource(size))
		block := make([]byte, 1<<20)
		for left := size; left > 0; left -= int64(len(block)) {
			r.Read(block)
			if _, err := f.Write(block[:min(left, int64(len(block)))]); err != nil {
				b.Fatal(err)
			}
		}
		file, err := tree.Host(name, p)
		if err != nil {
			b.Fatal(err)
		}
		return file
	}
	var files []tree.File
	for _, f := range []struct {
		path, name string
		size       int64
	}{
		{"EFI/BOOT/BOOTX64.EFI", "BOOTX64.EFI", 960 << 10},
		{"EFI/BOOT/grubx64.efi", "grubx64.efi", 4 << 20},
		{"images/pxeboot/vmlinuz", "vmlinuz", 14 << 20},
		{"images/pxeboot/initrd.img", "initrd.img", 235 << 20},
		{"images/install.img", "install.img", stage2},
	} {
		t := fill(f.name, f.size)
		t.Path = f.path
		files = append(files, t)
	}
	if err := os.WriteFile(filepath.Join(dir, "ks.cfg"), []byte("text\npoweroff\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	image = filepath.Join(dir, "installer.iso")
	f, err := os.Create(image)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := iso.WriteInstallerTree(f, "AlmaLinux-10-1-x86_64-dvd", files, time.Unix(0, 0)); err != nil {
		b.Fatal(err)
	}
	return dir, image
}

// contest runs ours and theirs alternately, after clear, and reports the
// medians' ratios.
func contest(b *testing.B, clear, ours, theirs func()) {
	var cpuRatio, wallRatio []float64
	measure := func(f func()) (cpu, wall float64) {
		c, w := used(b), time.Now()
		f()
		return (used(b) - c).Seconds(), time.Since(w).Seconds()
	}
	for b.Loop() {
		clear()
		oc, ow := measure(ours)
		tc, tw := measure(theirs)
		cpuRatio, wallRatio = append(cpuRatio, oc/tc), append(wallRatio, ow/tw)
	}
	median := func(v []float64) float64 {
		sort.Float64s(v)
		return v[len(v)/2]
	}
	b.Logf("cpu ratios %.2f, wall ratios %.2f", cpuRatio, wallRatio)
	b.ReportMetric(median(cpuRatio), "cpu-ratio")
	b.ReportMetric(median(wallRatio), "wall-ratio")
}

// A boot medium of 300 MiB and an OEMDRV volume, against mkfs.vfat, mtools and
// xorriso, both from the boot files as files.
func BenchmarkBootMedium(b *testing.B) {
	mkfs, mmd, mcopy := need(b, "mkfs.vfat", "dosfstools"), need(b, "mmd", "mtools"), need(b, "mcopy", "mtools")
	xorriso := need(b, "xorriso", "xorriso")
	dir, _ := source(b, 1<<20)
	kickstart, err := tree.Host("ks.cfg", filepath.Join(dir, "ks.cfg"))
	if err != nil {
		b.Fatal(err)
	}
	var files []tree.File
	for _, f := range []struct{ path, name string }{
		{"EFI/BOOT/BOOTX64.EFI", "BOOTX64.EFI"}, {"EFI/BOOT/grubx64.efi", "grubx64.efi"},
		{"imgasm/vmlinuz", "vmlinuz"}, {"imgasm/initrd.img", "initrd.img"},
	} {
		t, err := tree.Host(f.path, filepath.Join(dir, f.name))
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, t)
	}
	out, theirs := filepath.Join(dir, "ours.img"), filepath.Join(dir, "theirs.img")
	oem, theirOEM := filepath.Join(dir, "ours.iso"), filepath.Join(dir, "theirs.iso")
	contest(b, func() {
		for _, old := range []string{out, theirs, oem, theirOEM} {
			os.Remove(old)
		}
	}, func() {
		err := disk.WriteBootMedium(out, disk.BootMedium{Files: files, ESPBytes: 300 << 20, Seed: "s"})
		if err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(oem)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		if err := iso.WriteOEMDRV(f, []tree.File{kickstart}, time.Unix(0, 0)); err != nil {
			b.Fatal(err)
		}
	}, func() {
		if err := disk.CreateRaw(theirs, 300<<20); err != nil {
			b.Fatal(err)
		}
		command(b, mkfs, "-F", "32", theirs)
		command(b, mmd, "-i", theirs, "::EFI", "::EFI/BOOT", "::imgasm")
		command(b, mcopy, "-i", theirs, filepath.Join(dir, "BOOTX64.EFI"), filepath.Join(dir, "grubx64.efi"), "::EFI/BOOT")
		command(b, mcopy, "-i", theirs, filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd.img"), "::imgasm")
		command(b, xorriso, "-as", "mkisofs", "-quiet", "-V", "OEMDRV", "-o", theirOEM, filepath.Join(dir, "ks.cfg"))
	})
}

// extract pulls kernel and initrd out of an image.
func extract(b *testing.B, image, to string) {
	m, err := iso.Open(image)
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	for _, name := range []string{"images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"} {
		t, err := tree.FS(name, m, name)
		if err != nil {
			b.Fatal(err)
		}
		f, err := os.Create(filepath.Join(to, filepath.Base(name)))
		if err != nil {
			b.Fatal(err)
		}
		if err := tree.Copy(f, t); err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// Kernel and initrd out of an ISO of 1 GiB, against cp of the same bytes,
// xorriso and bsdtar.
func BenchmarkExtract(b *testing.B) {
	dir, image := source(b, 770<<20)
	b.Run("cp", func(b *testing.B) {
		cp := need(b, "cp", "coreutils")
		contest(b, func() {}, func() { extract(b, image, b.TempDir()) }, func() {
			command(b, cp, filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd.img"), b.TempDir())
		})
	})
	b.Run("xorriso", func(b *testing.B) {
		xorriso := need(b, "xorriso", "xorriso")
		contest(b, func() {}, func() { extract(b, image, b.TempDir()) }, func() {
			command(b, xorriso, "-osirrox", "on", "-indev", image, "-extract", "/images/pxeboot", b.TempDir())
		})
	})
	b.Run("bsdtar", func(b *testing.B) {
		bsdtar := need(b, "bsdtar", "libarchive-tools")
		contest(b, func() {}, func() { extract(b, image, b.TempDir()) }, func() {
			command(b, bsdtar, "-xf", image, "-C", b.TempDir(), "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img")
		})
	})
}
