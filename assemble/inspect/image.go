// This file opens a disk: its partition table, and what each partition holds.

package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/ext4"
	"github.com/imgasm/imgasm/assemble/xfs"
	"github.com/imgasm/imgasm/internal/fault"
)

// Image is a disk that is looked at. It is not for use by two goroutines at the
// same time.
type Image struct {
	SizeBytes int64 `json:"sizeBytes"`
	// Table is "GPT" or "MBR"; "" for a disk without partitions.
	Table string `json:"table,omitempty"`
	// DiskGUID is the GPT's, in capitals; of an MBR its signature of 8 digits.
	DiskGUID string `json:"diskGUID,omitempty"`
	// Backup: the GPT at the front is damaged, its backup at the end is whole.
	Backup bool `json:"backupOnly,omitempty"`
	// Volumes are the partitions in the order of the table, or else the whole
	// disk if it holds something; then the logical volumes on them, by name.
	Volumes []Volume `json:"volumes"`
	// Boots says what firmware would start: of each architecture that has a
	// loader for removable media, and of a PC's BIOS if there is boot code.
	Boots []string `json:"boots,omitempty"`

	r io.ReaderAt
}

// Volume is a partition, a whole disk or a logical volume, and what it holds.
type Volume struct {
	Number     int    `json:"number"`       // as Linux counts partitions; 0 is the whole disk
	LV         string `json:"lv,omitempty"` // "group/name" of a logical volume; its first byte is on Number, 0 if that is not known
	StartBytes int64  `json:"startBytes"`
	SizeBytes  int64  `json:"sizeBytes"`
	PartType   string `json:"partType,omitempty"` // a GUID in capitals, or "0x83"
	PartName   string `json:"partName,omitempty"`
	PartUUID   string `json:"partUUID,omitempty"` // in capitals

	// Kind is what it holds as blkid names it: "xfs", "ext4", "vfat", "swap",
	// "LVM2_member", "crypto_LUKS", "btrfs"; "" if that is not known.
	Kind  string `json:"kind,omitempty"`
	Label string `json:"label,omitempty"`
	UUID  string `json:"uuid,omitempty"` // as in fstab
	// FSBytes is the size of a file system that was read.
	FSBytes int64 `json:"fsBytes,omitempty"`
	// Unclean: it was not unmounted, and what its journal has was not read.
	Unclean bool `json:"unclean,omitempty"`
	// Unread is why files of a file system cannot be read; "" if they can.
	Unread string `json:"unread,omitempty"`

	fsys fs.FS
}

// FS is the volume's file system, nil if its files cannot be read. Xfs, ext2 to
// ext4, and FAT can be.
func (v *Volume) FS() fs.FS { return v.fsys }

// PartTypeName is what people call the partition's type, "" for an unknown one.
func (v *Volume) PartTypeName() string { return partTypes[v.PartType] }

var partTypes = map[string]string{
	disk.TypeESP: "EFI system", disk.TypeBIOSBoot: "BIOS boot", disk.TypeLinux: "Linux", disk.TypeBoot: "Linux boot",
	disk.TypeSwap: "Linux swap", disk.TypeLVM: "Linux LVM", disk.TypeRootX86: "Linux root (x86-64)",
	disk.TypeRootArm64: "Linux root (ARM64)", disk.TypeBasicData: "Microsoft basic data",
	"0x82": "Linux swap", "0x83": "Linux", "0x8e": "Linux LVM", "0xef": "EFI system", "0x0c": "FAT32", "0x07": "NTFS or exFAT",
}

// Open reads the partition table of a disk of sizeBytes and looks at what its
// partitions hold. What cannot be read is told in Volumes; the error is that of
// a damaged partition table, or r's.
func Open(r io.ReaderAt, sizeBytes int64) (*Image, error) {
	m := &Image{SizeBytes: sizeBytes, Volumes: []Volume{}, r: r}
	table, err := disk.ReadTable(r, sizeBytes)
	switch {
	case errors.Is(err, disk.ErrNoTable) || sizeBytes < 2*disk.SectorSize:
		table = &disk.Table{}
	case err != nil:
		return nil, &fault.Error{Class: ErrTable, Err: err}
	}
	if len(table.Parts) == 0 { // a FAT's boot sector looks like an empty MBR
		whole := Volume{SizeBytes: sizeBytes}
		if err := whole.identify(r); err != nil {
			return nil, err
		}
		if whole.Kind != "" {
			table = &disk.Table{}
			m.Volumes = []Volume{whole}
		}
	}
	m.Table, m.DiskGUID, m.Backup = table.Kind, table.GUID, table.Backup
	for _, p := range table.Parts {
		v := Volume{Number: p.Number, StartBytes: p.StartBytes, SizeBytes: p.SizeBytes, PartType: p.Type, PartName: p.Name, PartUUID: p.GUID}
		if err := v.identify(io.NewSectionReader(r, p.StartBytes, p.SizeBytes)); err != nil {
			return nil, fmt.Errorf("partition %d: %w", p.Number, err)
		}
		m.Volumes = append(m.Volumes, v)
	}
	if err := m.logical(); err != nil {
		return nil, err
	}
	m.Boots = m.boots()
	return m, nil
}

// identify finds out what r holds. Damage is no error, but what is told.
func (v *Volume) identify(r io.ReaderAt) error {
	for _, open := range []func(io.ReaderAt) error{v.openXFS, v.openExt4, v.openFAT} {
		err := open(r)
		switch {
		case err == nil && v.Kind != "":
			return nil
		case err != nil && v.Kind != "": // it is one, but
			v.Unread = err.Error()
			return v.signature(r) // fstab names it all the same
		case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
			return err
		}
	}
	return v.signature(r)
}

func (v *Volume) openXFS(r io.ReaderAt) error {
	f, err := xfs.New(r, v.SizeBytes)
	switch {
	case errors.Is(err, xfs.ErrNotXFS):
		return nil
	case err == nil:
		v.Kind, v.Label, v.UUID, v.FSBytes, v.Unclean, v.fsys = "xfs", f.Label, f.UUID, f.Size, f.Unclean, f
	case errors.Is(err, xfs.ErrUnsupported) || errors.Is(err, xfs.ErrCorrupt):
		v.Kind = "xfs"
	}
	return err
}

func (v *Volume) openExt4(r io.ReaderAt) error {
	f, err := ext4.New(r, v.SizeBytes)
	switch {
	case errors.Is(err, ext4.ErrNotExt4):
		return nil
	case err == nil:
		v.Kind, v.Label, v.UUID, v.FSBytes, v.Unclean, v.fsys = f.Kind, f.Label, f.UUID, f.Size, f.Unclean, f
	case errors.Is(err, ext4.ErrUnsupported) || errors.Is(err, ext4.ErrCorrupt):
		v.Kind = "ext4"
	}
	return err
}

func (v *Volume) openFAT(r io.ReaderAt) error {
	f, err := disk.OpenFAT(r, v.SizeBytes)
	switch {
	case errors.Is(err, disk.ErrNotFAT):
		return nil
	case err != nil:
		return err
	}
	v.Kind, v.UUID, v.FSBytes, v.fsys = "vfat", f.UUID, f.Size, f.FS()
	v.Label, err = f.Label()
	return err
}
