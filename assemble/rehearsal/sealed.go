// Files of the cache that tell when they are damaged.

package rehearsal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// seal writes a file, whole or not at all, and the SHA-256 of its contents
// after them.
func seal(ctx context.Context, file string, write func(io.Writer) error) error {
	return publish.FileContext(ctx, file, func(f *os.File) error {
		h := sha256.New()
		if err := write(io.MultiWriter(f, h)); err != nil {
			return err
		}
		_, err := f.Write(h.Sum(nil))
		return err
	})
}

// maxSealed is more than what is kept of any distribution.
const maxSealed = 1 << 30

// unseal reads what seal wrote.
func unseal(file string) ([]byte, error) {
	f, err := smallfile.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSealed))
	if err != nil {
		return nil, err
	}
	end := len(data) - sha256.Size
	if end < 0 {
		return nil, fmt.Errorf("%s: cut short", file)
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return nil, fmt.Errorf("%s: damaged", file)
	}
	return data[:end], nil
}
