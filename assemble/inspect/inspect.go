// Package inspect looks at a finished disk from outside, without starting it,
// and without root, a mount or a kernel's help.
//
// [Boot] proves that firmware would start it, or says what it could not read:
// only what has been seen to be wrong is an error. [Open] says what is on a disk,
// [Image.Tree] makes an fs.FS of its file systems as the system on it would mount
// them, and [Image.Look] says what that system is. Disks of strangers may be
// damaged or hostile: names and texts are as somebody wrote them, and what is
// held in memory has bounds.
package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// The classes of errors, for errors.Is.
var (
	// ErrCannotBoot is what Boot has seen to be wrong with a disk.
	ErrCannotBoot = fault.Class(fault.Guest, "the disk cannot boot")
	// ErrTable is a partition table that contradicts itself.
	ErrTable = fault.Class(fault.Input, "a damaged partition table")
	// ErrArch is an architecture of which nothing is known.
	ErrArch = fault.Class(fault.Input, "an unknown architecture")
)

// Boots is what was found on a disk.
type Boots struct {
	// Found is what starts it: `GPT with 3 partitions, \EFI\BOOT\BOOTX64.EFI (FAT16)`.
	Found string
	// Unread is what could not be read, so that nothing is proven; nil if what
	// starts the disk was found.
	Unread error
}

// Boot looks for what firmware of an architecture ("x86_64", "aarch64") starts on
// a raw disk of sizeBytes. With uefi that is the boot loader for removable media
// (UEFI 2.10, section 3.5.1.1), which a firmware without settings of its own
// takes; else the code of the first sector.
//
// The error is ErrArch, or ErrCannotBoot and says what was seen. A disk that could not
// be read is none: see Boots.Unread.
func Boot(r io.ReaderAt, sizeBytes int64, archName string, uefi bool) (Boots, error) {
	a, err := arch.Parse(archName)
	if err != nil {
		return Boots{}, &fault.Error{Class: ErrArch, Err: err}
	}
	if !uefi {
		return bootBIOS(r)
	}
	table, err := disk.ReadTable(r, sizeBytes)
	switch {
	case errors.Is(err, disk.ErrNoTable):
		// Firmware starts a disk that is one FAT as well.
		if _, err := disk.OpenFAT(r, sizeBytes); err == nil {
			table = &disk.Table{Parts: []disk.Entry{{SizeBytes: sizeBytes}}}
			break
		}
		return Boots{}, seen("it has no partition table")
	case err != nil:
		return Boots{Unread: fmt.Errorf("its partition table could not be read: %w", err)}, nil
	case len(table.Parts) == 0:
		return Boots{}, seen("its partition table (%s) is empty", table.Kind)
	}
	return bootEFI(r, table, a)
}

// seen is an error of what was seen.
func seen(format string, args ...any) error {
	return &fault.Error{Class: ErrCannotBoot, Err: fmt.Errorf(format, args...)}
}

// bootEFI looks at every partition that firmware would look at: each FAT.
func bootEFI(r io.ReaderAt, table *disk.Table, a arch.Arch) (Boots, error) {
	var without []string // what was read and has no loader
	var unread error
	for _, part := range table.Parts {
		fat, err := disk.OpenFAT(io.NewSectionReader(r, part.StartBytes, part.SizeBytes), part.SizeBytes)
		if err != nil {
			if part.IsESP() && unread == nil {
				unread = fmt.Errorf("EFI system partition %d could not be read: %w", part.Number, err)
			}
			continue
		}
		name, err := findLoader(fat, a)
		switch {
		case name != "":
			return Boots{Found: describe(table, name, fat.Bits)}, nil
		case err != nil && unread == nil:
			unread = fmt.Errorf("partition %d (FAT%d) could not be read: %w", part.Number, fat.Bits, err)
		case err == nil && part.IsESP():
			without = append(without, fmt.Sprintf("partition %d, FAT%d", part.Number, fat.Bits))
		}
	}
	switch {
	case unread != nil:
		return Boots{Unread: unread}, nil
	case without == nil:
		return Boots{}, seen(`it has no EFI system partition, on which firmware looks for \EFI\BOOT\%s`, a.EFIBoot)
	}
	return Boots{}, seen(`its EFI system partition (%s) has no \EFI\BOOT\%s`, strings.Join(without, "; "), a.EFIBoot)
}

func describe(table *disk.Table, loader string, bits int) string {
	if table.Kind == "" {
		return fmt.Sprintf("no partitions, %s (FAT%d)", loader, bits)
	}
	backup := ""
	if table.Backup {
		backup = ", of which only the backup is whole,"
	}
	s := "s"
	if len(table.Parts) == 1 {
		s = ""
	}
	return fmt.Sprintf("%s%s with %d partition%s, %s (FAT%d)", table.Kind, backup, len(table.Parts), s, loader, bits)
}

// findLoader returns the loader's path as firmware writes it, "" if it was
// seen that there is none.
func findLoader(fat *disk.FAT, a arch.Arch) (string, error) {
	entries, err := fs.ReadDir(fat.FS(), "EFI/BOOT")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil {
			return "", err
		} else if strings.EqualFold(e.Name(), a.EFIBoot) && info.Mode().IsRegular() && info.Size() > 0 {
			return `\EFI\BOOT\` + e.Name(), nil
		}
	}
	return "", err
}

// bootBIOS looks for boot code and the signature of a boot sector.
func bootBIOS(r io.ReaderAt) (Boots, error) {
	sector := make([]byte, disk.SectorSize)
	if n, err := r.ReadAt(sector, 0); n < len(sector) {
		return Boots{Unread: fmt.Errorf("its first sector could not be read: %w", err)}, nil
	}
	if sector[510] != 0x55 || sector[511] != 0xaa {
		return Boots{}, seen("its first sector is no boot sector")
	}
	// Bytes 0 to 439 are code in a boot sector and zero in a protective MBR.
	for _, b := range sector[:440] {
		if b != 0 {
			return Boots{Found: "boot sector with code"}, nil
		}
	}
	return Boots{}, seen("its boot sector has no code: the boot loader was not installed")
}
