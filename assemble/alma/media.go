// The steps that make what the guest is given: boot files, kickstart, media, disk.

package alma

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/tree"
)

// hashed is the identity of the installer ISO.
type hashed struct {
	sum  string
	size int64
	err  error
}

// checkSource begins to hash the ISO: reading gigabytes takes seconds, and the
// installation need not wait for them. What has been fetched is verified already.
func checkSource(p *Plan, hash chan<- hashed) (string, error) {
	if p.Installer.fetched != nil {
		hash <- hashed{sum: p.Installer.SHA256, size: p.Installer.Size}
	} else {
		go guard.Func(func() {
			var h hashed
			h.sum, h.size, h.err = digest.File(context.Background(), p.Installer.Path)
			hash <- h
		}, func(err error) { hash <- hashed{err: err} })()
	}
	kind := p.Installer.Variant
	if p.Installer.Rehearsal {
		kind = "rehearsal"
	}
	return fmt.Sprintf("%s, %s, volume %q", p.Installer.name(), kind, p.Installer.Label), nil
}

// delivery is Spec.Deliver as package boot has it.
func (p *Plan) delivery() boot.Deliver { return boot.Deliver(p.Spec.Deliver) }

// initrd is the installer's initrd as the guest gets it.
func (p *Plan) initrd(from tree.File) (tree.File, error) {
	return p.delivery().Initrd(from, tree.Bytes(iso.KickstartName, p.Kickstart.Guest), p.Time)
}

func makeBootFiles(ctx context.Context, j *assemble.Job, p *Plan) (string, error) {
	image, err := iso.Open(ctx, p.Installer.Path)
	if err != nil {
		return "", isoError(p.Installer.Path, err)
	}
	defer image.Close()
	files := p.Installer.medium.Boot
	if err := unpackKernel(j, p, image, files.Kernel); err != nil {
		return "", fmt.Errorf("%s: %s: %w", p.Installer.Path, files.Kernel, err)
	}
	initrd, err := image.File(files.Initrd, files.Initrd)
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", p.Installer.Path, files.Initrd, err)
	}
	if initrd, err = p.initrd(initrd); err != nil {
		return "", err
	}
	if _, err := j.Make(initrdFile, func(f *os.File) error { return tree.Copy(f, initrd) }); err != nil {
		return "", fmt.Errorf("%s: %w", p.Installer.Path, err)
	}
	return "initrd of " + size.Text(initrd.SizeBytes), nil
}

// unpackKernel takes the kernel out of an image, in the form that QEMU loads.
func unpackKernel(j *assemble.Job, p *Plan, image *iso.Image, name string) error {
	file, err := image.File(name, name)
	if err != nil {
		return err
	}
	from, err := file.Open()
	if err != nil {
		return err
	}
	defer from.Close()
	at, ok := from.(io.ReaderAt)
	if !ok {
		return errors.New("cannot be read at any place")
	}
	var info boot.Kernel
	if _, err := j.Make(kernelFile, func(f *os.File) (err error) {
		info, err = boot.UnpackKernel(f, at, file.SizeBytes)
		return err
	}); err != nil {
		return err
	}
	if pages := info.PageSizeHint(); pages != "" && p.Accel.Accel == "hvf" {
		return lacking(errors.New(pages), "emulate it: {Accel} tcg")
	}
	return nil
}

func writeKickstart(_ context.Context, j *assemble.Job, p *Plan) (string, error) {
	if err := j.Folder.WriteFile(kickstartFile, p.Kickstart.Guest, 0o600); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes, ends with %s", len(p.Kickstart.Guest), cmp.Or(p.Kickstart.End, "nothing")), nil
}

func makeOEMDRV(_ context.Context, j *assemble.Job, p *Plan) (string, error) {
	files := p.volume()
	n, err := j.Make(oemdrvFile, func(f *os.File) error {
		return boot.WriteVolume(f, files, p.Time, j.Note)
	})
	return size.Text(n), err
}

// makeBootMedium makes a disk with the ISO's own shim and GRUB, its kernel, and a
// grub.cfg of ours: firmware starts it as it would start the ISO.
func makeBootMedium(ctx context.Context, j *assemble.Job, p *Plan) (string, error) {
	image, err := iso.Open(ctx, p.Installer.Path)
	if err != nil {
		return "", isoError(p.Installer.Path, err)
	}
	defer image.Close()
	parts, err := boot.PartsOf(image, &p.Installer.medium)
	if err != nil {
		return "", isoError(p.Installer.Path, err)
	}
	if parts.Initrd, err = p.initrd(parts.Initrd); err != nil {
		return "", err
	}
	parts.KernelArgs = p.Arguments
	files, err := boot.Files(parts)
	if err != nil {
		return "", fmt.Errorf("%s: %w", p.Installer.Path, err)
	}
	m := disk.BootMedium{Files: files, Seed: p.id("boot medium"), Time: p.Time}
	n, err := j.Make(bootMediumFile, func(f *os.File) error {
		return boot.WriteMedium(f, m, nil, j.Note)
	})
	return size.Text(n), err
}

func makeDisk(_ context.Context, j *assemble.Job, p *Plan) (string, error) {
	_, err := j.Make(assemble.DiskFile, func(f *os.File) error { return disk.Blank(f, p.Spec.DiskSize) })
	return size.Format(p.Spec.DiskSize) + ", sparse", err
}
