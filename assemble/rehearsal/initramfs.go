// Reading of initial RAM file systems: one or more cpio archives behind one
// another, each compressed or not (Linux, Documentation/driver-api/
// early-userspace/buffer-format.rst). An installer ISO has its modules there.

package rehearsal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/cavaliergopher/cpio"

	"github.com/imgasm/imgasm/internal/unpack"
)

// maxInitramfs bounds what an initial RAM file system may unpack to; RHEL 10's
// installer has 200 MB.
const maxInitramfs = 2 << 30

// walkInitramfs calls visit for each regular file of all archives.
func walkInitramfs(r io.Reader, visit visitor) error {
	return walkArchives(bufio.NewReaderSize(r, 1<<16), true, visit)
}

func walkArchives(b *bufio.Reader, compressed bool, visit visitor) error {
	for seen := 0; ; seen++ {
		// Archives are padded with zeroes up to the next.
		for {
			c, err := b.ReadByte()
			if err == io.EOF {
				if seen == 0 {
					return errors.New("an empty initial RAM file system")
				}
				return nil
			}
			if err != nil {
				return err
			}
			if c != 0 {
				b.UnreadByte()
				break
			}
		}
		magic, _ := b.Peek(6)
		if strings.HasPrefix(string(magic), "07070") {
			if err := walkCpio(b, visit); err != nil {
				return err
			}
			continue
		}
		if !compressed {
			return errors.New("no cpio archive where one should begin")
		}
		// A compressed part is the last one: what follows it cannot be told
		// from its own data by every decompressor.
		plain, err := unpack.Reader(b)
		if err != nil {
			return err
		}
		defer plain.Close()
		return walkArchives(bufio.NewReaderSize(io.LimitReader(plain, maxInitramfs), 1<<16), false, visit)
	}
}

func walkCpio(r io.Reader, visit visitor) error {
	c := cpio.NewReader(r)
	for {
		h, err := c.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("initial RAM file system: %w", err)
		}
		if !h.Mode.IsRegular() {
			continue
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if err := visit(name, "", c); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
