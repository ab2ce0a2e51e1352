// Where in an output something is written: a part of a file, and archives of
// parts, whose sizes and names are known when they have been written.

package convert

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"time"
)

// part is what follows an offset of a file, a File itself.
type part struct {
	file File
	base int64
	size int64 // as Truncate, or a stream, has left it
}

func (p *part) WriteAt(b []byte, off int64) (int, error) { return p.file.WriteAt(b, p.base+off) }

func (p *part) ReadAt(b []byte, off int64) (int, error) { return p.file.ReadAt(b, p.base+off) }

// Truncate ends the file with the part.
func (p *part) Truncate(size int64) error {
	p.size = size
	return p.file.Truncate(p.base + size)
}

// stream lets write fill the part from its beginning.
func (p *part) stream(write func(w *bufio.Writer) error) error {
	at := io.NewOffsetWriter(p.file, p.base)
	w := bufio.NewWriterSize(at, 256<<10)
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	p.size, _ = at.Seek(0, io.SeekCurrent)
	return err
}

// archive is a tar file that is being written.
type archive struct {
	dst  *part
	at   int64
	time time.Time // of all members
}

// newArchive makes an archive in the form that POSIX has, or GNU's where a
// member is too large for that.
func newArchive(dst *part, o Options) *archive { return &archive{dst: dst, time: memberTime(o)} }

// memberTime is the time of an archive's members.
func memberTime(o Options) time.Time {
	if o.Time.IsZero() {
		return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return o.Time.UTC().Truncate(time.Second)
}

// add writes a member. The header is written when write is done, which may
// change the name in it; the size is that of the part.
func (a *archive) add(h *tar.Header, write func(p *part) error) error {
	p := &part{file: a.dst, base: a.at + sector}
	if err := write(p); err != nil {
		return err
	}
	h.Size = p.size
	return a.finish(h)
}

// text adds a small file.
func (a *archive) text(h *tar.Header, text []byte) error {
	return a.add(h, func(p *part) error {
		p.size = int64(len(text))
		_, err := p.WriteAt(text, 0)
		return err
	})
}

// reserve makes the header of a member of h.Size bytes, which is filled later.
func (a *archive) reserve(h *tar.Header) (*part, error) {
	p := &part{file: a.dst, base: a.at + sector, size: h.Size}
	return p, a.finish(h)
}

// finish writes a header and goes on behind the member.
func (a *archive) finish(h *tar.Header) error {
	b, err := tarHeader(*h, a.time)
	if err != nil {
		return err
	}
	if _, err := a.dst.WriteAt(b, a.at); err != nil {
		return err
	}
	a.at += sector + (h.Size+sector-1)/sector*sector
	return nil
}

// close ends the archive: by two empty sectors.
func (a *archive) close() error { return a.dst.Truncate(a.at + 2*sector) }

// tarHeader is a member's header, of one sector.
func tarHeader(h tar.Header, at time.Time) ([]byte, error) {
	h.Typeflag = cmp.Or(h.Typeflag, tar.TypeReg)
	h.ModTime = at
	if h.Format == tar.FormatUnknown {
		h.Format = tar.FormatUSTAR
		if h.Size >= 8<<30 { // 11 octal digits
			h.Format = tar.FormatGNU
		}
	}
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(&h); err != nil {
		return nil, err
	}
	if b.Len() != sector {
		return nil, fmt.Errorf("the name %q is too long for an archive", h.Name)
	}
	return b.Bytes(), nil
}
