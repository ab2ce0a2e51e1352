// Package transfer sends a file's content through a connection, such as an
// ssh's: runs of data, each with a checksum, and holes as their lengths alone.
// What has arrived stays valid whatever happens next: the length of the
// receiving file says from where to go on.
//
// A stream is a row of runs. Each has a head of 33 bytes: 16 by which all that
// follows of it is verified, AES-GMAC (NIST SP 800-38D) with 16 bytes of zeros as
// key and 12 as nonce; what it is (one byte: 'd' data, 'h' hole, 'e' the end); its
// place in the file and its length in bytes (unsigned, 64 bits, big endian). Data
// follow, at most 32 KiB. Runs follow one another in the file without gaps. The
// end's length is 0.
//
// It guards against damage. Against people ssh does, so a key would be no use;
// and SHA-256, five times as dear, would cost a quarter of the rate where both ends
// share two processors.
package transfer

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/fault"
)

// ErrStream says that what arrives is not what Send writes, or was damaged on
// its way. Nothing of it has been written.
var ErrStream = fault.Class(fault.Host, "a damaged transfer")

// ErrChanged says that a file is shorter than it was.
var ErrChanged = fault.Class(fault.Input, "changed while it was sent")

const (
	// Bytes of data in a run, few enough to stay in a processor's own cache from
	// being read to being written: 1 MiB costs a third more time.
	most     = 32 << 10
	sumSize  = 16
	headSize = sumSize + 1 + 8 + 8

	data = 'd'
	hole = 'h'
	end  = 'e'
)

// run has room for one that travels.
type run struct {
	mac   cipher.AEAD
	bytes []byte
}

func newRun() (*run, error) {
	block, err := aes.NewCipher(make([]byte, 16))
	if err != nil {
		return nil, err
	}
	mac, err := cipher.NewGCM(block)
	return &run{mac, make([]byte, headSize+most)}, err
}

var nonce [12]byte

// content is the place of n bytes of data.
func (r *run) content(n int64) []byte { return r.bytes[headSize : headSize+n] }

// send writes a run; data are in their place.
func (r *run) send(w io.Writer, kind byte, off, size int64) error {
	r.bytes[sumSize] = kind
	binary.BigEndian.PutUint64(r.bytes[sumSize+1:], uint64(off))
	binary.BigEndian.PutUint64(r.bytes[sumSize+9:], uint64(size))
	if kind != data {
		size = 0
	}
	r.mac.Seal(r.bytes[:0], nonce[:], nil, r.bytes[sumSize:headSize+size])
	_, err := w.Write(r.bytes[:headSize+size])
	return err
}

// receive reads and verifies the run whose place in the file is at. What it says of
// itself is believed as far as it fits.
func (r *run) receive(from io.Reader, at int64) (kind byte, size int64, err error) {
	if err := readFull(from, r.bytes[:headSize]); err != nil {
		return 0, 0, err
	}
	kind = r.bytes[sumSize]
	off, length := binary.BigEndian.Uint64(r.bytes[sumSize+1:]), binary.BigEndian.Uint64(r.bytes[sumSize+9:])
	if off != uint64(at) {
		return 0, 0, damaged("a run of byte %d is in its place", off)
	}
	longest := map[byte]uint64{data: most, hole: math.MaxInt64 - off}[kind]
	if length > longest || (length == 0) != (kind == end) {
		return 0, 0, damaged("a run of kind %q and %d bytes, which nobody sends", kind, length)
	}
	size = int64(length)
	body := r.bytes[headSize:headSize]
	if kind == data {
		body = r.content(size)
	}
	if err := readFull(from, body); err != nil {
		return 0, 0, err
	}
	if _, err := r.mac.Open(nil, nonce[:], r.bytes[:sumSize], r.bytes[sumSize:headSize+len(body)]); err != nil {
		return 0, 0, damaged("the next %d bytes are not those that were sent", size)
	}
	return kind, size, nil
}

func readFull(from io.Reader, b []byte) error {
	_, err := io.ReadFull(from, b)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func damaged(format string, args ...any) error {
	return &fault.Error{Class: ErrStream, Err: fmt.Errorf(format, args...), Do: "try again: what has arrived before is kept"}
}

// Send writes what f has from its byte from on to w. moved, if it is not nil, is
// told how many bytes of the file, holes included, went since it was told last.
// The file is sent by the length that it has at the beginning; where its system
// tells of no holes (macOS), runs of zeros are found by reading. The error is f's,
// w's, why ctx ended (while w waits, nobody looks at ctx), or ErrChanged.
func Send(ctx context.Context, w io.Writer, f *os.File, from int64, moved func(int64)) error {
	raw, err := upTo(f, from)
	if err != nil {
		return err
	}
	r, err := newRun()
	if err != nil {
		return err
	}
	at := from
	send := func(kind byte, to int64) error {
		n := to - at
		if n == 0 && kind == hole {
			return nil
		}
		if err := r.send(w, kind, at, n); err != nil {
			return err
		}
		at = to
		if moved != nil && n > 0 {
			moved(n)
		}
		return nil
	}
	err = eachPiece(ctx, raw, from, raw.Size(), r.content(most), func(off int64, piece []byte) error {
		if err := send(hole, off); err != nil {
			return err
		}
		return send(data, off+int64(len(piece)))
	})
	if err == nil {
		_, err = upTo(f, raw.Size()) // or what is missing would go as a hole
	}
	if err == nil {
		err = send(hole, raw.Size())
	}
	if err == nil {
		err = send(end, at)
	}
	return err
}

// Receive reads from r what Send wrote, up to its end and no further, and appends
// it to f, whose length is where Send was to begin. Each run is verified before it
// is written: whenever Receive ends, by a kill too, what f has is right as far as
// its length. moved is as for Send. The error is f's, r's (io.ErrUnexpectedEOF if
// it ends early), why ctx ended (while r waits, nobody looks at ctx), or ErrStream.
func Receive(ctx context.Context, r io.Reader, f *os.File, moved func(int64)) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p, err := newRun()
	if err != nil {
		return err
	}
	for at := info.Size(); ; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		kind, size, err := p.receive(r, at)
		if err != nil {
			return fmt.Errorf("%s, from byte %d on: %w", f.Name(), at, err)
		}
		switch kind {
		case data:
			_, err = f.WriteAt(p.content(size), at)
		case hole:
			err = f.Truncate(at + size)
		default:
			return nil
		}
		if err != nil {
			return err
		}
		at += size
		if moved != nil {
			moved(size)
		}
	}
}

// Prefix is a digest of the first n bytes of f, in hexadecimal, by which two
// sides see whether they have the same before they go on in the middle: the
// SHA-256 of each piece of 32 KiB that is not zeros alone, with its place before
// it, and of n at last (unsigned, 64 bits, big endian). So it depends on the bytes
// alone, not on which zeros are holes, and holes cost nothing. The error is
// f's, why ctx ended, or, for a file that is shorter, ErrChanged.
func Prefix(ctx context.Context, f *os.File, n int64) (string, error) {
	raw, err := upTo(f, n)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	number := func(n int64) { h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) }
	err = eachPiece(ctx, raw, 0, n, make([]byte, most), func(off int64, piece []byte) error {
		number(off)
		h.Write(piece)
		return nil
	})
	number(n)
	return hex.EncodeToString(h.Sum(nil)), err
}

// upTo is a file that has at least n bytes.
func upTo(f *os.File, n int64) (*qcow2.RawFile, error) {
	raw, err := qcow2.Raw(f)
	if err == nil && (n < 0 || n > raw.Size()) {
		err = changed("%s has %d bytes, and not %d", f.Name(), raw.Size(), n)
	}
	return raw, err
}

// eachPiece has take called for the data of a file between two places, in order
// and in buf. No piece crosses a multiple of most bytes, and none is zeros alone.
func eachPiece(ctx context.Context, f *qcow2.RawFile, from, to int64, buf []byte, take func(off int64, piece []byte) error) error {
	for at := from; at < to; {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e, err := f.Extent(at)
		if err != nil {
			return err
		}
		if e.Kind != qcow2.Data {
			begin := e.Offset + e.Length
			if begin >= to {
				return nil
			}
			at = max(at, begin-begin%most)
		}
		piece := buf[:min(most-at%most, to-at)]
		if _, err := f.ReadAt(piece, at); errors.Is(err, io.EOF) {
			return changed("the file became shorter than %d bytes", at+int64(len(piece)))
		} else if err != nil {
			return err
		}
		if !isZero(piece) {
			if err := take(at, piece); err != nil {
				return err
			}
		}
		at += int64(len(piece))
	}
	return nil
}

func isZero(b []byte) bool { return b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1]) }

func changed(format string, args ...any) error {
	return &fault.Error{Class: ErrChanged, Err: fmt.Errorf(format, args...), Do: "do it again when nothing writes to the file any more"}
}
