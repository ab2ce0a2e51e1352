// raw.gz: the disk's bytes as one gzip member (RFC 1952), whose blocks are
// compressed side by side.

package convert

import (
	"bufio"
	"context"
	"encoding/binary"
	"hash/crc32"

	"github.com/klauspost/compress/flate"

	"github.com/imgasm/imgasm/assemble/qcow2"
)

func writeGzip(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	return dst.stream(func(w *bufio.Writer) error {
		z, err := newMember(w)
		if err != nil {
			return err
		}
		if err := z.disk(ctx, src, o); err != nil {
			return err
		}
		return z.close()
	})
}

// member is a gzip member that is being written.
type member struct {
	w     *bufio.Writer
	sum   uint32 // CRC-32 of what is in it
	size  uint32 // of that, modulo 2^32
	zeros []byte // blockSize of them, compressed
	own   deflater
}

// gzipHeader: deflate, no name, no time, made on whatever system (section 2.3).
const gzipHeader = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

func newMember(w *bufio.Writer) (*member, error) {
	own, err := newDeflater()
	if err != nil {
		return nil, err
	}
	zeros, err := own.add(nil, zeroBlock[:])
	if err != nil {
		return nil, err
	}
	_, err = w.WriteString(gzipHeader)
	return &member{w: w, zeros: zeros, own: own}, err
}

// deflater compresses pieces of a deflate stream, none of which looks back at
// what came before.
type deflater struct{ w *flate.Writer }

func newDeflater() (deflater, error) {
	w, err := flate.NewWriter(nil, flate.DefaultCompression)
	return deflater{w}, err
}

// add appends data, compressed and ended at a whole byte, to b.
func (d deflater) add(b, data []byte) ([]byte, error) {
	out := appender{b}
	d.w.Reset(&out)
	if _, err := d.w.Write(data); err != nil {
		return nil, err
	}
	err := d.w.Flush()
	return out.b, err
}

// appender is a slice that is written to.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}

// text adds a few bytes.
func (m *member) text(b []byte) error {
	packed, err := m.own.add(nil, b)
	if err != nil {
		return err
	}
	m.sum, m.size = crc32.Update(m.sum, crc32.IEEETable, b), m.size+uint32(len(b))
	_, err = m.w.Write(packed)
	return err
}

// disk adds a disk.
func (m *member) disk(ctx context.Context, src qcow2.Source, o Options) error {
	worker := func() (func(*block) error, error) {
		d, err := newDeflater()
		return func(b *block) (err error) {
			b.out, err = d.add(b.out, b.data)
			return err
		}, err
	}
	return flow(ctx, src, o, worker, func(b *block) error {
		for ; b.zeros >= blockSize; b.zeros -= blockSize {
			m.sum, m.size = addZeroBlock(m.sum), m.size+blockSize
			if _, err := m.w.Write(m.zeros); err != nil {
				return err
			}
		}
		if b.zeros > 0 {
			return m.text(zeroBlock[:b.zeros])
		}
		m.sum, m.size = crc32.Update(m.sum, crc32.IEEETable, b.data), m.size+uint32(len(b.data))
		_, err := m.w.Write(b.out)
		return err
	})
}

// close ends the member: by an empty last block, checksum and size.
func (m *member) close() error {
	end := []byte{0x03, 0x00}
	end = binary.LittleEndian.AppendUint32(end, m.sum)
	end = binary.LittleEndian.AppendUint32(end, m.size)
	_, err := m.w.Write(end)
	return err
}

// addZeroBlock is the CRC-32 of what has the CRC-32 sum and blockSize zeros more.
// As polynomials over GF(2) that is a product: a disk of zeros is not read.
func addZeroBlock(sum uint32) uint32 { return times(sum, zeroShift) ^ zeroSum }

var (
	zeroSum   = crc32.ChecksumIEEE(zeroBlock[:])
	zeroShift = func() uint32 { // x to the power of the bits of a block
		p := uint32(1) << 30 // x; the highest bit is the coefficient of 1
		for bits := 8 * blockSize; bits > 1; bits /= 2 {
			p = times(p, p)
		}
		return p
	}()
)

// times multiplies two polynomials modulo that of CRC-32.
func times(a, b uint32) (product uint32) {
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		if b&1 != 0 {
			b = b>>1 ^ crc32.IEEE
		} else {
			b >>= 1
		}
	}
	return product
}
