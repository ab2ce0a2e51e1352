// Package transfer sends a file's content through a connection, such as an
// ssh's: runs of data, each with its SHA-256, and holes as their lengths alone.
// What has arrived stays valid whatever happens next: the length of the
// receiving file says from where to go on.
//
// A stream is a row of runs. Each has a head of 49 bytes: what it is (one byte: 'd'
// data, 'h' hole, 'e' the end), its place in the file and its length in bytes
// (unsigned, 64 bits, big endian), and the SHA-256 of these 17 bytes and of the
// data, at most 1 MiB, which follow. Runs follow one another in the file without
// gaps. The end's length is 0.
package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/pipeline"
)

// ErrStream says that what arrives is not what Send writes, or was damaged on
// its way. Nothing of it has been written.
var ErrStream = fault.Class(fault.Host, "a damaged transfer")

// ErrChanged says that a file became shorter while it was sent.
var ErrChanged = fault.Class(fault.Input, "changed while it was sent")

// Send writes what f has from its byte from on to w. moved, if it is not nil, is
// told how many bytes of the file, holes included, went since it was told last.
// The file is sent by the length that it has at the beginning; where its system
// tells of no holes (macOS), whole runs of zeros are found by reading. The error
// is f's, w's, why ctx ended (while w waits, nobody looks at ctx), or ErrChanged.
func Send(ctx context.Context, w io.Writer, f *os.File, from int64, moved func(int64)) error {
	raw, err := upTo(f, from)
	if err != nil {
		return err
	}
	at := from
	send := func(r *run) error {
		if _, err := w.Write(r.bytes); err != nil {
			return err
		}
		at += r.size
		if moved != nil {
			moved(r.size)
		}
		return nil
	}
	head := newRun()
	holeTo := func(to int64) error {
		if to == at {
			return nil
		}
		head.describe(hole, at, to-at)
		head.seal()
		return send(head)
	}
	err = eachRun(ctx, raw, from, raw.Size(), func(r *run) error {
		if err := holeTo(r.off); err != nil {
			return err
		}
		return send(r)
	})
	if err == nil {
		_, err = upTo(f, raw.Size()) // or what is missing would go as a hole
	}
	if err == nil {
		err = holeTo(raw.Size())
	}
	if err != nil {
		return err
	}
	head.describe(end, at, 0)
	head.seal()
	return send(head)
}

// Receive reads from r what Send wrote, up to its end and no further, and appends
// it to f, whose length is where Send was to begin. Each run is verified before it
// is written: whenever Receive ends, by a kill too, what f has is right as far as
// its length. moved is as for Send. The error is f's, r's (io.ErrUnexpectedEOF if
// it ends early), why ctx ended, or ErrStream; but for that of f nothing returns
// while r waits: who wants to leave then closes it. After an error r is of no use.
func Receive(ctx context.Context, r io.Reader, f *os.File, moved func(int64)) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return pipeline.Stages[run]{
		Count: 6, Workers: 2, New: newRun,
		Feed: func(next func() (*run, error), put func(*run)) error {
			for at := info.Size(); ; {
				p, err := next()
				if err != nil {
					return err
				}
				if p.err = p.read(r, at); p.err != nil {
					p.err = fmt.Errorf("%s, from byte %d on: %w", f.Name(), at, p.err)
				}
				at += p.size
				last := p.err != nil || p.kind == end
				put(p) // an error too: what came before it is kept
				if last {
					return nil
				}
			}
		},
		Worker: func() (func(*run) error, error) {
			return func(p *run) error {
				if p.err != nil {
					return p.err
				}
				if sum := p.sum(); !bytes.Equal(sum, p.bytes[placeSize:headSize]) {
					return damaged("%s: the %d bytes from %d on have another sum than they were sent with", f.Name(), p.size, p.off)
				}
				return nil
			}, nil
		},
		Take: func(p *run) (_ bool, err error) {
			switch p.kind {
			case data:
				_, err = f.WriteAt(p.content(), p.off)
			case hole:
				err = f.Truncate(p.off + p.size)
			}
			if err == nil && moved != nil {
				moved(p.size)
			}
			return false, err
		},
	}.Run(ctx)
}

// Prefix is a digest of the first n bytes of f, in hexadecimal, by which two
// sides see whether they have the same before they go on in the middle: the
// SHA-256 of the heads of the runs that Send would send of them from 0 on, without
// those of zeros alone, and of n (unsigned, 64 bits, big endian). So it depends on
// the bytes alone, not on which zeros are holes, and holes cost nothing. A file
// that is shorter is ErrChanged.
func Prefix(ctx context.Context, f *os.File, n int64) (string, error) {
	raw, err := upTo(f, n)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	err = eachRun(ctx, raw, 0, n, func(r *run) error {
		h.Write(r.bytes[:headSize])
		return nil
	})
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
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

// eachRun has take called for the data of a file between two places, in order and
// sealed. No run crosses a multiple of 1 MiB, and none is zeros alone.
func eachRun(ctx context.Context, f *qcow2.RawFile, from, to int64, take func(*run) error) error {
	return pipeline.Stages[run]{
		Count: 6, Workers: 2, New: newRun,
		Feed: func(next func() (*run, error), put func(*run)) error {
			for at := from; at < to; {
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
				r, err := next()
				if err != nil {
					return err
				}
				r.describe(data, at, min(most-at%most, to-at))
				at += r.size
				put(r)
			}
			return nil
		},
		Worker: func() (func(*run) error, error) {
			return func(r *run) error {
				_, err := f.ReadAt(r.content(), r.off)
				if errors.Is(err, io.EOF) {
					return changed("the file became shorter than %d bytes", r.off+r.size)
				}
				if isZero(r.content()) {
					r.kind = hole
				} else {
					r.seal()
				}
				return err
			}, nil
		},
		Take: func(r *run) (bool, error) {
			if r.kind == hole {
				return false, nil
			}
			return false, take(r)
		},
	}.Run(ctx)
}

func isZero(b []byte) bool { return b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1]) }

func changed(format string, args ...any) error {
	return &fault.Error{Class: ErrChanged, Err: fmt.Errorf(format, args...), Do: "do it again when nothing writes to the file any more"}
}
