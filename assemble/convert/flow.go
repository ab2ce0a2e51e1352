// The road of formats that are streams: a disk is cut into blocks, workers read
// and compress them side by side, and one goroutine takes them in order.

package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/pipeline"
)

// block is a part of a disk on its way: blockSize bytes, or fewer at its end.
type block struct {
	off  int64
	data []byte
	// zeros is how many bytes of nothing but zeros this stands for, then without
	// data: whole blocks, but at the disk's end.
	zeros int64
	out   []byte // what a worker makes of data
}

const (
	blockSize  = 1 << 20
	maxZeros   = 1 << 30 // in one block: 1024 of them, so that a context's end is soon seen
	maxWorkers = 8       // each with a compressor of some MiB, and as much for its blocks
)

// flow sends src through workers to sink. worker makes a worker's function; it is
// not called for zeros. Errors are those of pipeline.Stages.Run.
func flow(ctx context.Context, src qcow2.Source, o Options, worker func() (func(*block) error, error), sink func(*block) error) error {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, maxWorkers)
	tell := pipeline.NewTeller(o.Progress, src.Size())
	stages := pipeline.Stages[block]{
		Count: workers + 4, Workers: workers,
		New: func() *block { return new(block) },
		Feed: func(free func() (*block, error), put func(*block)) error {
			return feed(src, free, put)
		},
		Worker: func() (func(*block) error, error) {
			treat, err := worker()
			return func(b *block) error { return b.read(src, treat) }, err
		},
		Take: func(b *block) (bool, error) {
			tell.Done(b.off + b.size())
			return false, sink(b)
		},
	}
	if err := stages.Run(ctx); err != nil {
		return err
	}
	tell.End()
	return nil
}

func (b *block) size() int64 { return max(b.zeros, int64(len(b.data))) }

// feed cuts src into blocks and runs of zeros.
func feed(src qcow2.Source, free func() (*block, error), put func(*block)) error {
	size := src.Size()
	var known qcow2.Extent // that off lies in, or before
	for off := int64(0); off < size; {
		if off >= known.Offset+known.Length {
			var err error
			if known, err = qcow2.ExtentAt(src, off); err != nil {
				return err
			}
		}
		b, err := free()
		if err != nil {
			return err
		}
		b.off, b.zeros, b.data, b.out = off, 0, b.data[:0], b.out[:0]
		if known.Kind != qcow2.Data {
			b.zeros = min(known.Offset+known.Length-off, maxZeros)
			if off+b.zeros < size {
				b.zeros = b.zeros / blockSize * blockSize
			}
		}
		if b.zeros == 0 {
			if cap(b.data) == 0 {
				b.data = make([]byte, blockSize)
			}
			b.data = b.data[:min(blockSize, size-off)]
		}
		off += b.size()
		put(b)
	}
	return nil
}

// read fills a block and has it treated; one of zeros only says so.
func (b *block) read(src qcow2.Source, treat func(*block) error) error {
	if b.zeros > 0 {
		return nil
	}
	n, err := src.ReadAt(b.data, b.off)
	switch {
	case n == len(b.data):
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("read at %d: the source ends before its %d bytes: %w", b.off+int64(n), src.Size(), io.ErrUnexpectedEOF)
	default:
		return err
	}
	if isZero(b.data) {
		b.zeros, b.data = int64(n), b.data[:0]
		return nil
	}
	if cap(b.out) == 0 { // at once: what it would outgrow is memory too
		b.out = make([]byte, 0, blockSize+blockSize/16)
	}
	return treat(b)
}

var zeroBlock [blockSize]byte

// isZero reports whether b, of at most blockSize bytes, has nothing but zeros.
func isZero(b []byte) bool { return bytes.Equal(b, zeroBlock[:len(b)]) }
