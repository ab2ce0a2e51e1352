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
	"sync"
	"time"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/guard"
)

// block is a part of a disk on its way: blockSize bytes, or fewer at its end.
type block struct {
	off  int64
	data []byte
	// zeros is how many bytes of nothing but zeros this stands for, then without
	// data: whole blocks, but at the disk's end.
	zeros int64
	out   []byte // what a worker makes of data

	err   error         // of the worker
	ready chan struct{} // takes one value when the worker is done
}

const (
	blockSize  = 1 << 20
	maxZeros   = 1 << 30 // in one block: 1024 of them, so that a context's end is soon seen
	maxWorkers = 6       // each with a compressor of some MiB, and as much for its blocks
)

// flow sends src through workers to sink. worker makes a worker's function; it is
// not called for zeros. flow returns the first error, or why ctx ended, when
// nothing runs any more.
func flow(ctx context.Context, src qcow2.Source, o Options, worker func() (func(*block) error, error), sink func(*block) error) error {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	workers = min(workers, maxWorkers)
	count := workers + 4 // on their way at once
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	free, order, work := make(chan *block, count), make(chan *block, count), make(chan *block)
	for range count {
		free <- &block{ready: make(chan struct{}, 1)}
	}
	var all sync.WaitGroup
	defer all.Wait()
	for range workers {
		treat, err := worker()
		if err != nil {
			stop(err)
			close(work)
			return err
		}
		all.Go(guard.Func(func() {
			for b := range work {
				b.err = guard.Call(func() error { return b.read(src, treat) })
				b.ready <- struct{}{}
			}
		}, stop))
	}
	all.Go(guard.Func(func() {
		defer close(order)
		defer close(work)
		if err := guard.Call(func() error { return feed(ctx, src, free, order, work) }); err != nil {
			stop(err)
		}
	}, stop))
	take(ctx, src.Size(), o.Progress, order, free, sink, stop)
	return context.Cause(ctx)
}

// take gives blocks to sink until there are no more.
func take(ctx context.Context, total int64, tell func(done, total int64), order, free chan *block, sink func(*block) error, stop func(error)) {
	next := time.Now().Add(progressEvery)
	for b := range order {
		<-b.ready
		if ctx.Err() == nil {
			if b.err == nil {
				b.err = sink(b)
			}
			if b.err != nil {
				stop(b.err)
			}
			if now := time.Now(); tell != nil && now.After(next) {
				next = now.Add(progressEvery)
				tell(b.off+b.size(), total)
			}
		}
		free <- b
	}
	if tell != nil && ctx.Err() == nil {
		tell(total, total)
	}
}

const progressEvery = 500 * time.Millisecond

func (b *block) size() int64 { return max(b.zeros, int64(len(b.data))) }

// feed cuts src into blocks and runs of zeros until it or ctx ends.
func feed(ctx context.Context, src qcow2.Source, free, order, work chan *block) error {
	size := src.Size()
	var known qcow2.Extent // that off lies in, or before
	for off := int64(0); off < size; {
		if off >= known.Offset+known.Length {
			var err error
			if known, err = extentOf(src, off); err != nil {
				return err
			}
		}
		var b *block
		select {
		case b = <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		b.off, b.zeros = off, 0
		if known.Kind != qcow2.Data {
			b.zeros = min(known.Offset+known.Length-off, maxZeros)
			if off+b.zeros < size {
				b.zeros = b.zeros / blockSize * blockSize
			}
		}
		order <- b // has room for all blocks
		if b.zeros > 0 {
			b.data, b.out, b.err = b.data[:0], b.out[:0], nil
			off += b.zeros
			b.ready <- struct{}{}
			continue
		}
		n := min(blockSize, size-off)
		if int64(cap(b.data)) < n {
			b.data = make([]byte, blockSize)
		}
		b.data = b.data[:n]
		off += n
		work <- b
	}
	return nil
}

// read fills a block and has it treated; one of zeros only says so.
func (b *block) read(src qcow2.Source, treat func(*block) error) error {
	n, err := src.ReadAt(b.data, b.off)
	switch {
	case n == len(b.data):
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("read at %d: the source ends before its %d bytes: %w", b.off+int64(n), src.Size(), io.ErrUnexpectedEOF)
	default:
		return err
	}
	b.out = b.out[:0]
	if isZero(b.data) {
		b.zeros, b.data = int64(n), b.data[:0]
		return nil
	}
	return treat(b)
}

// extentOf asks src; who knows nothing is all data.
func extentOf(src qcow2.Source, at int64) (qcow2.Extent, error) {
	m, ok := src.(qcow2.Mapper)
	if !ok {
		return qcow2.Extent{Offset: at, Length: src.Size() - at}, nil
	}
	e, err := m.Extent(at)
	if err == nil && (e.Offset != at || e.Length <= 0) {
		err = fmt.Errorf("the source's extent at %d is one of %d bytes at %d", at, e.Length, e.Offset)
	}
	return e, err
}

var zeroBlock [blockSize]byte

// isZero reports whether b, of at most blockSize bytes, has nothing but zeros.
func isZero(b []byte) bool { return bytes.Equal(b, zeroBlock[:len(b)]) }
