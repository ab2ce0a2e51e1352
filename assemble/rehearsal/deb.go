// Unpacking of Debian packages (deb(5), format 2.0): an ar archive whose
// member data.tar holds the package's files.

package rehearsal

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/unpack"
)

// visitor is shown a regular file by its path without leading slash and its
// contents, or a symbolic link by its path and target.
type visitor func(name, link string, content io.Reader) error

// walkDeb calls visit for each file and link of the package that r holds, in the
// package's order.
func walkDeb(r io.Reader, visit visitor) error {
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
		data, err := unpack.Reader(member)
		if err != nil {
			return fmt.Errorf("member %q: %w", name, err)
		}
		defer data.Close()
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

func walkTar(r io.Reader, visit visitor) error {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("data.tar: %w", err)
		}
		if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeSymlink {
			continue
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if err := visit(name, h.Linkname, t); err != nil { // of a link, t has nothing
			return fmt.Errorf("%s: %w", name, err)
		}
	}
}
