// A disk that is larger than its source: nothing is copied, what changes lies
// over the source.

package convert

import (
	"fmt"
	"io"

	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/qcow2"
)

// larger is a source with zeros behind it, and patches.
type larger struct {
	src     qcow2.Source
	size    int64
	patches []disk.Patch // later ones count
}

// grown is src as a disk of size bytes, at least its own. The error is a GPT
// that cannot be moved, or src's.
func grown(src qcow2.Source, size int64) (qcow2.Source, error) {
	if size == src.Size() {
		return src, nil
	}
	patches, err := disk.GrowGPT(src, src.Size(), size)
	if err != nil {
		return nil, fmt.Errorf("a disk of %d bytes out of one of %d: %w", size, src.Size(), err)
	}
	return &larger{src, size, patches}, nil
}

func (l *larger) Size() int64 { return l.size }

func (l *larger) ReadAt(b []byte, off int64) (int, error) {
	want := len(b)
	b = b[:max(0, min(int64(want), l.size-off))]
	inside := max(0, min(int64(len(b)), l.src.Size()-off))
	clear(b[inside:])
	if inside > 0 {
		if n, err := l.src.ReadAt(b[:inside], off); int64(n) < inside {
			return n, err
		}
	}
	for _, p := range l.patches {
		from, to := max(off, p.Offset), min(off+int64(len(b)), p.Offset+int64(len(p.Data)))
		if from < to {
			copy(b[from-off:to-off], p.Data[from-p.Offset:])
		}
	}
	if len(b) < want {
		return len(b), io.EOF
	}
	return want, nil
}

// Extent implements qcow2.Mapper.
func (l *larger) Extent(off int64) (e qcow2.Extent, err error) {
	if off < l.src.Size() {
		if e, err = qcow2.ExtentAt(l.src, off); err != nil {
			return e, err
		}
	} else {
		e = qcow2.Extent{Offset: off, Length: l.size - off, Kind: qcow2.Unallocated}
	}
	for _, p := range l.patches {
		end := p.Offset + int64(len(p.Data))
		switch {
		case off >= end || off+e.Length <= p.Offset:
		case off >= p.Offset:
			e.Kind, e.Length = qcow2.Data, min(e.Length, end-off)
		default:
			e.Length = p.Offset - off
		}
	}
	return e, nil
}
