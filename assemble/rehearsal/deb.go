// Unpacking of Debian packages (deb(5), format 2.0): an ar archive whose
// member data.tar holds the package's files.

package rehearsal

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// errStop ends a walk early without it being an error.
var errStop = errors.New("stop")

// walkDeb calls visit for each regular file of the package that r holds, with
// its path without leading "./", its size in bytes and its content, in the
// package's order. Symbolic links are visited too, with their target in link
// and no content. visit may return errStop to see no more.
func walkDeb(r io.Reader, visit func(name, link string, size int64, content io.Reader) error) error {
	br := bufio.NewReader(r)
	magic := make([]byte, 8)
	if _, err := io.ReadFull(br, magic); err != nil || string(magic) != "!<arch>\n" {
		return errors.New("not a Debian package: no ar archive")
	}
	for {
		name, size, err := arHeader(br)
		if errors.Is(err, io.EOF) {
			return errors.New("not a Debian package: no member data.tar")
		}
		if err != nil {
			return err
		}
		member := io.LimitReader(br, size)
		if !strings.HasPrefix(name, "data.tar") {
			if n, err := io.Copy(io.Discard, io.LimitReader(br, size+size%2)); err != nil || n < size {
				return fmt.Errorf("package cut short in member %q", name)
			}
			continue
		}
		data, closeData, err := decompress(name, member)
		if err != nil {
			return fmt.Errorf("member %q: %w", name, err)
		}
		defer closeData()
		return walkTar(data, visit)
	}
}

// arHeader reads one member header of 60 bytes (deb(5) refers to ar(5)): name
// 16, time 12, owner 6, group 6, mode 8, size 10, then "`\n".
func arHeader(r io.Reader) (name string, size int64, err error) {
	h := make([]byte, 60)
	n, err := io.ReadFull(r, h)
	if n == 0 && errors.Is(err, io.EOF) {
		return "", 0, io.EOF
	}
	if err != nil {
		return "", 0, errors.New("package cut short in an ar header")
	}
	if h[58] != '`' || h[59] != '\n' {
		return "", 0, errors.New("broken ar header in package")
	}
	size, err = strconv.ParseInt(strings.TrimSpace(string(h[48:58])), 10, 64)
	if err != nil || size < 0 {
		return "", 0, fmt.Errorf("ar header with size %q", h[48:58])
	}
	name = strings.TrimSuffix(strings.TrimRight(string(h[:16]), " "), "/")
	return name, size, nil
}

// decompress opens a stream by the suffix of its name: .xz, .zst, .gz or none.
func decompress(name string, r io.Reader) (io.Reader, func(), error) {
	switch path.Ext(name) {
	case ".xz":
		x, err := unxz(r)
		return x, func() {}, err
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(512<<20))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case ".gz":
		g, err := gzip.NewReader(r)
		return g, func() {}, err
	default:
		return r, func() {}, nil
	}
}

func walkTar(r io.Reader, visit func(name, link string, size int64, content io.Reader) error) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("data.tar: %w", err)
		}
		link, content, size := "", io.Reader(bytes.NewReader(nil)), int64(0)
		switch h.Typeflag {
		case tar.TypeReg:
			content, size = t, h.Size
		case tar.TypeSymlink:
			link = h.Linkname
		default:
			continue
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if err := visit(name, link, size, content); errors.Is(err, errStop) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
