// Reading of initial RAM file systems: one or more cpio archives behind one
// another, each compressed or not (Linux, Documentation/driver-api/
// early-userspace/buffer-format.rst). An installer ISO has its modules there.

package rehearsal

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/cavaliergopher/cpio"
	"github.com/klauspost/compress/zstd"
)

// maxInitramfs bounds what an initial RAM file system may unpack to; RHEL 10's
// installer has 200 MB.
const maxInitramfs = 2 << 30

// walkInitramfs calls visit for each regular file of all archives.
func walkInitramfs(r io.Reader, visit func(name, link string, size int64, content io.Reader) error) error {
	return walkArchives(bufio.NewReaderSize(r, 1<<16), true, visit)
}

func walkArchives(b *bufio.Reader, compressed bool, visit func(name, link string, size int64, content io.Reader) error) error {
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
		plain, done, err := sniff(b, string(magic))
		if err != nil {
			return err
		}
		defer done()
		return walkArchives(bufio.NewReaderSize(io.LimitReader(plain, maxInitramfs), 1<<16), false, visit)
	}
}

// sniff opens a compressed stream by its first bytes.
func sniff(r io.Reader, magic string) (io.Reader, func(), error) {
	switch {
	case strings.HasPrefix(magic, "\x1f\x8b"):
		g, err := gzip.NewReader(r)
		return g, func() {}, err
	case strings.HasPrefix(magic, "\xfd7zXZ"):
		x, err := unxz(r)
		return x, func() {}, err
	case strings.HasPrefix(magic, "\x28\xb5\x2f\xfd"):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(512<<20))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return nil, nil, fmt.Errorf("initial RAM file system compressed in an unknown way (begins with % x)", magic)
}

func walkCpio(r io.Reader, visit func(name, link string, size int64, content io.Reader) error) error {
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
		if err := visit(name, "", h.Size, c); errors.Is(err, errStop) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
