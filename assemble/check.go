// A look at an installed disk from outside, before the image is made of it.

package assemble

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"github.com/imgasm/imgasm/internal/arch"
)

const sectorSize = 512

// inspectDisk says what is on a raw disk, or why it cannot boot.
func inspectDisk(path string, a arch.Arch, boot string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if boot == "bios" {
		return inspectBIOS(f)
	}
	table, err := gpt.Read(file.New(f, true), sectorSize, sectorSize)
	if err != nil {
		return "", fmt.Errorf("no GPT: %w", err)
	}
	used := 0
	loader := ""
	for _, part := range table.Partitions {
		if part == nil || part.Type == gpt.Unused || part.Start == 0 {
			continue
		}
		used++
		if part.Type != gpt.EFISystemPartition || loader != "" {
			continue
		}
		fs, err := fat32.Read(file.New(f, true), int64(part.GetSize()), int64(part.GetStart()), sectorSize)
		if err != nil {
			return "", fmt.Errorf("EFI system partition %d: %w", part.Index, err)
		}
		loader = findLoader(fs, a)
	}
	switch {
	case used == 0:
		return "", errors.New("its partition table is empty")
	case loader == "":
		return "", fmt.Errorf(`no EFI system partition with \EFI\BOOT\%s`, a.EFIBoot)
	}
	return fmt.Sprintf("GPT with %d partitions, %s", used, loader), nil
}

// findLoader returns the path of the removable-media boot loader, which a
// firmware without settings of its own starts (UEFI 2.10, section 3.5.1.1).
func findLoader(fs *fat32.FileSystem, a arch.Arch) string {
	entries, err := fs.ReadDir("EFI/BOOT")
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if strings.EqualFold(e.Name(), a.EFIBoot) {
			return `\EFI\BOOT\` + e.Name()
		}
	}
	return ""
}

// inspectBIOS looks for boot code and the signature of a boot sector.
func inspectBIOS(f *os.File) (string, error) {
	sector := make([]byte, sectorSize)
	if _, err := f.ReadAt(sector, 0); err != nil {
		return "", err
	}
	if sector[510] != 0x55 || sector[511] != 0xaa {
		return "", errors.New("its first sector is no boot sector")
	}
	// Bytes 0 to 439 are code in a boot sector and zero in a protective MBR.
	for _, b := range sector[:440] {
		if b != 0 {
			return "boot sector with code", nil
		}
	}
	return "", errors.New("its boot sector has no code: the boot loader was not installed")
}
