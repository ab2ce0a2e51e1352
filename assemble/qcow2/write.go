// Writing: workers look for zeros and compress, the packer gives places.

package qcow2

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/imgasm/imgasm/internal/publish"
)

// Create writes src as the image path. The file appears under its name when
// all of it is on disk, and replaces one that was there; after an error, or
// when ctx ends, nothing of it is left.
//
// Errors are those of Write and of the file system; a full disk is
// syscall.ENOSPC.
func Create(ctx context.Context, path string, src Source, o Options) error {
	return create(ctx, path, func(f *os.File) error { return Write(ctx, f, src, o) })
}

func create(ctx context.Context, path string, write func(f *os.File) error) error {
	err := publish.FileContext(ctx, path, write)
	if errors.Is(err, syscall.ENOSPC) {
		// The error names a hidden file that is gone.
		return fmt.Errorf("write %s: the disk is full, nothing was written: %w", path, syscall.ENOSPC)
	}
	return err
}

// Write writes src as a qcow2 image to dst, of which nothing else is kept. It
// writes here and there; dst holds no image until Write has returned nil. The
// disk has src's size, rounded up to sectors of 512 bytes.
//
// Errors: ErrCompression, ErrClusterSize, ErrTooLarge before anything is read
// or written; the cause of ctx; those of src and dst.
func Write(ctx context.Context, dst Target, src Source, o Options) error {
	g, err := o.geometry(src.Size())
	if err != nil {
		return err
	}
	c, err := o.compression()
	if err != nil {
		return err
	}
	if err := Empty(dst); err != nil {
		return err
	}
	p := newPacker(dst, g, c)
	way := &road{src: src, unit: g.cluster, buffers: 2, workers: o.Workers, progress: o.Progress, dst: dst}
	if c == Uncompressed {
		way.buffers = 1
	}
	worker := func() (func(*batch) error, error) {
		compress, err := newCompressor(c, g.cluster)
		return func(b *batch) error { return b.prepare(int(g.cluster), compress) }, err
	}
	if err := way.run(ctx, worker, p.place); err != nil {
		return err
	}
	return p.finish()
}

// Empty truncates dst, unless it is an empty file: one that was truncated to
// nothing, ext4 writes to the disk when it is closed, which takes as long again.
func Empty(dst Target) error {
	if f, ok := dst.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Size() == 0 {
			return nil
		}
	}
	return dst.Truncate(0)
}

// piece is a cluster that has data.
type piece struct {
	cluster int // of the batch
	packed  int // bytes of the batch's packed; 0: stored as it is
}

// prepare finds a batch's clusters that are not zero and compresses them.
func (b *batch) prepare(cluster int, compress compressor) (err error) {
	b.pieces, b.packed = b.pieces[:0], b.packed[:0]
	for at := 0; at < len(b.data); at += cluster {
		data := b.data[at : at+cluster]
		if isZero(data) {
			continue
		}
		p := piece{cluster: at / cluster}
		if compress != nil {
			before := len(b.packed)
			if b.packed, err = compress(b.packed, data); err != nil {
				return err
			}
			if p.packed = len(b.packed) - before; p.packed >= cluster { // no gain
				p.packed, b.packed = 0, b.packed[:before]
			}
		}
		b.pieces = append(b.pieces, p)
	}
	return nil
}

var _ Target = (*os.File)(nil)
