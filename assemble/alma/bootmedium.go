// The step that makes an EFI boot medium, for --boot media.

package alma

import (
	"context"
	"fmt"
	"os"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/media"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/size"
)

// bootMedium makes a disk with the ISO's own shim and GRUB, its kernel, and a
// grub.cfg of ours: firmware starts it as it would start the ISO.
func (b *build) bootMedium(ctx context.Context) (string, error) {
	image, err := iso.Open(ctx, b.Installer.Path)
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	parts, err := media.BootMedia(image, in)
	if err != nil {
		return "", isoError(b.Installer.Path, err)
	}
	if parts.Initrd, err = b.initrd(parts.Initrd); err != nil {
		return "", err
	}
	parts.KernelArgs = b.Arguments
	files, err := firmware.BootFiles(parts)
	if err != nil {
		return "", fmt.Errorf("%s: %w", b.Installer.Path, err)
	}
	m := disk.BootMedium{Files: files, Seed: b.id("boot medium"), Time: b.Time}
	n, err := b.make(bootMediumFile, func(f *os.File) error {
		return media.WriteMedium(f, m, nil, b.note)
	})
	return size.Text(n), err
}
