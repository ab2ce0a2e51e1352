//go:build unix

package boot_test

import (
	"context"
	"errors"
	"math/rand"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/internal/hosttool/contest"
	"github.com/imgasm/imgasm/internal/tree"
)

func TestMain(m *testing.M) {
	contest.Main(m, map[string]func([]string) error{
		"medium":  func(args []string) error { return makeMedium(args[0], args[1], args[2]) },
		"extract": func(args []string) error { return extract(context.Background(), args[0], args[1]) },
	})
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
	if err := errors.Join(disk.WriteBootMedium(medium, disk.BootMedium{Files: files, Seed: "s"}), medium.Close()); err != nil {
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
	contest.Run(b, func(s *contest.Side) {
		s.Self("medium", dir, filepath.Join(s.Dir, "boot.img"), filepath.Join(s.Dir, "oemdrv.iso"))
	}, func(s *contest.Side) {
		out := filepath.Join(s.Dir, "boot.img")
		f, err := os.Create(out)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		if err := disk.Blank(f, 300<<20); err != nil {
			b.Fatal(err)
		}
		s.Command(mkfs, "-F", "32", out)
		s.Command(mmd, "-i", out, "::EFI", "::EFI/BOOT", "::imgasm")
		s.Command(mcopy, "-i", out, from("BOOTX64.EFI"), from("grubx64.efi"), "::EFI/BOOT")
		s.Command(mcopy, "-i", out, from("vmlinuz"), from("initrd.img"), "::imgasm")
		s.Command(xorriso, "-as", "mkisofs", "-quiet", "-V", "OEMDRV", "-o", filepath.Join(s.Dir, "oemdrv.iso"), from("ks.cfg"))
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
	run := func(b *testing.B, theirs func(*contest.Side)) {
		read := contest.Run(b, func(s *contest.Side) { s.Self("extract", image, s.Dir) }, theirs)
		if read.Ours > 0 {
			b.ReportMetric(read.Ours/float64(wanted), "read/wanted")
			b.ReportMetric(read.Theirs/float64(wanted), "their-read/wanted")
		}
	}
	b.Run("cp", func(b *testing.B) {
		cp := hosttool.Find(b, "cp", "coreutils")
		run(b, func(s *contest.Side) {
			s.Command(cp, filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "initrd.img"), s.Dir)
		})
	})
	b.Run("xorriso", func(b *testing.B) {
		xorriso := hosttool.Find(b, "xorriso", "xorriso")
		run(b, func(s *contest.Side) {
			s.Command(xorriso, "-osirrox", "on", "-indev", image, "-extract", "/images/pxeboot", s.Dir)
		})
	})
	b.Run("bsdtar", func(b *testing.B) {
		bsdtar := hosttool.Find(b, "bsdtar", "libarchive-tools")
		run(b, func(s *contest.Side) {
			s.Command(bsdtar, append([]string{"-xf", image, "-C", s.Dir}, bootFiles...)...)
		})
	})
}
