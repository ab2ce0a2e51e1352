// raw.zst: the disk's bytes as zstd frames (RFC 8878), one a block, which every
// decoder reads one after the other.

package convert

import (
	"bufio"
	"context"
	"runtime"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/assemble/qcow2"
)

// maxEncoders work at once: each takes some 8 MiB, and is as fast as a disk.
const maxEncoders = 4

func writeZstd(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	newEncoder := func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(blockSize))
	}
	if o.Workers <= 0 || o.Workers > maxEncoders {
		o.Workers = min(runtime.GOMAXPROCS(0), maxEncoders)
	}
	encoder, err := newEncoder()
	if err != nil {
		return err
	}
	zeros := encoder.EncodeAll(zeroBlock[:], nil)
	worker := func() (func(*block) error, error) {
		encoder, err := newEncoder()
		return func(b *block) error {
			b.out = encoder.EncodeAll(b.data, b.out)
			return nil
		}, err
	}
	return dst.stream(func(w *bufio.Writer) error {
		if src.Size() == 0 {
			_, err := w.Write(encoder.EncodeAll(nil, nil))
			return err
		}
		return flow(ctx, src, o, worker, func(b *block) error {
			for ; b.zeros >= blockSize; b.zeros -= blockSize {
				if _, err := w.Write(zeros); err != nil {
					return err
				}
			}
			if b.zeros > 0 {
				b.out = encoder.EncodeAll(zeroBlock[:b.zeros], b.out)
			}
			_, err := w.Write(b.out)
			return err
		})
	})
}
