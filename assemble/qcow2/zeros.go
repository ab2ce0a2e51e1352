// Zeros: found by looking, and not written.

package qcow2

import (
	"bytes"
	"io"
)

// block is the unit in which zeros are left out of a file: file systems store
// no smaller ones.
const block = 4 << 10

var zeroBlock [64 << 10]byte

// isZero reports whether b has nothing but zeros.
func isZero(b []byte) bool {
	for len(b) > len(zeroBlock) {
		if !bytes.Equal(b[:len(zeroBlock)], zeroBlock[:]) {
			return false
		}
		b = b[len(zeroBlock):]
	}
	return bytes.Equal(b, zeroBlock[:len(b)])
}

// nextRun returns the first run of blocks in b, from the offset from on, that
// are not zero; start == len(b) if there is none.
func nextRun(b []byte, from int) (start, end int) {
	for start = from; start < len(b) && isZero(b[start:min(start+block, len(b))]); start += block {
	}
	start = min(start, len(b))
	for end = start; end < len(b) && !isZero(b[end:min(end+block, len(b))]); end += block {
	}
	return start, min(end, len(b))
}

// writeSparse writes b at off, which is a multiple of block, without its
// blocks of zeros: they are read as zero where nothing was written.
func writeSparse(w io.WriterAt, b []byte, off int64) error {
	for at := 0; at < len(b); {
		start, end := nextRun(b, at)
		if start < end {
			if _, err := w.WriteAt(b[start:end], off+int64(start)); err != nil {
				return err
			}
		}
		at = end
	}
	return nil
}
