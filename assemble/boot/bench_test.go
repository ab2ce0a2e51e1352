//go:build unix

package boot_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/tree"
)

// benchSelf in the environment makes the test's own binary do our side of a
// contest and end, so that it is measured as the others are: as a process.
const benchSelf = "IMGASM_BENCH_SELF"

func TestMain(m *testing.M) {
	work := strings.Split(os.Getenv(benchSelf), "\n")
	var err error
	switch work[0] {
	case "medium":
		err = makeMedium(work[1], work[2], work[3])
	case "extract":
		err = extract(context.Background(), work[1], work[2])
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println(strings.TrimSpace(after[:strings.Index(after+"\n", "\n")]))
	os.Exit(0)
}

// cost is what a side of a contest takes.
type cost struct {
	cpu, wall time.Duration
	peak      int64 // bytes of memory; ours only
	read      int64 // bytes, by system calls; 0 if the system does not say
}

// command runs a program and adds what it takes.
func (c *cost) command(b *testing.B, name string, args ...string) {
	c.run(b, exec.Command(name, args...))
}

// self runs our side.
func (c *cost) self(b *testing.B, work ...string) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), benchSelf+"="+strings.Join(work, "\n"))
	// Not the kernel's ru_maxrss: a child's begins with its parent's.
	if _, err := fmt.Sscanf(c.run(b, cmd), "%d kB", &c.peak); err == nil {
		c.peak <<= 10
	}
}

func (c *cost) run(b *testing.B, cmd *exec.Cmd) string {
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
	c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return string(out)
}

// bytesRead is what this process and its finished children have read (Linux).
func bytesRead() (n int64) {
	text, _ := os.ReadFile("/proc/self/io")
	_, _ = fmt.Sscanf(string(text), "rchar: %d", &n)
	return n
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

// pairs is how often a contest is held at least: on a shared machine single
// runs differ by a factor of two.
const pairs = 7

// contest runs ours and theirs in turns, first the one and then the other first,
// and reports the medians of the ratios within each pair. wanted is how many
// bytes must be read; 0: that is not told.
func contest(b *testing.B, wanted int64, ours, theirs func(c *cost, to string)) {
	var cpu, wall, peak, read, theirRead []float64
	measure := func(f func(*cost, string)) (c cost) {
		to := b.TempDir()
		before, began := bytesRead(), time.Now()
		f(&c, to)
		c.wall, c.read = time.Since(began), bytesRead()-before
		if err := os.RemoveAll(to); err != nil { // what is not yet on the disk need not go there
			b.Fatal(err)
		}
		return c
	}
	pair := func() {
		var o, t cost
		if len(cpu)%2 == 0 {
			o, t = measure(ours), measure(theirs)
		} else {
			t, o = measure(theirs), measure(ours)
		}
		cpu, wall = append(cpu, float64(o.cpu)/float64(t.cpu)), append(wall, float64(o.wall)/float64(t.wall))
		peak = append(peak, float64(o.peak)/(1<<20))
		b.Logf("ours %.3fs cpu %.3fs wall, theirs %.3fs cpu %.3fs wall", o.cpu.Seconds(), o.wall.Seconds(), t.cpu.Seconds(), t.wall.Seconds())
		read, theirRead = append(read, float64(o.read)), append(theirRead, float64(t.read))
	}
	for b.Loop() {
		pair()
	}
	for len(cpu) < pairs {
		pair()
	}
	median := func(v []float64) float64 {
		v = slices.Sorted(slices.Values(v))
		return v[len(v)/2]
	}
	b.Logf("cpu ratios %.2f, wall ratios %.2f", cpu, wall)
	b.ReportMetric(0, "ns/op") // of a pair: says nothing
	b.ReportMetric(median(cpu), "cpu-ratio")
	b.ReportMetric(median(wall), "wall-ratio")
	if peak[0] > 0 {
		b.ReportMetric(slices.Max(peak), "MiB-peak")
	}
	if wanted > 0 && read[0] > 0 {
		b.ReportMetric(median(read)/float64(wanted), "read/wanted")
		b.ReportMetric(median(theirRead)/float64(wanted), "their-read/wanted")
	}
}

// makeMedium is our side of BenchmarkBootMedium.
func makeMedium(from, out, oemdrv string) error {
	var files []tree.File
	for _, f := range []struct{ path, name string }{
		{"EFI/BOOT/BOOTX64.EFI", "BOOTX64.EFI"}, {"EFI/BOOT/grubx64.efi", "grubx64.efi"},
		{"imgasm/vmlinuz", "vmlinuz"}, {"imgasm/initrd.img", "initrd.img"},
	} {
		t, err := tree.Host(f.path, filepath.Join(from, f.name))
		if err != nil {
			return err
		}
		files = append(files, t)
	}
	medium, err := os.Create(out)
	if err != nil {
		return err
	}
	if err := errors.Join(disk.WriteBootMedium(medium, disk.BootMedium{Files: files, ESPBytes: 300 << 20, Seed: "s"}), medium.Close()); err != nil {
		return err
	}
	kickstart, err := tree.Host("ks.cfg", filepath.Join(from, "ks.cfg"))
	if err != nil {
		return err
	}
	f, err := os.Create(oemdrv)
	if err != nil {
		return err
	}
	return errors.Join(iso.WriteOEMDRV(f, []tree.File{kickstart}, time.Unix(0, 0)), f.Close())
}

// extract is our side of BenchmarkExtract.
func extract(ctx context.Context, image, to string) error {
	m, err := iso.Open(ctx, image)
	if err != nil {
		return err
	}
	defer m.Close()
	for _, name := range bootFiles {
		t, err := tree.FS(name, m, name)
		if err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(to, filepath.Base(name)))
		if err != nil {
			return err
		}
		if err := errors.Join(tree.Copy(f, t), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// A boot medium of 300 MiB and an OEMDRV volume, against mkfs.vfat, mtools and
// xorriso, both from the boot files as files.
func BenchmarkBootMedium(b *testing.B) {
	mkfs, mmd, mcopy := hosttool.Find(b, "mkfs.vfat", "dosfstools"), hosttool.Find(b, "mmd", "mtools"), hosttool.Find(b, "mcopy", "mtools")
	xorriso := hosttool.Find(b, "xorriso", "xorriso")
	dir, _ := source(b, 1<<20)
	from := func(name string) string { return filepath.Join(dir, name) }
	contest(b, 0, func(c *cost, to string) {
		c.self(b, "medium", dir, filepath.Join(to, "boot.img"), filepath.Join(to, "oemdrv.iso"))
	}, func(c *cost, to string) {
		out := filepath.Join(to, "boot.img")
		f, err := os.Create(out)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		if err := disk.Blank(f, 300<<20); err != nil {
			b.Fatal(err)
		}
		c.command(b, mkfs, "-F", "32", out)
		c.command(b, mmd, "-i", out, "::EFI", "::EFI/BOOT", "::imgasm")
		c.command(b, mcopy, "-i", out, from("BOOTX64.EFI"), from("grubx64.efi"), "::EFI/BOOT")
		c.command(b, mcopy, "-i", out, from("vmlinuz"), from("initrd.img"), "::imgasm")
		c.command(b, xorriso, "-as", "mkisofs", "-quiet", "-V", "OEMDRV", "-o", filepath.Join(to, "oemdrv.iso"), from("ks.cfg"))
	})
}

// bootFiles are what is pulled out of an installer ISO.
var bootFiles = []string{"images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"}

// Kernel and initrd out of an ISO of 1 GiB, against cp of the same bytes,
// xorriso and bsdtar.
func BenchmarkExtract(b *testing.B) {
	dir, image := source(b, 770<<20)
	var wanted int64
	for _, name := range bootFiles {
		info, err := os.Stat(filepath.Join(dir, filepath.Base(name)))
		if err != nil {
			b.Fatal(err)
		}
		wanted += info.Size()
	}
	ours := func(b *testing.B) func(*cost, string) {
		return func(c *cost, to string) { c.self(b, "extract", image, to) }
	}
	b.Run("cp", func(b *testing.B) {
		cp := hosttool.Find(b, "cp", "coreutils")
		contest(b, wanted, ours(b), func(c *cost, to string) {
			c.command(b, cp, filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd.img"), to)
		})
	})
	b.Run("xorriso", func(b *testing.B) {
		xorriso := hosttool.Find(b, "xorriso", "xorriso")
		contest(b, wanted, ours(b), func(c *cost, to string) {
			c.command(b, xorriso, "-osirrox", "on", "-indev", image, "-extract", "/images/pxeboot", to)
		})
	})
	b.Run("bsdtar", func(b *testing.B) {
		bsdtar := hosttool.Find(b, "bsdtar", "libarchive-tools")
		contest(b, wanted, ours(b), func(c *cost, to string) {
			c.command(b, bsdtar, append([]string{"-xf", image, "-C", to}, bootFiles...)...)
		})
	})
}
