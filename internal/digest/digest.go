// Package digest makes SHA-256 sums in hexadecimal, as records and SHA256SUMS
// have them.
package digest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"github.com/imgasm/imgasm/internal/smallfile"
)

// Is reports whether s is a sum in lower case.
func Is(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

// Bytes is the sum of b.
func Bytes(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// File returns the sum and the size of a file.
func File(ctx context.Context, path string) (sum string, size int64, err error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return Reader(ctx, f, func(int64) {})
}

// Reader returns the sum and the size of what r has, and tells how much it has
// read.
func Reader(ctx context.Context, r io.Reader, progress func(done int64)) (sum string, size int64, err error) {
	const piece = 64 << 20
	h := sha256.New()
	for {
		n, err := io.CopyN(h, r, piece)
		size += n
		progress(size)
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), size, nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return "", size, err
		}
	}
}
