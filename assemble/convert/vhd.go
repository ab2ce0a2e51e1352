// vhd: a fixed VHD is the disk's bytes with a footer of one sector. Azure wants
// a whole number of MiB, and the same size in the footer. ("Virtual Hard Disk
// Image Format Specification", Microsoft 2006, "Hard Disk Footer Format".)

package convert

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/derive"
)

// maxVHD is the size of the largest disk that Hyper-V and QEMU take.
const maxVHD = 2040 * gib

func writeVHD(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	if err := writeRaw(ctx, dst, src, o); err != nil {
		return err
	}
	// The identifier is the disk's: that of its partition table, which is its own.
	front := make([]byte, min(src.Size(), 34*sector))
	if _, err := src.ReadAt(front, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err := dst.WriteAt(vhdFooter(src.Size(), front, o), src.Size())
	return err
}

const vhdCookie = "conectix"

func vhdFooter(size int64, front []byte, o Options) []byte {
	const (
		reserved = 2 // always set
		fixed    = 2
		noMore   = 1<<64 - 1 // there is no header of a dynamic disk
	)
	b, be := make([]byte, sector), binary.BigEndian
	copy(b, vhdCookie)
	be.PutUint32(b[8:], reserved)
	be.PutUint32(b[12:], 1<<16) // version 1.0
	be.PutUint64(b[16:], noMore)
	epoch := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	be.PutUint32(b[24:], uint32(max(0, memberTime(o).Sub(epoch)/time.Second)))
	// QEMU's mark of a disk whose size counts and not its geometry: it would take
	// the size of an unknown creator's from the geometry, and cut off the end.
	copy(b[28:], "qem2\x00\x05\x00\x03Wi2k")
	be.PutUint64(b[40:], uint64(size))
	be.PutUint64(b[48:], uint64(size))
	cylinders, heads, sectors := vhdGeometry(size / sector)
	be.PutUint16(b[56:], uint16(cylinders))
	b[58], b[59] = byte(heads), byte(sectors)
	be.PutUint32(b[60:], fixed)
	id := derive.UUID("vhd "+strconv.FormatInt(size, 10), string(front))
	hex.Decode(b[68:84], []byte(strings.ReplaceAll(id, "-", "")))
	var sum uint32
	for _, c := range b {
		sum += uint32(c)
	}
	be.PutUint32(b[64:], ^sum)
	return b
}

// vhdGeometry is that of a disk of so many sectors. (Appendix "CHS Calculation".)
func vhdGeometry(total int64) (cylinders, heads, sectors int64) {
	total = min(total, 65535*16*255)
	if total >= 65535*16*63 {
		return total / 255 / 16, 16, 255
	}
	sectors = 17
	rows := total / sectors // cylinders times heads
	heads = max(4, (rows+1023)/1024)
	if rows >= heads*1024 || heads > 16 {
		sectors, heads = 31, 16
		rows = total / sectors
	}
	if rows >= heads*1024 {
		sectors, heads = 63, 16
		rows = total / sectors
	}
	return rows / heads, heads, sectors
}
