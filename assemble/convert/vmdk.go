// vmdk: VMware's streamOptimized, a sparse extent of compressed grains that is
// read from front to end. ("Virtual Disk Format 5.0", VMware 2011; "section" in
// the comments means one of it.)
//
//	header | descriptor | grains, each grain table behind those it maps | grain directory | footer | end

package convert

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/klauspost/compress/zlib"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/fault"
)

const (
	grainSize  = 64 << 10
	maxVMDK    = 62 << 40              // VMware's own limit; the grain directory is held in memory
	tableSize  = 512                   // grains that a grain table maps
	tableBytes = tableSize * grainSize // of the disk
	headerArea = 128                   // sectors before the first grain
)

// Types of markers, section "Stream-Optimized Compressed Sparse Extents".
const (
	markEnd = iota
	markTable
	markDirectory
	markFooter
)

func writeVMDK(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	v := &vmdk{size: src.Size(), current: -1, directory: make([]uint32, (src.Size()+tableBytes-1)/tableBytes)}
	err := dst.stream(func(w *bufio.Writer) error {
		v.w = w
		if err := v.write(make([]byte, headerArea*sector)); err != nil {
			return err
		}
		if err := flow(ctx, src, o, newGrainer, v.add); err != nil {
			return err
		}
		return v.end()
	})
	if err != nil {
		return err
	}
	front := append(v.header(gdAtEnd), v.descriptor()...)
	_, err = dst.WriteAt(front, 0)
	return err
}

// vmdk is an extent that is being written.
type vmdk struct {
	w         *bufio.Writer
	at        int64 // bytes written
	size      int64 // of the disk
	table     [tableSize]uint32
	current   int64 // the table's number; -1: none has a grain yet
	directory []uint32
	content   uint32 // CRC-32 of all grains, as they are stored
}

// newGrainer makes a worker's function: it compresses a block's grains that are not
// zero, each behind its marker and filled up to a sector, end to end.
func newGrainer() (func(*block) error, error) {
	z, err := zlib.NewWriterLevel(nil, zlib.DefaultCompression)
	return func(b *block) error {
		for at := 0; at < len(b.data); at += grainSize {
			grain := b.data[at : at+grainSize]
			if isZero(grain) {
				continue
			}
			b.out = binary.LittleEndian.AppendUint64(b.out, uint64(b.off+int64(at))/sector)
			length := len(b.out)
			out := appender{append(b.out, 0, 0, 0, 0)}
			z.Reset(&out)
			if _, err := z.Write(grain); err != nil {
				return err
			}
			if err := z.Close(); err != nil {
				return err
			}
			binary.LittleEndian.PutUint32(out.b[length:], uint32(len(out.b)-length-4))
			b.out = append(out.b, zeroBlock[:-len(out.b)&(sector-1)]...)
		}
		return nil
	}, err
}

// add takes a block's grains.
func (v *vmdk) add(b *block) error {
	for grains := b.out; len(grains) > 0; {
		number := int64(binary.LittleEndian.Uint64(grains)) / (grainSize / sector)
		n := 12 + int(binary.LittleEndian.Uint32(grains[8:]))
		n += -n & (sector - 1)
		if err := v.turnTo(number / tableSize); err != nil {
			return err
		}
		at, err := v.sector()
		if err != nil {
			return err
		}
		v.table[number%tableSize] = at
		v.content = crc32.Update(v.content, crc32.IEEETable, grains[:n])
		if err := v.write(grains[:n]); err != nil {
			return err
		}
		grains = grains[n:]
	}
	return nil
}

func (v *vmdk) write(b []byte) error {
	v.at += int64(len(b))
	_, err := v.w.Write(b)
	return err
}

// sector is where the next bytes go.
func (v *vmdk) sector() (uint32, error) {
	if v.at/sector > math.MaxUint32 {
		return 0, &fault.Error{Class: ErrSize, Err: fmt.Errorf("more than 2 TiB of compressed data: no vmdk holds that"), Do: "write another format"}
	}
	return uint32(v.at / sector), nil
}

// turnTo writes the table at hand, if it is another than that of a number and has
// a grain.
func (v *vmdk) turnTo(number int64) error {
	if number == v.current {
		return nil
	}
	if v.current >= 0 {
		at, err := v.metadata(markTable, v.table[:])
		if err != nil {
			return err
		}
		v.directory[v.current] = at
		clear(v.table[:])
	}
	v.current = number
	return nil
}

// metadata writes a marker and entries, and returns the sector of these.
func (v *vmdk) metadata(kind uint32, entries []uint32) (uint32, error) {
	n := (4*len(entries) + sector - 1) / sector
	b := marker(uint64(n), kind)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint32(b, e)
	}
	b = append(b, zeroBlock[:-len(b)&(sector-1)]...)
	at, err := v.sector()
	if err != nil {
		return 0, err
	}
	return at + 1, v.write(b)
}

// marker announces some sectors of metadata.
func marker(sectors uint64, kind uint32) []byte {
	b := make([]byte, sector)
	binary.LittleEndian.PutUint64(b, sectors)
	binary.LittleEndian.PutUint32(b[12:], kind)
	return b
}

// end writes what follows the last grain.
func (v *vmdk) end() error {
	if err := v.turnTo(-1); err != nil {
		return err
	}
	at, err := v.metadata(markDirectory, v.directory)
	if err != nil {
		return err
	}
	if err := v.write(marker(1, markFooter)); err != nil {
		return err
	}
	if err := v.write(v.header(uint64(at))); err != nil {
		return err
	}
	return v.write(marker(0, markEnd))
}

// gdAtEnd says that the footer knows where the grain directory is.
const gdAtEnd = math.MaxUint64

// header is the extent's, or its footer. (Section "Hosted Sparse Extents".)
func (v *vmdk) header(directory uint64) []byte {
	const (
		lineTest   = 1 << 0
		compressed = 1 << 16
		markers    = 1 << 17
		deflate    = 1
	)
	b, le := make([]byte, sector), binary.LittleEndian
	copy(b, "KDMV")
	le.PutUint32(b[4:], 3) // version
	le.PutUint32(b[8:], lineTest|compressed|markers)
	le.PutUint64(b[12:], uint64(v.size)/sector)
	le.PutUint64(b[20:], grainSize/sector)
	le.PutUint64(b[28:], 1) // of the descriptor
	le.PutUint64(b[36:], descriptorSectors)
	le.PutUint32(b[44:], tableSize)
	le.PutUint64(b[56:], directory)
	le.PutUint64(b[64:], headerArea)
	copy(b[73:], "\n \r\n") // what a transfer as text would spoil
	le.PutUint16(b[77:], deflate)
	return b
}

const descriptorSectors = 20

// descriptor is the text that other programs read. (Section "The Virtual Disk
// Descriptor".) An extent that has it within is not found by its name.
func (v *vmdk) descriptor() []byte {
	const heads, sectors = 255, 63
	text := fmt.Sprintf(`# Disk DescriptorFile
version=1
CID=%08x
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RW %d SPARSE "disk.vmdk"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "6"
ddb.geometry.cylinders = "%d"
ddb.geometry.heads = "%d"
ddb.geometry.sectors = "%d"
ddb.adapterType = "lsilogic"
ddb.toolsVersion = "2147483647"
`, min(v.content, math.MaxUint32-2), v.size/sector, v.size/sector/(heads*sectors), heads, sectors)
	return append([]byte(text), make([]byte, descriptorSectors*sector-len(text))...)
}
