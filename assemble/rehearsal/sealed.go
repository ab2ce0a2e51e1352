// Files of the cache that tell when they are damaged.

package rehearsal

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// seal writes a tar archive, whole or not at all, and the SHA-256 of it after
// it. Its first member says what was wanted; write adds the others.
func seal(ctx context.Context, file string, wanted any, write func(add func(name, link string, data []byte))) error {
	return publish.FileContext(ctx, file, func(f *os.File) error {
		h := sha256.New()
		w := tar.NewWriter(io.MultiWriter(f, h))
		var failed error
		add := func(name, link string, data []byte) {
			header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}
			if link != "" {
				header.Typeflag, header.Linkname = tar.TypeSymlink, link
			}
			err := w.WriteHeader(header)
			_, e := w.Write(data)
			failed = cmp.Or(failed, err, e)
		}
		add("wanted", "", fmt.Append(nil, wanted))
		write(add)
		if err := cmp.Or(failed, w.Close()); err != nil {
			return err
		}
		_, err := f.Write(h.Sum(nil))
		return err
	})
}

// maxSealed is more than what is kept of any distribution.
const maxSealed = 1 << 30

// unseal shows what seal wrote to visit. It is an error if something else was
// wanted then.
func unseal(file string, wanted any, visit visitor) error {
	data, err := smallfile.ReadAgain(context.Background(), file, maxSealed)
	if err != nil {
		return err
	}
	end := len(data) - sha256.Size
	if end < 0 {
		return fmt.Errorf("%s: cut short", file)
	}
	if sum := sha256.Sum256(data[:end]); !bytes.Equal(sum[:], data[end:]) {
		return fmt.Errorf("%s: damaged", file)
	}
	same := false
	err = walkTar(bytes.NewReader(data[:end]), func(name, link string, content io.Reader) error {
		if name != "wanted" {
			return visit(name, link, content)
		}
		text, err := io.ReadAll(content)
		same = string(text) == fmt.Sprint(wanted)
		return err
	})
	if err == nil && !same {
		err = errors.New("what was wanted then is not what is wanted now")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
