// This file moves a GPT's backup to the end of a disk that has grown.

package disk

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/imgasm/imgasm/internal/fault"
)

// Patch is what is to be written at a place of a disk.
type Patch struct {
	Offset int64
	Data   []byte
}

// GrowGPT says what is to be written, in this order, on a disk of sizeBytes that
// becomes one of newBytes, a multiple of 512, so that its GPT uses all of it:
// the protective MBR, both headers and the backup's entries (UEFI 2.10, section
// 5.3.2). Partitions and identifiers stay as they are. It is nothing for
// a disk with an MBR or without a table.
//
// Errors: ErrSize; ErrLayout if the table at the front cannot be read, or has
// partitions that reach into the last 33 sectors of newBytes; those of r.
func GrowGPT(r io.ReaderAt, sizeBytes, newBytes int64) ([]Patch, error) {
	if sizeBytes < 2*SectorSize {
		return nil, nil
	}
	mbr, err := readSector(r, sizeBytes, 0)
	if err != nil {
		return nil, err
	}
	if _, protective := mbrEntries(mbr); !protective {
		return nil, nil
	}
	if newBytes%SectorSize != 0 {
		return nil, fmt.Errorf("disk of %d bytes with a GPT: must be a multiple of %d: %w", newBytes, SectorSize, ErrSize)
	}
	raw, err := readRawGPT(r, sizeBytes, 1)
	if err != nil {
		return nil, &fault.Error{
			Class: ErrLayout, Err: fmt.Errorf("the GPT at the front of the disk: %w", err),
			Do: "repair it before the disk grows: sgdisk -e DISK",
		}
	}
	table, err := readGPTAt(r, sizeBytes, 1)
	if err != nil {
		return nil, err
	}
	last := newBytes/SectorSize - 1
	entries := last - (int64(len(raw.entries))+SectorSize-1)/SectorSize
	if first := binary.LittleEndian.Uint64(raw.header[40:]); first >= uint64(max(0, entries)) {
		return nil, fmt.Errorf("a disk of %d bytes has no room between the GPT, up to sector %d, and its backup: %w", newBytes, first, ErrLayout)
	}
	for _, p := range table.Parts {
		if end := p.StartBytes + p.SizeBytes; end > entries*SectorSize {
			return nil, fmt.Errorf("partition %d ends at byte %d, where the backup of the table goes on a disk of %d bytes: %w", p.Number, end, newBytes, ErrLayout)
		}
	}
	patches := forgetBackup(r, sizeBytes, raw, table)
	if protectMBR(mbr, newBytes) {
		patches = append(patches, Patch{0, mbr})
	}
	return append(patches,
		Patch{SectorSize, raw.place(1, last, int64(binary.LittleEndian.Uint64(raw.header[72:])), entries-1)},
		Patch{entries * SectorSize, raw.entries},
		Patch{last * SectorSize, raw.place(last, 1, entries, entries-1)}), nil
}

// place is the header for a sector. The other table's header, this one's entries
// and the last sector that partitions may use are sectors too.
func (g *rawGPT) place(own, other, entries, usable int64) []byte {
	h, le := slices.Clone(g.header), binary.LittleEndian
	for at, sector := range map[int]int64{24: own, 32: other, 48: usable, 72: entries} {
		le.PutUint64(h[at:], uint64(sector))
	}
	le.PutUint32(h[16:], headerSum(h))
	return h
}

// forgetBackup clears the header of the backup where it was: nobody shall take it
// for the disk's. What lies in a partition is left alone.
func forgetBackup(r io.ReaderAt, sizeBytes int64, g *rawGPT, table *Table) []Patch {
	at := binary.LittleEndian.Uint64(g.header[32:])
	if at > math.MaxInt64/SectorSize {
		return nil
	}
	old, err := readSector(r, sizeBytes, int64(at))
	if err != nil || string(old[:8]) != gptSignature {
		return nil // it was elsewhere, or never
	}
	off := int64(at) * SectorSize
	if slices.ContainsFunc(table.Parts, func(p Entry) bool { return off >= p.StartBytes && off < p.StartBytes+p.SizeBytes }) {
		return nil
	}
	return []Patch{{off, make([]byte, SectorSize)}}
}

// protectMBR lets the entry that protects a GPT cover a disk of newBytes, and
// reports whether it does. One of a hybrid MBR, which has other partitions beside
// it, stays.
func protectMBR(mbr []byte, newBytes int64) bool {
	entries, _ := mbrEntries(mbr)
	at := -1
	for i, e := range entries {
		switch {
		case e.empty():
		case e.kind != 0xee || at >= 0:
			return false
		default:
			at = mbrTable + i*16
		}
	}
	if at < 0 {
		return false
	}
	count := newBytes/SectorSize - int64(binary.LittleEndian.Uint32(mbr[at+8:]))
	binary.LittleEndian.PutUint32(mbr[at+12:], uint32(min(count, math.MaxUint32)))
	return true
}
