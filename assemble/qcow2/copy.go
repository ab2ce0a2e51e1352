// What is done with the contents of disks: made a raw file, and compared.

package qcow2

import (
	"bytes"
	"context"
	"fmt"
	"os"
)

// CopyOptions say how WriteRaw and Compare work. The zero value does.
type CopyOptions struct {
	Workers  int                     // as in Options
	Progress func(done, total int64) // as in Options
}

// CreateRaw writes src, an image perhaps, as the sparse raw disk path, as
// Create does.
func CreateRaw(ctx context.Context, path string, src Source, o CopyOptions) error {
	return create(ctx, path, func(f *os.File) error { return WriteRaw(ctx, f, src, o) })
}

// WriteRaw writes src as a sparse raw disk to dst, of which nothing else is
// kept.
func WriteRaw(ctx context.Context, dst Target, src Source, o CopyOptions) error {
	if err := Empty(dst); err != nil {
		return err
	}
	if err := dst.Truncate(src.Size()); err != nil {
		return err
	}
	way := &road{src: src, unit: unit(src), buffers: 1, workers: o.Workers, progress: o.Progress, dst: dst}
	worker := func() (func(*batch) error, error) {
		return func(b *batch) error { return b.prepare(int(way.unit), nil) }, nil
	}
	return way.run(ctx, worker, func(b *batch) error {
		for _, c := range b.pieces {
			from := c.cluster * int(way.unit)
			n := min(way.unit, src.Size()-b.off-int64(from))
			b.addRun(run{buf: b.data, from: from, n: int(n), at: b.off + int64(from), blocks: true})
		}
		return nil
	})
}

// unit is what a source is best read in multiples of.
func unit(src Source) int64 {
	if m, ok := src.(*Image); ok {
		return max(m.header.ClusterSize, DefaultClusterSize)
	}
	return DefaultClusterSize
}

// DifferenceError says that two disks are not equal.
type DifferenceError struct {
	Offset int64 // of the first byte that differs
}

func (e *DifferenceError) Error() string { return fmt.Sprintf("the disks differ at %d", e.Offset) }

// Compare compares two disks, of which the shorter one is taken to go on with
// zeros. It returns a *DifferenceError if they are not equal.
func Compare(ctx context.Context, a, b Source, o CopyOptions) error {
	both := pair{a, b}
	way := &road{src: both, unit: max(unit(a), unit(b)), buffers: 2, workers: o.Workers, progress: o.Progress}
	worker := func() (func(*batch) error, error) { return both.compare, nil }
	return way.run(ctx, worker, func(*batch) error { return nil })
}

// pair reads as the first of two disks, and has data where either has.
type pair struct{ a, b Source }

func (p pair) Size() int64 { return max(p.a.Size(), p.b.Size()) }

func (p pair) ReadAt(buf []byte, off int64) (int, error) {
	if err := readPadded(p.a, buf, off); err != nil {
		return 0, err
	}
	return len(buf), nil
}

func (p pair) Extent(off int64) (Extent, error) {
	all := Extent{off, p.Size() - off, Unallocated}
	for _, src := range []Source{p.a, p.b} {
		if off >= src.Size() {
			continue
		}
		e, err := ExtentAt(src, off)
		if err != nil {
			return e, err
		}
		all.Length = min(all.Length, e.Length)
		if e.Kind == Data {
			all.Kind = Data
		}
	}
	return all, nil
}

// compare reads the second disk into a batch's spare buffer.
func (p pair) compare(b *batch) error {
	if cap(b.packed) < len(b.data) {
		b.packed = make([]byte, cap(b.data))
	}
	b.packed = b.packed[:len(b.data)]
	if err := readPadded(p.b, b.packed, b.off); err != nil {
		return err
	}
	if bytes.Equal(b.data, b.packed) {
		return nil
	}
	i := 0
	for b.data[i] == b.packed[i] {
		i++
	}
	return &DifferenceError{b.off + int64(i)}
}

// readPadded fills buf with zeros where src has ended.
func readPadded(src Source, buf []byte, off int64) error {
	n := max(0, min(int64(len(buf)), src.Size()-off))
	clear(buf[n:])
	if n == 0 {
		return nil
	}
	return readFull(src, buf[:n], off)
}
