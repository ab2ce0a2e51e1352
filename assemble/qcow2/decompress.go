// Compressed clusters, decompressed.

package qcow2

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// decompressor fills dst, a whole cluster, with what src holds; what follows in
// src is none of its business. What dst has room for behind its end may be
// overwritten. It serves many goroutines.
type decompressor func(dst, src []byte) error

var errShort = errors.New("the compressed data end before the cluster does")

func newDecompressor(c Compression, clusterSize int64) (decompressor, error) {
	if c == Zstd {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(uint64(clusterSize)), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			return nil, err
		}
		return func(dst, src []byte) error { return unzstd(d, dst, src) }, nil
	}
	pool := sync.Pool{New: func() any { return new(inflater) }}
	return func(dst, src []byte) error {
		i := pool.Get().(*inflater)
		defer pool.Put(i)
		n, err := i.inflate(dst, src)
		if err == nil && n < len(dst) {
			err = errShort
		}
		return err
	}, nil
}

// zstdSlack is the room behind the output with which the library is quicker.
const zstdSlack = 16

func unzstd(d *zstd.Decoder, dst, src []byte) error {
	for out := dst[:0:min(cap(dst), len(dst)+zstdSlack)]; len(out) < len(dst); {
		n := zstdFrame(src)
		if n == 0 {
			return errShort
		}
		var err error
		if out, err = d.DecodeAll(src[:n], out); err != nil {
			return err
		}
		src = src[n:]
	}
	return nil
}

// zstdFrame returns the length of the frame with which src begins, or 0. A
// decoder would go on with what follows, which belongs to the next cluster.
// (RFC 8878, section 3.1.)
func zstdFrame(src []byte) int {
	le := binary.LittleEndian
	if len(src) < 8 {
		return 0
	}
	if le.Uint32(src)&^0xf == 0x184d2a50 { // a skippable frame
		if n := int64(le.Uint32(src[4:])) + 8; n <= int64(len(src)) {
			return int(n)
		}
		return 0
	}
	if le.Uint32(src) != 0xfd2fb528 {
		return 0
	}
	descriptor := src[4]
	at := 5 + [4]int{0, 1, 2, 4}[descriptor&3] + [4]int{0, 2, 4, 8}[descriptor>>6]
	if single := descriptor&0x20 != 0; !single || descriptor>>6 == 0 {
		at++ // the window, or a content size of one byte
	}
	for last := false; !last; {
		if at+3 > len(src) {
			return 0
		}
		block := int(src[at]) | int(src[at+1])<<8 | int(src[at+2])<<16
		last = block&1 != 0
		if at += 3; block>>1&3 == 1 {
			at++ // one byte, repeated
		} else {
			at += block >> 3
		}
	}
	if descriptor&4 != 0 {
		at += 4 // the checksum
	}
	if at > len(src) {
		return 0
	}
	return at
}
