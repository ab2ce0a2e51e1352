// This file unpacks kernels.

package boot

import (
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/internal/fault"
)

// maxWindow is the largest distance in a zstd stream; "zstd --ultra -22", as
// the kernel's build calls it, uses 128 MiB at most.
const maxWindow = 128 << 20

// ErrCompression says that a kernel is compressed in a way that imgasm cannot
// undo. An EFI boot medium needs no unpacking.
var ErrCompression = fault.Class(fault.Input, "compression not supported")

// UnpackKernel writes the kernel in a form that every QEMU starts by -kernel:
// aarch64's compressed formats become an uncompressed Image, others are copied
// as they are. r is the image, of size bytes, and the result says what it was.
// The error is one of Inspect's, ErrTooLarge or ErrCompression.
func UnpackKernel(w io.Writer, r io.ReaderAt, size int64) (Kernel, error) {
	info, err := InspectKernel(r, size)
	if err != nil {
		return info, err
	}
	switch info.Format {
	case ImageGz:
		info.payloadLen = size
	case ZBoot:
	default:
		_, err := io.Copy(w, io.NewSectionReader(r, 0, size))
		return info, err
	}
	z, err := info.open(r)
	if err != nil {
		return info, err
	}
	defer z.Close()
	n, err := io.Copy(w, io.LimitReader(z, MaxImageBytes+1))
	if n > MaxImageBytes {
		return info, ErrTooLarge
	}
	if err != nil && !(errors.Is(err, zstd.ErrMagicMismatch) && info.endsAt(r, n)) {
		return info, fmt.Errorf("%s: %w: %w", info.Compression, ErrDamaged, err)
	}
	return info, nil
}

// open begins to decompress the payload.
func (k Kernel) open(r io.ReaderAt) (io.ReadCloser, error) {
	src := io.NewSectionReader(r, k.payload, k.payloadLen)
	switch {
	case k.Compression == "gzip":
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		z.Multistream(false)
		return z, nil
	case strings.HasPrefix(k.Compression, "zstd"):
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return z.IOReadCloser(), nil
	}
	return nil, &fault.Error{Class: ErrCompression, Err: fmt.Errorf("kernel compressed by %q: %w", k.Compression, ErrCompression),
		Do: "boot from an EFI boot medium instead: {Boot} media"}
}

// endsAt says whether n is all that was packed. Behind formats that do not
// say it, the kernel's build appends the unpacked size, for which a zstd
// decompressor finds no magic number; the header counts it in or not.
func (k Kernel) endsAt(r io.ReaderAt, n int64) bool {
	var b [4]byte
	for _, at := range []int64{k.payload + k.payloadLen - 4, k.payload + k.payloadLen} {
		if _, err := r.ReadAt(b[:], at); err == nil && int64(binary.LittleEndian.Uint32(b[:])) == n {
			return true
		}
	}
	return false
}
