// The step that makes an EFI boot medium, for --boot media.

package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/tree"
)

// bootMedium makes a disk with the ISO's own shim and GRUB, its kernel, and a
// grub.cfg of ours: firmware starts it as it would start the ISO.
func (b *build) bootMedium(context.Context) (string, error) {
	image, err := iso.Open(b.Installer.Path)
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	media, err := bootMedia(image, in.Boot)
	if err != nil {
		return "", fmt.Errorf("%s: %w", b.Installer.Path, err)
	}
	media.Arch, media.KernelArgs = b.Arch, b.Arguments
	files, err := firmware.BootFiles(media)
	if err != nil {
		return "", fmt.Errorf("%s: %w", b.Installer.Path, err)
	}
	path := b.ws.path(bootMediumFile)
	if err := disk.WriteBootMedium(path, disk.BootMedium{Files: files, Seed: b.id("boot medium"), Time: b.Time}); err != nil {
		return "", err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return humanSize(info.Size()), nil
}

// bootMedia collects the boot files of an installer ISO.
func bootMedia(image *iso.Image, boot iso.BootFiles) (m firmware.BootMedia, err error) {
	for _, part := range []struct {
		to   *tree.File
		name string
	}{{&m.Shim, boot.Shim}, {&m.GRUB, boot.GRUB}, {&m.MokManager, boot.MokManager}, {&m.Kernel, boot.Kernel}, {&m.Initrd, boot.Initrd}} {
		if part.name == "" {
			continue
		}
		if *part.to, err = tree.FS(part.name, image, part.name); err != nil {
			return m, err
		}
	}
	m.GRUBFolder, err = grubFolder(image, boot.GRUB)
	return m, err
}

// grubFolder is where the GRUB of an ISO looks for its configuration, "" if it does not say.
func grubFolder(image *iso.Image, name string) (string, error) {
	f, err := image.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	at, ok := f.(io.ReaderAt)
	if !ok {
		return "", fmt.Errorf("%s cannot be read at any place", name)
	}
	folder, err := firmware.GRUBPrefix(at, info.Size())
	if errors.Is(err, firmware.ErrNoPrefix) {
		return "", nil
	}
	return folder, err
}
