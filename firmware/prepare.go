// Makes what QEMU opens: a private copy of the variables, and the code padded
// to the size of the machine's flash where it must be.

package firmware

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/internal/arch"
)

// Prepare returns flash images that QEMU can open as pflash units 0 and 1.
// The variables are always a private raw copy in dir ("vars.fd"), since the
// firmware writes to them. The code is the pair's own file where that has the
// right size, else a padded raw copy in dir ("code.fd"). Copies are sparse.
// Existing files of these names are replaced.
//
// On virt both have 64 MiB exactly; a pair without a template gets a blank
// variable store there.
func Prepare(p *Pair, dir string) (code, vars File, err error) {
	a, err := arch.Parse(p.Arch)
	if err != nil {
		return File{}, File{}, err
	}
	code = p.Code
	if a.PflashSize != 0 && code.SizeBytes != a.PflashSize {
		if code, err = CopyRaw(p.Code, filepath.Join(dir, "code.fd"), a.PflashSize); err != nil {
			return File{}, File{}, fmt.Errorf("pad firmware: %w", err)
		}
	}
	varsPath := filepath.Join(dir, "vars.fd")
	if p.Vars.Path == "" {
		if vars, err = blank(varsPath, a.PflashSize); err != nil {
			return File{}, File{}, fmt.Errorf("make firmware variables: %w", err)
		}
		return code, vars, nil
	}
	if vars, err = CopyRaw(p.Vars, varsPath, a.PflashSize); err != nil {
		return File{}, File{}, fmt.Errorf("copy firmware variables: %w", err)
	}
	return code, vars, nil
}

func blank(path string, size int64) (File, error) {
	if size == 0 {
		return File{}, errors.New("no template, and this machine has no blank ones")
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return File{}, err
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		return File{}, err
	}
	return File{Path: path, Format: Raw, SizeBytes: size}, nil
}

// CopyRaw writes src as a raw sparse file at dst, followed by a hole up to
// size bytes; size 0 keeps the source's own. It refuses a size that would cut.
func CopyRaw(src File, dst string, size int64) (_ File, err error) {
	in, err := openImage(src.Path)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", src.Path, err)
	}
	defer in.Close()
	if in.size > maxFlash {
		return File{}, fmt.Errorf("%s holds %d bytes, more than the 64 MiB of any flash image", src.Path, in.size)
	}
	size = cmp.Or(size, in.size)
	if size < in.size {
		return File{}, fmt.Errorf("%s holds %d bytes, which do not fit into %d", src.Path, in.size, size)
	}
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return File{}, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	switch n, err := copySparse(out, io.NewSectionReader(in, 0, in.size)); {
	case err != nil:
		return File{}, fmt.Errorf("%s: %w", src.Path, err)
	case n < in.size:
		return File{}, fmt.Errorf("%s: %w", src.Path, io.ErrUnexpectedEOF)
	}
	if err := out.Truncate(size); err != nil {
		return File{}, err
	}
	return File{Path: dst, Format: Raw, SizeBytes: size}, nil
}

// copySparse copies all of r, leaving holes for zeros: images for aarch64 are of
// 64 MiB with 2 MiB of content. The holes at the end are the caller's to make.
func copySparse(f *os.File, r io.Reader) (size int64, err error) {
	const chunk = 64 << 10
	buf, zero := make([]byte, chunk), make([]byte, chunk)
	for {
		n, err := io.ReadFull(r, buf)
		if !bytes.Equal(buf[:n], zero[:n]) {
			if _, err := f.WriteAt(buf[:n], size); err != nil {
				return size, err
			}
		}
		size += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return size, nil
		case err != nil:
			return size, err
		}
	}
}
