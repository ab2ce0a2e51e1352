// The steps that make what the guest is given: boot files, kickstart, media, disk.

package alma

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/kernel"
	"github.com/imgasm/imgasm/assemble/media"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/tree"
)

// source begins to hash the ISO: reading gigabytes takes seconds, and the
// installation need not wait for them. What has been fetched is verified already.
func (b *build) source(context.Context) (string, error) {
	b.isoHash = make(chan hashed, 1)
	if b.Spec.fetched != nil {
		b.isoHash <- hashed{sum: b.Installer.SHA256, size: b.Installer.Size}
	} else {
		go guard.Func(func() {
			var h hashed
			h.sum, h.size, h.err = fileHash(b.Installer.Path)
			b.isoHash <- h
		}, func(err error) { b.isoHash <- hashed{err: err} })()
	}
	kind := b.Installer.Variant
	if b.Installer.Rehearsal {
		kind = "rehearsal"
	}
	return fmt.Sprintf("%s, %s, volume %q", b.productName(), kind, b.Installer.Label), nil
}

func (b *build) bootFiles(ctx context.Context) (string, error) {
	image, err := iso.Open(ctx, b.Installer.Path)
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	if err := b.unpackKernel(image, in.Boot.Kernel); err != nil {
		return "", fmt.Errorf("%s: %s: %w", b.Installer.Path, in.Boot.Kernel, err)
	}
	initrd, err := image.File(in.Boot.Initrd, in.Boot.Initrd)
	if err != nil {
		return "", fmt.Errorf("%s: %s: %w", b.Installer.Path, in.Boot.Initrd, err)
	}
	if initrd, err = b.initrd(initrd); err != nil {
		return "", err
	}
	if _, err := b.make(initrdFile, func(f *os.File) error { return tree.Copy(f, initrd) }); err != nil {
		return "", fmt.Errorf("%s: %w", b.Installer.Path, err)
	}
	return "initrd of " + size.Text(initrd.SizeBytes), nil
}

// make makes a file in the working folder, and returns its size.
func (b *build) make(name string, write func(*os.File) error) (size int64, err error) {
	f, err := b.ws.create(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := write(f); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// unpackKernel takes the kernel out of an image, in the form that QEMU loads.
func (b *build) unpackKernel(image *iso.Image, name string) error {
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
	var info kernel.Info
	if _, err := b.make(kernelFile, func(f *os.File) (err error) {
		info, err = kernel.Unpack(f, at, file.SizeBytes)
		return err
	}); err != nil {
		return err
	}
	if pages := info.PageSizeHint(); pages != "" && b.Accel.Accel == "hvf" {
		return &HostError{Err: errors.New(pages), Do: "emulate it: {Accel} tcg"}
	}
	return nil
}

func (b *build) kickstart(context.Context) (string, error) {
	if err := b.ws.root.WriteFile(kickstartFile, b.Kickstart.Guest, 0o600); err != nil {
		return "", err
	}
	b.inputs = append(b.inputs, b.kickstartInput())
	return fmt.Sprintf("%d bytes, ends with %s", len(b.Kickstart.Guest), or(b.Kickstart.End, "nothing")), nil
}

func (b *build) oemdrv(context.Context) (string, error) {
	files := []tree.File{tree.Bytes(iso.KickstartName, b.Kickstart.Guest)}
	n, err := b.make(oemdrvFile, func(f *os.File) error {
		return media.WriteVolume(f, files, b.Time, b.note)
	})
	return size.Text(n), err
}

// note says something that ends nothing.
func (b *build) note(text string) { b.emit(event.Event{Kind: event.Note, Text: text}) }

func (b *build) disk(context.Context) (string, error) {
	_, err := b.make(diskFile, func(f *os.File) error { return disk.Blank(f, b.Spec.DiskSize) })
	return size.Format(b.Spec.DiskSize) + ", sparse", err
}
