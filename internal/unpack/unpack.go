// Package unpack decompresses what a stranger may have packed, in bounded memory.
// The .xz file format: https://tukaani.org/xz/xz-file-format.txt.
package unpack

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"github.com/ulikunitz/xz/lzma"
)

// Reader reads a stream that is compressed by gzip, xz or zstd, as its first
// bytes tell, or not at all. Close leaves r open.
func Reader(r io.Reader) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	magic, _ := b.Peek(6) // what cannot be read is told by who reads on
	switch {
	case bytes.HasPrefix(magic, []byte("\x1f\x8b")):
		return gzip.NewReader(b)
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ")):
		plain, err := unxz(b)
		return io.NopCloser(plain), err
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(512<<20))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(b), nil
}

// maxDict holds the dictionary of xz -9; more would be an attack on memory.
const maxDict = 64 << 20

// unxz decompresses a stream. Its first block must ask for no dictionary larger
// than maxDict.
func unxz(br *bufio.Reader) (io.Reader, error) {
	const streamHeader, most = 12, 4 * 256
	head, err := br.Peek(streamHeader + most)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) <= streamHeader {
		return nil, fmt.Errorf("xz: %w", io.ErrUnexpectedEOF)
	}
	dict, err := dictionary(head[streamHeader:])
	if err != nil {
		return nil, err
	}
	if dict > maxDict {
		return nil, fmt.Errorf("xz: wants a dictionary of %d MiB, at most %d are given", dict>>20, maxDict>>20)
	}
	// The capacity is a minimum: the reader takes what the block asks for, and
	// has to clear all of it.
	return xz.ReaderConfig{DictCap: lzma.MinDictCap}.NewReader(br)
}

// dictionary reads how large a dictionary, in bytes, a block's header asks for
// (section 3.1), which is 0 if there is no block. LZMA2 must be the only filter.
func dictionary(b []byte) (int64, error) {
	if b[0] == 0 {
		return 0, nil
	}
	damaged := errors.New("xz: a block's header is damaged, or of a kind that no package has")
	if len(b) < 4*(int(b[0])+1) || b[1]&^0xc0 != 0 {
		return 0, damaged
	}
	fields := b[2 : 4*int(b[0])] // up to the CRC
	for _, size := range []byte{0x40, 0x80} {
		if b[1]&size != 0 { // a size, packed and plain, is given
			_, n := binary.Uvarint(fields)
			if n <= 0 {
				return 0, damaged
			}
			fields = fields[n:]
		}
	}
	if len(fields) < 3 || string(fields[:2]) != "\x21\x01" || fields[2] > 40 {
		return 0, damaged
	}
	return (2 | int64(fields[2]&1)) << (fields[2]/2 + 11), nil // section 5.3.1
}
