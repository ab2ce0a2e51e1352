// This file writes FAT32 file systems in one pass: everything is laid out
// first, then written front to back, each byte once. Microsoft's "FAT: General
// Overview of On-Disk Format" (1.03) is quoted as FATGEN.

package disk

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"math"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/tree"
)

// File is a file to be written: its path, its size, and how its contents are
// opened. iso.Bytes makes one.
type File = tree.File

// FAT32 describes a file system to be written.
type FAT32 struct {
	// SizeBytes is the size of the partition, a multiple of 512: from
	// MinFAT32Bytes to 2 TiB less one sector.
	SizeBytes int64
	// Label is the volume label: up to 11 characters of ASCII. Small letters
	// become capitals. "" means none.
	Label string
	// VolumeID is what blkid shows as the UUID, "1234-ABCD".
	VolumeID uint32
	// HiddenSectors is the sector of the disk at which the partition starts.
	HiddenSectors uint32
	// Time is the date of every file, in UTC. FAT dates go from 1980 to 2107;
	// times outside become the nearest.
	Time time.Time
	// Files are the contents. Names keep their case; names that differ only
	// in case are refused, for FAT does not tell them apart.
	Files []File
}

// MinFAT32Bytes is the size below which a FAT file system has so few clusters
// that it would not be FAT32 (FATGEN, "FAT Type Determination").
const MinFAT32Bytes = 33 << 20

// MaxFileBytes is the size of the largest file that FAT can hold.
const MaxFileBytes = math.MaxUint32

// ErrName is what a name is refused with that FAT cannot hold.
var ErrName = fault.Class(fault.Input, "name cannot be put on a FAT file system")

// ErrFileTooLarge says that a file has 4 GiB or more.
var ErrFileTooLarge = fault.Class(fault.Input, "larger than a file on FAT32 can be (4 GiB less one byte)")

// ErrSpace says that the contents do not fit.
var ErrSpace = fault.Class(fault.Input, "the contents do not fit")

// WriteFAT32 writes the file system at offset of w. Free clusters are not
// written. If blank, w is known to read as zero where nothing was written (a
// new file), and is left alone wherever the file system has zeroes.
func WriteFAT32(w io.WriterAt, offset int64, v FAT32, blank bool) error {
	return writeFAT32(&sink{w: w, pos: offset, blank: blank}, v)
}

// FAT32Size is a size in which files fit, with a tenth to spare: a multiple
// of 1 MiB, and at least MinFAT32Bytes.
func FAT32Size(files []File) (int64, error) {
	root, err := tree.Build(files)
	if err != nil {
		return 0, err
	}
	// 4 KiB clusters are assumed: larger ones come with sizes at which a
	// tenth is more than they waste, smaller ones waste less.
	var sum int64
	var add func(n *tree.Node)
	add = func(n *tree.Node) {
		if !n.IsDir() {
			sum += (n.SizeBytes + 4095) &^ 4095
			return
		}
		sum += 4096
		for _, c := range n.Children {
			sum += int64(dirEntrySize * (2 + len(c.Name)/13))
			add(c)
		}
	}
	add(root)
	sum += sum/10 + 1<<20
	return max(MinFAT32Bytes, (sum+1<<20-1)&^(1<<20-1)), nil
}

func writeFAT32(out *sink, v FAT32) error {
	g, err := newGeometry(v.SizeBytes)
	if err != nil {
		return err
	}
	label, err := fatLabel(v.Label)
	if err != nil {
		return err
	}
	root, err := tree.Build(v.Files)
	if err != nil {
		return err
	}
	vol := &volume{geometry: g, stamp: fatTime(v.Time), label: label}
	if err := vol.plan(root); err != nil {
		return err
	}
	vol.writeReserved(out, v)
	for range fatCount {
		vol.writeFAT(out)
	}
	vol.writeData(out)
	return out.err
}

const (
	fatCount     = 2
	rootCluster  = 2
	endOfChain   = 0x0fffffff
	mediaType    = 0xf8 // a fixed disk
	infoSector   = 1
	backupSector = 6
)

// writeReserved writes the boot sector, FSInfo and their backups.
func (v *volume) writeReserved(out *sink, f FAT32) {
	b := make([]byte, int(v.reserved)*SectorSize)
	boot := v.bootSector(f)
	info := v.infoSector()
	for _, at := range []int{0, backupSector} {
		copy(b[at*SectorSize:], boot)
		copy(b[(at+infoSector)*SectorSize:], info)
		binary.LittleEndian.PutUint16(b[(at+2)*SectorSize+510:], 0xaa55)
	}
	out.Put(b)
}

// bootSector is FATGEN, "Boot Sector and BPB".
func (v *volume) bootSector(f FAT32) []byte {
	b := make([]byte, SectorSize)
	le := binary.LittleEndian
	copy(b, "\xeb\x58\x90MSWIN4.1")
	le.PutUint16(b[11:], SectorSize)
	b[13] = byte(v.perCluster)
	le.PutUint16(b[14:], uint16(v.reserved))
	b[16] = fatCount
	b[21] = mediaType
	le.PutUint16(b[24:], 63)  // sectors per track and
	le.PutUint16(b[26:], 255) // heads: what every BIOS assumes
	le.PutUint32(b[28:], f.HiddenSectors)
	le.PutUint32(b[32:], v.total)
	le.PutUint32(b[36:], v.fat)
	le.PutUint32(b[44:], rootCluster)
	le.PutUint16(b[48:], infoSector)
	le.PutUint16(b[50:], backupSector)
	b[64] = 0x80
	b[66] = 0x29
	le.PutUint32(b[67:], f.VolumeID)
	copy(b[71:], cmp.Or(v.label, "NO NAME    "))
	copy(b[82:], "FAT32   ")
	copy(b[90:], "\xf4\xeb\xfd") // should a BIOS jump here: halt
	le.PutUint16(b[510:], 0xaa55)
	return b
}

// infoSector is FATGEN, "FAT32 FSInfo Sector Structure".
func (v *volume) infoSector() []byte {
	b := make([]byte, SectorSize)
	le := binary.LittleEndian
	le.PutUint32(b, 0x41615252)
	le.PutUint32(b[484:], 0x61417272)
	le.PutUint32(b[488:], v.clusters-uint32(v.used))
	next := v.next
	if next >= v.clusters+rootCluster {
		next = math.MaxUint32 // full: unknown
	}
	le.PutUint32(b[492:], next)
	le.PutUint16(b[510:], 0xaa55)
	return b
}

// writeFAT writes one copy of the table.
func (v *volume) writeFAT(out *sink) {
	le := binary.LittleEndian
	b := make([]byte, 0, 64<<10)
	put := func(entry uint32) {
		if b = le.AppendUint32(b, entry); len(b) == cap(b) {
			out.Put(b)
			b = b[:0]
		}
	}
	at := uint32(rootCluster)
	b = le.AppendUint32(b, 0x0fffff00|mediaType)
	b = le.AppendUint32(b, endOfChain) // and: cleanly unmounted, no errors
	for _, c := range v.chains {
		for ; at < c.first; at++ {
			put(0)
		}
		for last := c.first + c.count - 1; at < last; at++ {
			put(at + 1)
		}
		put(endOfChain)
		at++
	}
	out.Put(b)
	out.Zero(int64(v.fat)*SectorSize - int64(v.next)*4)
}

// writeData writes directories and contents, in the order that plan gave them.
func (v *volume) writeData(out *sink) {
	at := uint32(rootCluster)
	for _, c := range v.chains {
		out.Free(int64(c.first-at) * v.clusterBytes())
		if c.node.node.IsDir() {
			var b bytes.Buffer
			v.directory(&b, c.node)
			out.Put(b.Bytes())
		} else {
			out.Copy(c.node.node.File)
		}
		out.Zero(int64(c.count)*v.clusterBytes() - c.size)
		at = c.first + c.count
	}
}
