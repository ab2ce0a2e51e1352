// This file puts boot media together: a GPT disk with an EFI system partition
// and whatever volumes should be on the same stick.

package disk

import (
	"fmt"
	"os"
	"time"

	"github.com/imgasm/imgasm/internal/derive"
)

// BootMedium describes a disk that UEFI firmware boots from.
type BootMedium struct {
	// Files are the contents of the EFI system partition. Firmware starts
	// EFI/BOOT/BOOTX64.EFI or EFI/BOOT/BOOTAA64.EFI.
	Files []File
	// Volumes are further partitions, in order, each in 1 MiB steps.
	Volumes []Volume
	// Seed is what all identifiers are derived from; see internal/derive. Media that are
	// used at the same time should have different seeds.
	Seed string
	// Time is the date of every file; see FAT32.Time.
	Time time.Time
}

// Volume is a partition whose contents come as they are.
type Volume struct {
	Name string // of the partition
	// Contents fill the partition from its start. The path is only for errors.
	Contents File
}

// WriteBootMedium writes the medium to an empty file, which it makes as
// large as need be. The caller closes f, or removes it after an error.
func WriteBootMedium(f *os.File, m BootMedium) error {
	l, err := m.layout()
	if err != nil {
		return err
	}
	if err := Blank(f, l.SizeBytes); err != nil {
		return err
	}
	return m.write(f, l)
}

// ContentBytes is the size of all files and volumes on the medium.
func (m *BootMedium) ContentBytes() int64 {
	var n int64
	for _, f := range m.Files {
		n += f.SizeBytes
	}
	for _, v := range m.Volumes {
		n += v.Contents.SizeBytes
	}
	return n
}

// alignUp rounds up to 1 MiB.
func alignUp(n int64) int64 { return (n + Alignment - 1) &^ (Alignment - 1) }

// layout gives every part its place.
func (m *BootMedium) layout() (Layout, error) {
	esp, err := FAT32Size(m.Files)
	if err != nil {
		return Layout{}, err
	}
	l := Layout{GUID: derive.GUID(m.Seed, "boot medium")}
	next := int64(Alignment)
	add := func(name, kind string, size int64) {
		guid := derive.GUID(m.Seed, fmt.Sprintf("boot medium partition %d", len(l.Partitions)+1))
		l.Partitions = append(l.Partitions, Partition{Name: name, Type: kind, GUID: guid, StartBytes: next, SizeBytes: size})
		next += size
	}
	add("EFI System Partition", TypeESP, esp)
	for _, v := range m.Volumes {
		add(v.Name, TypeLinux, max(Alignment, alignUp(v.Contents.SizeBytes)))
	}
	l.SizeBytes = next + Alignment // the backup table
	return l, l.Validate()
}

// write fills a blank file of the layout's size.
func (m *BootMedium) write(f *os.File, l Layout) error {
	if err := WriteGPT(f, l); err != nil {
		return err
	}
	esp := l.Partitions[0]
	err := WriteFAT32(f, esp.StartBytes, FAT32{
		SizeBytes: esp.SizeBytes, Label: "IMGASM", VolumeID: derive.VolumeID(m.Seed, "EFI system partition"),
		HiddenSectors: uint32(esp.StartBytes / SectorSize), Time: m.Time, Files: m.Files,
	}, true)
	if err != nil {
		return err
	}
	for i, v := range m.Volumes {
		s := &sink{w: f, pos: l.Partitions[i+1].StartBytes, blank: true}
		if s.Copy(v.Contents); s.err != nil {
			return s.err
		}
	}
	return nil
}
