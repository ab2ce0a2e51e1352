// Package zstdfast compresses blocks of up to 64 KiB, each to a Zstandard frame
// (RFC 8878) of its own. It does less for a block than the general encoder of
// github.com/klauspost/compress, whose fastest level takes 1.2 times its time.
package zstdfast

import (
	"errors"

	"github.com/klauspost/compress/huff0"
)

// The sizes of a block in bytes: positions in it have 16 bits, and its frame
// says its size in as many, less MinSize.
const (
	MinSize = 1 << 8
	MaxSize = 1 << 16
)

// Encoder compresses block after block. It serves one goroutine.
type Encoder struct {
	table     [1 << hashLog]uint16 // where bytes of a hash stood last
	sequences [MaxSize / found]sequence
	codes     [MaxSize / found]codes
	literals  [MaxSize + copyStep]byte
	n, lits   int // of sequences and literals
	tables    [3]table
	stream    [MaxSize + 4*storeStep]byte
	huffman   huff0.Scratch
}

// Append appends src, of MinSize to MaxSize bytes, as a frame to dst. The frame
// depends on src alone, and is at most 10 bytes longer.
func (e *Encoder) Append(dst, src []byte) []byte {
	const singleSegment, sizeOf16Bits = 1 << 5, 1 << 6 // section 3.1.1.1
	size := len(src) - MinSize
	dst = append(dst, 0x28, 0xb5, 0x2f, 0xfd, singleSegment|sizeOf16Bits, byte(size), byte(size>>8))
	header := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	e.match(src)
	dst, ok := e.appendSequences(e.appendLiterals(dst), len(src))
	if n := len(dst) - header - headerSize; ok && n < len(src) {
		putHeader(dst[header:], blockCompressed, n)
		return dst
	}
	putHeader(dst[header:], blockRaw, len(src))
	return append(dst[:header+headerSize], src...)
}

// Section 3.1.1.2.
const (
	headerSize      = 3
	lastBlock       = 1
	blockRaw        = 0
	blockCompressed = 2
)

func putHeader(dst []byte, kind, size int) {
	v := lastBlock | kind<<1 | size<<3
	dst[0], dst[1], dst[2] = byte(v), byte(v>>8), byte(v>>16)
}

// Section 3.1.1.3.1.1.
const (
	literalsRaw = iota
	literalsRLE
	literalsCompressed
)

// appendLiterals appends the literals section: section 3.1.1.3.1.
func (e *Encoder) appendLiterals(dst []byte) []byte {
	literals, kind := e.literals[:e.lits], literalsRaw
	e.huffman.Reuse, e.huffman.WantLogLess = huff0.ReusePolicyNone, 5
	compress := huff0.Compress1X
	if len(literals) >= 1<<10 {
		compress = huff0.Compress4X
	}
	if len(literals) >= 32 {
		packed, _, err := compress(literals, &e.huffman)
		if err == nil {
			return append(appendSizes(dst, len(literals), len(packed)), packed...)
		}
		if errors.Is(err, huff0.ErrUseRLE) {
			kind = literalsRLE
		}
	}
	switch n := len(literals); {
	case n < 1<<5:
		dst = append(dst, byte(kind|n<<3))
	case n < 1<<12:
		dst = append(dst, byte(kind|1<<2|n<<4), byte(n>>4))
	default:
		dst = append(dst, byte(kind|3<<2|n<<4), byte(n>>4), byte(n>>12))
	}
	if kind == literalsRLE {
		literals = literals[:1]
	}
	return append(dst, literals...)
}

// appendSizes appends the header of compressed literals. Those of 10 bits each
// have one stream, larger ones four.
func appendSizes(dst []byte, n, packed int) []byte {
	format, width := 0, 10
	switch {
	case n >= 1<<14:
		format, width = 3, 18
	case n >= 1<<10:
		format, width = 2, 14
	}
	w := bitWriter{}
	w.add(uint64(literalsCompressed|format<<2), 4)
	w.add(uint64(n), uint(width))
	w.add(uint64(packed), uint(width))
	return w.close(dst)
}
