package transfer

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/imgasm/imgasm/internal/fault"
)

const (
	most      = 1 << 20 // bytes of data in a run
	placeSize = 1 + 8 + 8
	headSize  = placeSize + sha256.Size

	data = 'd'
	hole = 'h'
	end  = 'e'
)

// run is one of a stream's, used again and again.
type run struct {
	bytes []byte // as they travel
	kind  byte
	off   int64
	size  int64
	err   error // that ended the stream in its place
}

func newRun() *run { return &run{bytes: make([]byte, headSize)} }

// describe says what a run is. It is sealed when its data are there.
func (r *run) describe(kind byte, off, size int64) {
	r.is(kind, off, size)
	r.bytes[0] = kind
	binary.BigEndian.PutUint64(r.bytes[1:], uint64(off))
	binary.BigEndian.PutUint64(r.bytes[9:], uint64(size))
}

// is makes room for what a run has.
func (r *run) is(kind byte, off, size int64) {
	r.kind, r.off, r.size = kind, off, size
	r.bytes = r.bytes[:headSize]
	if kind == data {
		r.bytes = slices.Grow(r.bytes, int(size))[:headSize+size]
	}
}

// content is where the data are; a hole has none.
func (r *run) content() []byte { return r.bytes[headSize:] }

func (r *run) sum() []byte {
	h := sha256.New()
	h.Write(r.bytes[:placeSize])
	h.Write(r.content())
	return h.Sum(nil)
}

func (r *run) seal() { copy(r.bytes[placeSize:], r.sum()) }

// read reads the run whose place in the file is at. What it says of itself is
// believed as far as it fits.
func (r *run) read(from io.Reader, at int64) error {
	if err := readFull(from, r.bytes[:headSize]); err != nil {
		return err
	}
	kind, off, size := r.bytes[0], binary.BigEndian.Uint64(r.bytes[1:]), binary.BigEndian.Uint64(r.bytes[9:])
	if off != uint64(at) {
		return damaged("a run of byte %d in its place", off)
	}
	longest := map[byte]uint64{data: most, hole: math.MaxInt64 - off}[kind]
	if size > longest || (size == 0) != (kind == end) {
		return damaged("a run of kind %q and %d bytes, which nobody sends", kind, size)
	}
	r.is(kind, at, int64(size))
	return readFull(from, r.content())
}

func readFull(from io.Reader, b []byte) error {
	_, err := io.ReadFull(from, b)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func damaged(format string, args ...any) error {
	return &fault.Error{Class: ErrStream, Err: fmt.Errorf(format, args...), Do: "try again: what has arrived before is kept"}
}
