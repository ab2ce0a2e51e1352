// This file writes GPT partition tables (UEFI 2.10, chapter 5). The table
// itself is go-diskfs's; it accepts any layout, so that Validate comes first.

package disk

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"

	"github.com/diskfs/go-diskfs/backend"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"github.com/imgasm/imgasm/internal/fault"
)

// Partition types, by what they are for.
const (
	TypeESP       = string(gpt.EFISystemPartition)
	TypeBIOSBoot  = string(gpt.BIOSBoot)
	TypeLinux     = string(gpt.LinuxFilesystem)
	TypeBoot      = string(gpt.LinuxExtendedBoot)
	TypeSwap      = string(gpt.LinuxSwap)
	TypeLVM       = string(gpt.LinuxLVM)
	TypeRootX86   = string(gpt.LinuxRootX86_64)
	TypeRootArm64 = string(gpt.LinuxRootArm64)
	TypeBasicData = string(gpt.MicrosoftBasicData)
)

// Alignment is where partitions start: multiples of 1 MiB, which suits every
// drive's erase block and RAID stripe in use.
const Alignment = 1 << 20

// gptSectors are the sectors that a table of 128 entries takes at each end,
// the protective MBR at the front not counted.
const gptSectors = 33

// maxPartitions is how many entries the tables have.
const maxPartitions = 128

// ErrLayout is what an impossible partition table is refused with.
var ErrLayout = fault.Class(fault.Input, "impossible partition table")

// Layout is a partition table to be.
type Layout struct {
	SizeBytes  int64  // of the disk; a multiple of 512
	GUID       string // of the disk
	Partitions []Partition
}

// Partition is one entry, numbered by its place in Layout.Partitions.
type Partition struct {
	Name       string // up to 36 UTF-16 units
	Type       string // a GUID, such as TypeESP
	GUID       string // of this partition
	StartBytes int64  // from the start of the disk; a multiple of Alignment
	SizeBytes  int64  // a positive multiple of 512
}

var guidForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

const zeroGUID = "00000000-0000-0000-0000-000000000000"

// Validate says what is wrong with a layout: partitions that overlap, reach
// into the tables or past the end, or are not aligned; identifiers that are
// not GUIDs or not unique; names too long. The error wraps ErrLayout.
func (l Layout) Validate() error {
	fail := func(format string, args ...any) error {
		return &fault.Error{Class: ErrLayout, Err: fmt.Errorf(format, args...)}
	}
	if l.SizeBytes%SectorSize != 0 || l.SizeBytes < 3*Alignment {
		return fail("disk of %d bytes: must be a multiple of %d and at least 3 MiB", l.SizeBytes, SectorSize)
	}
	if len(l.Partitions) > maxPartitions {
		return fail("%d partitions: a table holds %d", len(l.Partitions), maxPartitions)
	}
	ids := map[string]string{}
	unique := func(what, id string) error {
		if !guidForm.MatchString(id) || id == zeroGUID {
			return fail("%s: %q is not a GUID", what, id)
		}
		if other, ok := ids[strings.ToUpper(id)]; ok {
			return fail("%s has the same GUID as %s", what, other)
		}
		ids[strings.ToUpper(id)] = what
		return nil
	}
	if err := unique("the disk", l.GUID); err != nil {
		return err
	}
	lastUsable := l.SizeBytes - gptSectors*SectorSize
	for i, p := range l.Partitions {
		what := fmt.Sprintf("partition %d (%s)", i+1, p.Name)
		if !guidForm.MatchString(p.Type) || p.Type == zeroGUID {
			return fail("%s: type %q is not a GUID", what, p.Type)
		}
		if err := unique(what, p.GUID); err != nil {
			return err
		}
		if n := len(units(p.Name)); n > 36 || strings.ContainsRune(p.Name, 0) {
			return fail("%s: the name has %d UTF-16 units; 36 are the most", what, n)
		}
		switch {
		case p.SizeBytes <= 0 || p.SizeBytes%SectorSize != 0:
			return fail("%s: %d bytes: must be a positive multiple of %d", what, p.SizeBytes, SectorSize)
		case p.StartBytes < Alignment:
			return fail("%s: starts at byte %d, inside the partition table", what, p.StartBytes)
		case p.StartBytes%Alignment != 0:
			return fail("%s: starts at byte %d, not at a multiple of 1 MiB", what, p.StartBytes)
		case p.SizeBytes > lastUsable || p.StartBytes > lastUsable-p.SizeBytes:
			return fail("%s: bytes %d to %d reach past the last usable byte, %d", what, p.StartBytes, p.StartBytes+p.SizeBytes, lastUsable)
		}
		for j, q := range l.Partitions[:i] {
			if p.StartBytes < q.StartBytes+q.SizeBytes && q.StartBytes < p.StartBytes+p.SizeBytes {
				return fail("%s overlaps partition %d (%s)", what, j+1, q.Name)
			}
		}
	}
	return nil
}

// WriteGPT writes protective MBR, table and backup table. Nothing else of w is
// touched, and boot code in the first 446 bytes stays.
func WriteGPT(w io.WriterAt, l Layout) error {
	head, tail, err := l.encode()
	if err != nil {
		return err
	}
	// The backup first: whatever happens, one table is whole.
	if _, err := w.WriteAt(tail, l.SizeBytes-int64(len(tail))); err != nil {
		return err
	}
	_, err = w.WriteAt(head[mbrTable:], mbrTable)
	return err
}

// mbrTable is where the MBR's partition entries begin, after its boot code.
const mbrTable = 446

// encode returns what stands at the front and at the end of the disk.
func (l Layout) encode() (head, tail []byte, err error) {
	if err := l.Validate(); err != nil {
		return nil, nil, err
	}
	t := gpt.Table{GUID: l.GUID, ProtectiveMBR: true, LogicalSectorSize: SectorSize, PhysicalSectorSize: SectorSize}
	for i, p := range l.Partitions {
		t.Partitions = append(t.Partitions, &gpt.Partition{
			Index: i + 1, Start: uint64(p.StartBytes / SectorSize), Size: uint64(p.SizeBytes),
			Type: gpt.Type(p.Type), Name: p.Name, GUID: p.GUID,
		})
	}
	c := &tableBytes{size: l.SizeBytes}
	if err := t.Write(c, l.SizeBytes); err != nil {
		return nil, nil, err
	}
	// The MBR's entry as UEFI 2.10, table 5-4, has it; go-diskfs leaves the
	// CHS fields out and cuts the size of disks over 2 TiB.
	copy(c.head[mbrTable:], "\x00\x00\x02\x00\xee\xff\xff\xff")
	binary.LittleEndian.PutUint32(c.head[mbrTable+12:], uint32(min(l.SizeBytes/SectorSize-1, math.MaxUint32)))
	return c.head[:], c.tail[:], nil
}

// tableBytes is the "disk" that go-diskfs writes a table to: only the two ends
// exist. It has no Sync, which saves five fsyncs for every table.
type tableBytes struct {
	backend.WritableFile // nil: Table.Write calls WriteAt only
	size                 int64
	head                 [(1 + gptSectors) * SectorSize]byte
	tail                 [gptSectors * SectorSize]byte
}

func (t *tableBytes) WriteAt(p []byte, off int64) (int, error) {
	to := t.head[:]
	if off >= int64(len(t.head)) {
		to, off = t.tail[:], off-(t.size-int64(len(t.tail)))
	}
	if off < 0 || off+int64(len(p)) > int64(len(to)) {
		return 0, fmt.Errorf("GPT of %d bytes at %d: outside the table's place", len(p), off)
	}
	return copy(to[off:], p), nil
}
