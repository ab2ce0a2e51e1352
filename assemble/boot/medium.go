// Package boot has what a machine starts from: kernel images and those that QEMU
// cannot start unpacked, initial RAM file systems and files appended to them, the
// folder in which a GRUB looks for its configuration, and the contents of media
// that boot an installer by UEFI, made from an opened installer ISO, a kickstart
// and kernel arguments. assemble/disk and assemble/iso write volumes and disks.
//
// What is read is not trusted: sizes are bounded before memory or disk is spent
// on them.
package boot

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/arch"
)

// Medium describes a disk that boots an installer by UEFI.
type Medium struct {
	// KernelArgs follow those that this package adds.
	KernelArgs []string
	// OEMDRV are the files of an OEMDRV volume, ks.cfg first, as second
	// partition; nil for none.
	OEMDRV []iso.File
	// Deliver says whether ks.cfg of OEMDRV is there, in the initrd, or both.
	Deliver Deliver
	// Installer puts the whole ISO into a last partition, so that the disk
	// needs nothing else: one stick installs a machine.
	Installer bool
	// Seed and Time make identifiers and dates: see disk.BootMedium.
	Seed string
	Time time.Time
}

// Args are the kernel arguments that the installer needs to find its second
// stage and, if there is one, its kickstart. Both are explicit: then the
// initramfs waits for the volumes, however late they appear.
func Args(in *iso.Installer, kickstart bool, d Deliver) []string {
	args := []string{"inst.stage2=" + in.Stage2()}
	if kickstart {
		args = append(args, d.Argument())
	}
	return args
}

// Disk is the disk to be written. img must stay open until it is.
//
// The error wraps iso.ErrNoBootFiles if the ISO has no EFI boot files, or is
// one of Files, iso.OEMDRV or the reader.
func (b Medium) Disk(img *iso.Image) (disk.BootMedium, error) {
	in, err := img.Installer()
	if err != nil {
		return disk.BootMedium{}, err
	}
	files, err := b.espFiles(img, in)
	if err != nil {
		return disk.BootMedium{}, err
	}
	m := disk.BootMedium{Files: files, Seed: b.Seed, Time: b.Time}
	if b.OEMDRV != nil && b.Deliver.OnVolume() {
		volume, err := iso.OEMDRV(b.OEMDRV, b.Time)
		if err != nil {
			return disk.BootMedium{}, err
		}
		m.Volumes = append(m.Volumes, disk.Volume{Name: iso.OEMDRVLabel, Contents: volume})
	}
	if b.Installer {
		// As it is, repositories and all: udev finds the label on the
		// partition, and Anaconda's "cdrom" looks at every ISO 9660 file system.
		m.Volumes = append(m.Volumes, disk.Volume{Name: "installer", Contents: img.Whole()})
	}
	return m, nil
}

// espFiles are the EFI system partition's.
func (b Medium) espFiles(img *iso.Image, in *iso.Installer) ([]iso.File, error) {
	m, err := PartsOf(img, in)
	if err != nil {
		return nil, err
	}
	if b.OEMDRV != nil {
		if m.Initrd, err = b.Deliver.Initrd(m.Initrd, b.OEMDRV[0], b.Time); err != nil {
			return nil, err
		}
	}
	m.KernelArgs = append(Args(in, b.OEMDRV != nil, b.Deliver), b.KernelArgs...)
	return Files(m)
}

// PartsOf is what an ISO gives for a boot medium: everything but the
// kernel's arguments. img must stay open until the medium is written. The
// error wraps iso.ErrNoBootFiles if the ISO has no EFI boot files.
func PartsOf(img *iso.Image, in *iso.Installer) (m Parts, err error) {
	a, err := arch.Parse(in.Arch)
	if err != nil {
		return m, err
	}
	m.Arch = a.Name
	if in.Boot.Shim == "" || in.Boot.GRUB == "" {
		return m, fmt.Errorf("%s: %s and %s are not both in EFI/BOOT: %w", img.Path, a.EFIBoot, a.EFIGRUB, iso.ErrNoBootFiles)
	}
	for _, part := range []struct {
		to   *iso.File
		name string
	}{
		{&m.Shim, in.Boot.Shim}, {&m.GRUB, in.Boot.GRUB}, {&m.MokManager, in.Boot.MokManager},
		{&m.Kernel, in.Boot.Kernel}, {&m.Initrd, in.Boot.Initrd},
	} {
		if part.name == "" {
			continue
		}
		if *part.to, err = img.File(part.name, part.name); err != nil {
			return m, err
		}
	}
	m.GRUBFolder, err = grubFolder(img, in.Boot.GRUB)
	return m, err
}

// grubFolder is where the ISO's GRUB looks for grub.cfg, "" if it does not say.
func grubFolder(img *iso.Image, name string) (string, error) {
	f, err := img.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	folder, err := GRUBPrefix(f.(io.ReaderAt), st.Size())
	if errors.Is(err, ErrNoPrefix) {
		return "", nil // EFI/BOOT, where Red Hat's GRUB looks first, has one too
	}
	return folder, err
}
