// This file reads partition tables: GPT (UEFI 2.10, chapter 5) and MBR. A guest
// or a stranger wrote them, so that every number is bounded before it is used.

package disk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrNoTable says that a disk has no partition table: it was read, and it is
// neither a GPT nor an MBR.
var ErrNoTable = fault.Class(fault.Input, "no partition table")

// Table is a partition table that was read.
type Table struct {
	Kind   string  // "GPT" or "MBR"
	GUID   string  // of the disk, in capitals; in an MBR its signature, "1a2b3c4d"
	Backup bool    // the GPT at the front is damaged, this is the one at the end
	Parts  []Entry // those in use, in the order of the table
}

// Entry is a partition that was read. It lies within the disk.
type Entry struct {
	Number     int    // as Linux counts: 1 to 4 and from 5 in an MBR
	Type       string // a GUID in capitals, such as TypeESP; in an MBR "0xef"
	Name       string // GPT only
	GUID       string // PARTUUID, in capitals; in an MBR "1a2b3c4d-01"
	StartBytes int64
	SizeBytes  int64
}

// typeMBRESP is an EFI system partition in an MBR (UEFI 2.10, section 5.2.2).
const typeMBRESP = "0xef"

// IsESP reports whether the table calls it an EFI system partition.
func (e Entry) IsESP() bool { return e.Type == TypeESP || e.Type == typeMBRESP }

// Bounds of what is read, far above what any tool writes.
const (
	maxGPTBytes = 1 << 20 // of entries: 128 entries of 128 bytes are usual
	maxLogical  = 128     // partitions in an extended one
)

// ReadTable reads the partition table of a disk of sizeBytes with sectors of
// 512 bytes. Of two GPTs the first whole one counts. The error wraps ErrNoTable
// only if there is no sign of a table; any other table that cannot be read is
// some other error.
func ReadTable(r io.ReaderAt, sizeBytes int64) (*Table, error) {
	first, err := readSector(r, sizeBytes, 0)
	if err != nil {
		return nil, err
	}
	primary, err := readSector(r, sizeBytes, 1)
	if err != nil {
		return nil, err
	}
	mbr, protective := mbrEntries(first)
	signed := string(primary[:8]) == gptSignature
	switch {
	case protective:
		return readGPT(r, sizeBytes)
	case mbr != nil:
		return readMBR(r, sizeBytes, binary.LittleEndian.Uint32(first[440:]), mbr)
	case signed:
		return nil, errors.New("a GPT without the protective MBR before it")
	}
	return nil, ErrNoTable
}

func readSector(r io.ReaderAt, sizeBytes, number int64) ([]byte, error) {
	b := make([]byte, SectorSize)
	if number < 0 || number >= sizeBytes/SectorSize {
		return nil, fmt.Errorf("sector %d: outside of the disk", number)
	}
	return b, readFull(r, b, number*SectorSize)
}

// readFull fills b from off.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	if n, err := r.ReadAt(b, off); n < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return fmt.Errorf("%d bytes at %d: %w", len(b), off, err)
	}
	return nil
}

const gptSignature = "EFI PART"

// readGPT reads the table at the front, or else the one at the end.
func readGPT(r io.ReaderAt, sizeBytes int64) (*Table, error) {
	t, err := readGPTAt(r, sizeBytes, 1)
	if err == nil {
		return t, nil
	}
	t, err2 := readGPTAt(r, sizeBytes, sizeBytes/SectorSize-1)
	if err2 == nil {
		t.Backup = true
		return t, nil
	}
	if b, _ := readSector(r, sizeBytes, 4096/SectorSize); string(b[:min(len(b), 8)]) == gptSignature {
		return nil, errors.New("GPT: it is of a disk with sectors of 4096 bytes, and only those of 512 are read")
	}
	return nil, fmt.Errorf("GPT: %w; its backup: %w", err, err2)
}

// rawGPT is a table whose checksums are right.
type rawGPT struct {
	header  []byte // its sector
	entries []byte
	each    int64 // bytes of an entry
}

// readRawGPT reads the table whose header is in a sector (UEFI 2.10, table 5-5).
func readRawGPT(r io.ReaderAt, sizeBytes, header int64) (*rawGPT, error) {
	b, err := readSector(r, sizeBytes, header)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	if string(b[:8]) != gptSignature {
		return nil, errors.New("no header")
	}
	size := le.Uint32(b[12:])
	if size < 92 || size > SectorSize {
		return nil, fmt.Errorf("header of %d bytes", size)
	}
	if headerSum(b) != le.Uint32(b[16:]) {
		return nil, errors.New("wrong checksum of the header")
	}
	if own := le.Uint64(b[24:]); own != uint64(header) {
		return nil, fmt.Errorf("a header for sector %d in sector %d", own, header)
	}
	at, count, each := le.Uint64(b[72:]), int64(le.Uint32(b[80:])), int64(le.Uint32(b[84:]))
	if each < 128 || each%8 != 0 || each > maxGPTBytes || count > maxGPTBytes/each {
		return nil, fmt.Errorf("%d entries of %d bytes", count, each)
	}
	entries := make([]byte, count*each)
	if at > uint64(sizeBytes/SectorSize) {
		return nil, fmt.Errorf("entries in sector %d, outside of the disk", at)
	}
	if err := readFull(r, entries, int64(at)*SectorSize); err != nil {
		return nil, err
	}
	if crc32.ChecksumIEEE(entries) != le.Uint32(b[88:]) {
		return nil, errors.New("wrong checksum of the entries")
	}
	return &rawGPT{b, entries, each}, nil
}

// headerSum is the checksum of a header, whose own place counts as zero.
func headerSum(header []byte) uint32 {
	b := slices.Clone(header[:binary.LittleEndian.Uint32(header[12:])])
	clear(b[16:20])
	return crc32.ChecksumIEEE(b)
}

// readGPTAt reads the table whose header is in a sector.
func readGPTAt(r io.ReaderAt, sizeBytes, header int64) (*Table, error) {
	raw, err := readRawGPT(r, sizeBytes, header)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	t := &Table{Kind: "GPT", GUID: guidText(raw.header[56:])}
	for i := range int64(len(raw.entries)) / raw.each {
		e := raw.entries[i*raw.each : (i+1)*raw.each]
		if kind := guidText(e); kind != zeroGUID {
			name := make([]uint16, 36)
			for j := range name {
				name[j] = le.Uint16(e[56+2*j:])
			}
			text, _, _ := strings.Cut(string(utf16.Decode(name)), "\x00")
			p := Entry{Number: int(i) + 1, Type: kind, Name: text, GUID: guidText(e[16:])}
			if err := p.place(le.Uint64(e[32:]), le.Uint64(e[40:]), sizeBytes); err != nil {
				return nil, err
			}
			t.Parts = append(t.Parts, p)
		}
	}
	return t, nil
}

// place sets where a partition lies: from sector first to sector last.
func (e *Entry) place(first, last uint64, sizeBytes int64) error {
	if first == 0 || first > last || last >= uint64(sizeBytes/SectorSize) {
		return fmt.Errorf("partition %d: sectors %d to %d are not on a disk of %d", e.Number, first, last, sizeBytes/SectorSize)
	}
	e.StartBytes, e.SizeBytes = int64(first)*SectorSize, int64(last-first+1)*SectorSize
	return nil
}

// guidText writes a GUID as UEFI 2.10, appendix A, has it: three numbers in
// little endian, then bytes.
func guidText(b []byte) string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08X-%04X-%04X-%04X-%012X", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

// mbrEntry is one of the four entries of a boot record.
type mbrEntry struct {
	kind         byte
	start, count uint32 // sectors
}

func (e mbrEntry) extended() bool { return e.kind == 0x05 || e.kind == 0x0f || e.kind == 0x85 }
func (e mbrEntry) empty() bool    { return e.kind == 0 || e.count == 0 }

// mbrEntries reads the four entries of a boot record, nil if it is none, and
// reports whether one protects a GPT.
func mbrEntries(sector []byte) (all []mbrEntry, protective bool) {
	if sector[510] != 0x55 || sector[511] != 0xaa {
		return nil, false
	}
	for b := sector[mbrTable:510]; len(b) > 0; b = b[16:] {
		// A file system's boot sector has the signature too, and code here.
		if b[0] != 0 && b[0] != 0x80 {
			return nil, false
		}
		e := mbrEntry{b[4], binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}
		protective = protective || e.kind == 0xee
		all = append(all, e)
	}
	return all, protective
}

// readMBR makes partitions of an MBR's entries and of the chain of boot records
// in its extended partition.
func readMBR(r io.ReaderAt, sizeBytes int64, signature uint32, entries []mbrEntry) (*Table, error) {
	t := &Table{Kind: "MBR", GUID: fmt.Sprintf("%08x", signature)}
	add := func(number int, start uint64, e mbrEntry) error {
		p := Entry{Number: number, Type: fmt.Sprintf("0x%02x", e.kind), GUID: fmt.Sprintf("%s-%02x", t.GUID, number)}
		if err := p.place(start, start+uint64(e.count)-1, sizeBytes); err != nil {
			return err
		}
		t.Parts = append(t.Parts, p)
		return nil
	}
	var chains []uint64
	for i, e := range entries {
		switch {
		case e.empty():
			continue
		case e.extended():
			chains = append(chains, uint64(e.start))
			continue
		}
		if err := add(i+1, uint64(e.start), e); err != nil {
			return nil, err
		}
	}
	logical := 0
	for _, base := range chains {
		for at := base; ; logical++ {
			if logical == maxLogical {
				return nil, fmt.Errorf("more than %d logical partitions, or a chain without an end", maxLogical)
			}
			b, err := readSector(r, sizeBytes, int64(at))
			if err != nil {
				return nil, fmt.Errorf("logical partition %d: %w", 5+logical, err)
			}
			record, _ := mbrEntries(b)
			if record == nil {
				return nil, fmt.Errorf("logical partition %d: no boot record in sector %d", 5+logical, at)
			}
			// The first entry counts from this record, the second, which leads
			// to the next record, from the extended partition.
			if own := record[0]; !own.empty() {
				if err := add(5+logical, at+uint64(own.start), own); err != nil {
					return nil, err
				}
			}
			if record[1].empty() || !record[1].extended() {
				break
			}
			at = base + uint64(record[1].start)
		}
		logical++
	}
	return t, nil
}
