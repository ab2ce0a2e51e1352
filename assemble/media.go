// The steps that make what the guest is given: boot files, kickstart, media, disk.

package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/kernel"
	"github.com/imgasm/imgasm/internal/tree"
	"github.com/imgasm/imgasm/qemu/accel"
)

// source begins to hash the ISO: reading gigabytes takes seconds, and the
// installation need not wait for them. What has been fetched is verified already.
func (b *build) source(context.Context) (string, error) {
	b.isoHash = make(chan hashed, 1)
	if b.Spec.fetched != nil {
		b.isoHash <- hashed{sum: b.Installer.SHA256, size: b.Installer.Size}
	} else {
		go func() {
			var h hashed
			h.sum, h.size, h.err = fileHash(b.Installer.Path)
			b.isoHash <- h
		}()
	}
	kind := b.Installer.Variant
	if b.Installer.Rehearsal {
		kind = "rehearsal"
	}
	return fmt.Sprintf("%s, %s, volume %q", b.productName(), kind, b.Installer.Label), nil
}

func (b *build) bootFiles(ctx context.Context) (string, error) {
	image, err := iso.Open(b.Installer.Path)
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	if err := unpackKernel(image, in.Boot.Kernel, b.ws.path(kernelFile), b.Accel); err != nil {
		return "", fmt.Errorf("%s: %s: %w", b.Installer.Path, in.Boot.Kernel, err)
	}
	initrd, err := tree.FS(in.Boot.Initrd, image, in.Boot.Initrd)
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", b.Installer.Path, in.Boot.Initrd, err)
	}
	if initrd, err = b.initrd(initrd); err != nil {
		return "", err
	}
	if err := writeFile(b.ws.path(initrdFile), initrd); err != nil {
		return "", fmt.Errorf("%s: %w", b.Installer.Path, err)
	}
	return "initrd of " + humanSize(initrd.SizeBytes), nil
}

// unpackKernel takes the kernel out of an image, in the form that QEMU loads.
func unpackKernel(image *iso.Image, name, to string, a accel.Choice) (err error) {
	from, err := image.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	stat, err := from.Stat()
	if err != nil {
		return err
	}
	at, ok := from.(io.ReaderAt)
	if !ok {
		return errors.New("cannot be read at any place")
	}
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	info, err := kernel.Unpack(w, at, stat.Size())
	if err != nil {
		return err
	}
	if pages := info.PageSizeHint(); pages != "" && a.Accel == "hvf" {
		return &HostError{Err: errors.New(pages), Do: "--accel tcg emulates it"}
	}
	return nil
}

// writeFile writes a file of this machine.
func writeFile(to string, f tree.File) (err error) {
	w, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return tree.Copy(w, f)
}

func (b *build) kickstart(context.Context) (string, error) {
	if err := os.WriteFile(b.ws.path(kickstartFile), b.Kickstart.Guest, 0o600); err != nil {
		return "", err
	}
	b.inputs = append(b.inputs, b.kickstartInput())
	return fmt.Sprintf("%d bytes, ends with %s", len(b.Kickstart.Guest), or(b.Kickstart.End, "nothing")), nil
}

func (b *build) oemdrv(context.Context) (text string, err error) {
	f, err := os.OpenFile(b.ws.path(oemdrvFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	files := []tree.File{tree.Bytes(iso.KickstartName, b.Kickstart.Guest)}
	if err := iso.WriteOEMDRV(f, files, b.Time); err != nil {
		return "", err
	}
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	return humanSize(info.Size()), nil
}

func (b *build) disk(context.Context) (string, error) {
	if err := disk.CreateRaw(b.ws.path(diskFile), b.Spec.DiskSize); err != nil {
		return "", err
	}
	return FormatSize(b.Spec.DiskSize) + ", sparse", nil
}
