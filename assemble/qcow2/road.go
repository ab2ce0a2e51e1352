// The road of all conversions: what holds data is cut into batches, workers
// read and treat them side by side, one goroutine gives them places in order, and
// workers write them there.

package qcow2

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"sync/atomic"

	"github.com/imgasm/imgasm/internal/pipeline"
)

// batch is a part of a disk on its way.
type batch struct {
	off  int64
	data []byte // what is there; behind the disk's end zeros

	// What a writer's worker makes of it.
	pieces []piece
	packed []byte // compressed clusters, end to end

	runs []run // that are to be written, when they have their places
}

const (
	maxBatch = 256 << 10
	// memoryBudget bounds what the buffers of all batches take together.
	memoryBudget = 32 << 20
	maxWorkers   = 16
)

// road says how batches are made.
type road struct {
	src      Source
	unit     int64 // batches begin and end at its multiples; at most memoryBudget/8
	buffers  int64 // that each batch needs, of its own size
	workers  int   // 0: see Options.Workers
	progress func(done, total int64)
	dst      Target // of the batches' runs; nil: there are none

	copies atomic.Bool // files cannot share blocks
}

// run makes a worker's function for each worker, gives it batches, gives these
// to place in the order of the disk, and writes the runs that they have then.
// Errors are those of pipeline.Stages.Run.
func (p *road) run(ctx context.Context, worker func() (func(*batch) error, error), place func(*batch) error) error {
	workers := p.workers
	if workers <= 0 {
		workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	}
	count := max(2, min(int64(2*workers+2), memoryBudget/(p.buffers*p.unit)))
	size := min(maxBatch, memoryBudget/(p.buffers*count)) / p.unit * p.unit
	size = max(size, p.unit)
	tell := pipeline.NewTeller(p.progress, p.src.Size())
	stages := pipeline.Stages[batch]{
		Count: int(count), Workers: workers,
		New: func() *batch { return new(batch) },
		Feed: func(next func() (*batch, error), put func(*batch)) error {
			for s, err := range spans(p.src, p.unit, size) {
				if err != nil {
					return err
				}
				b, err := next()
				if err != nil {
					return err
				}
				if int64(cap(b.data)) < size {
					b.data = make([]byte, size)
				}
				b.off, b.data, b.runs = s.Offset, b.data[:s.Length], b.runs[:0]
				put(b)
			}
			return nil
		},
		Worker: func() (func(*batch) error, error) {
			treat, err := worker()
			return func(b *batch) error {
				if err := p.read(b); err != nil {
					return err
				}
				return treat(b)
			}, err
		},
		Take: func(b *batch) (bool, error) {
			tell.Done(b.off + int64(len(b.data)))
			err := place(b)
			return len(b.runs) > 0, err
		},
		After: p.write,
	}
	if err := stages.Run(ctx); err != nil {
		return err
	}
	tell.End()
	return nil
}

// write writes a batch's runs: whole clusters of a raw file by having the two
// files share them, until their file system refuses.
func (p *road) write(b *batch) error {
	src, _ := p.src.(*RawFile)
	dst, _ := p.dst.(*os.File)
	for _, r := range b.runs {
		if r.blocks && src != nil && dst != nil && !p.copies.Load() {
			if cloneRange(dst, src.file, r.at, b.off+int64(r.from), int64(r.n)) == nil {
				continue
			}
			p.copies.Store(true)
		}
		if err := r.write(p.dst); err != nil {
			return err
		}
	}
	return nil
}

// read fills a batch.
func (p *road) read(b *batch) error {
	inside := min(int64(len(b.data)), p.src.Size()-b.off)
	n, err := p.src.ReadAt(b.data[:inside], b.off)
	switch {
	case int64(n) == inside:
	case err == nil || errors.Is(err, io.EOF):
		return fmt.Errorf("read at %d: the source ends before its %d bytes: %w", b.off+int64(n), p.src.Size(), io.ErrUnexpectedEOF)
	default:
		return err
	}
	clear(b.data[inside:])
	return nil
}

// spans yields the ranges of src that hold data, in order, cut at multiples of
// unit, each at most size bytes long. The last one may end behind the disk.
func spans(src Source, unit, size int64) iter.Seq2[Extent, error] {
	return func(yield func(Extent, error) bool) {
		total := src.Size()
		start := int64(0) // what lies before is done
		for at := int64(0); at < total; {
			e, err := ExtentAt(src, at)
			if err != nil {
				yield(Extent{}, err)
				return
			}
			at += min(e.Length, total-at)
			if e.Kind != Data {
				continue
			}
			start = max(start, e.Offset/unit*unit)
			end := roundUp(at, unit)
			for start < end {
				n := min(size, end-start)
				if !yield(Extent{start, n, Data}, nil) {
					return
				}
				start += n
			}
			at = end
		}
	}
}

// ExtentAt is src's extent at an offset: all data, where src is no Mapper.
func ExtentAt(src Source, at int64) (Extent, error) {
	m, ok := src.(Mapper)
	if !ok {
		return Extent{at, src.Size() - at, Data}, nil
	}
	e, err := m.Extent(at)
	if err != nil {
		return e, err
	}
	if e.Offset != at || e.Length <= 0 {
		return e, fmt.Errorf("the source's extent at %d is one of %d bytes at %d", at, e.Length, e.Offset)
	}
	return e, nil
}
