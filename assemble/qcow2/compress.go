// Clusters are compressed one by one.

package qcow2

import (
	"fmt"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/internal/zstdfast"
)

// deflateWindow is the reach of deflate's references: 2^12 bytes are what QEMU
// writes and asks its own zlib for. A larger one is read by QEMU, which inflates
// a cluster in one go, but not by everybody.
const deflateWindow = 4 << 10

// compressor appends a compressed cluster to dst.
type compressor func(dst, cluster []byte) ([]byte, error)

// newCompressor is nil for Uncompressed. A compressor serves one goroutine.
func newCompressor(c Compression, clusterSize int64) (compressor, error) {
	switch c {
	case Zlib:
		// Its level is the library's 5.
		w, err := flate.NewWriterWindow(nil, deflateWindow)
		if err != nil {
			return nil, fmt.Errorf("zlib: %w", err)
		}
		var out appender
		return func(dst, cluster []byte) ([]byte, error) {
			out = dst
			w.Reset(&out)
			if _, err := w.Write(cluster); err != nil {
				return nil, err
			}
			err := w.Close()
			return out, err
		}, nil
	case Zstd, ZstdFast:
		level := zstd.SpeedDefault
		if c == ZstdFast {
			if clusterSize <= zstdfast.MaxSize {
				e := new(zstdfast.Encoder)
				return func(dst, cluster []byte) ([]byte, error) { return e.Append(dst, cluster), nil }, nil
			}
			level = zstd.SpeedFastest
		}
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithWindowSize(int(clusterSize)),
			zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1),
			zstd.WithAllLitEntropyCompression(c == ZstdFast)) // costs nothing there and saves a hundredth
		if err != nil {
			return nil, fmt.Errorf("zstd: %w", err)
		}
		return func(dst, cluster []byte) ([]byte, error) { return w.EncodeAll(cluster, dst), nil }, nil
	}
	return nil, nil
}

// appender is an io.Writer.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
