// Reading: guest offsets are mapped by the L1 and L2 tables, and read.

package qcow2

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Image is an open image: a Mapper. It may be used by many goroutines. Of its
// snapshots it shows none, but the disk as it is now.
//
// It takes at most some 16 MiB of memory, whatever the image claims.
type Image struct {
	r          io.ReaderAt
	fileSize   int64
	header     Header
	backing    Source
	decompress decompressor
	packed     sync.Pool // *[]byte, compressed clusters
	tables     cache     // pages of L1 and L2 tables, by their offset
	clusters   cache     // decompressed, by their L2 entry
	close      func() error
}

// OpenOptions say what of the host an image may make use of: nothing, by default.
type OpenOptions struct {
	// Backing opens an image's backing file, by the name and format that the
	// image gives: a name that whoever made the image has chosen freely. What
	// lies past its end reads as zero. nil: such images are refused with
	// ErrBackingFile.
	Backing func(name, format string) (Source, error)
}

// Open opens an image. It must be closed.
//
// Errors: ErrNotQcow2, ErrDamaged, ErrUnsupported, ErrBackingFile, and those of
// the file system. Damage of what is not read yet shows when it is.
func Open(path string, o OpenOptions) (*Image, error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return nil, err
	}
	raw, err := Raw(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	m, err := New(f, raw.size, o)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m.close = f.Close
	return m, nil
}

// tablePages are at most 64 KiB large, as the clusters are by default.
const (
	maxTablePage = 64 << 10
	cacheBytes   = 4 << 20 // of tables, and again of clusters
)

// New is Open for an image in any io.ReaderAt of fileSize bytes.
func New(r io.ReaderAt, fileSize int64, o OpenOptions) (*Image, error) {
	h, err := ReadHeader(r, fileSize)
	if err != nil {
		return nil, err
	}
	if err := h.readable(fileSize); err != nil {
		return nil, err
	}
	m := &Image{r: r, fileSize: fileSize, header: h}
	if h.BackingFile != "" {
		if o.Backing == nil {
			return nil, &fault.Error{
				Class: ErrBackingFile, Err: fmt.Errorf("%w: %q", ErrBackingFile, h.BackingFile),
				Do: "make one image of both first: qemu-img convert -O qcow2 IMAGE whole.qcow2",
			}
		}
		if m.backing, err = o.Backing(h.BackingFile, h.BackingFormat); err != nil {
			return nil, fmt.Errorf("backing file %q: %w", h.BackingFile, err)
		}
	}
	if m.decompress, err = newDecompressor(h.Compression, h.ClusterSize); err != nil {
		return nil, err
	}
	m.packed.New = func() any { return new([]byte) }
	m.tables.limit = cacheBytes / maxTablePage
	m.clusters.limit = int(max(2, min(64, cacheBytes/h.ClusterSize)))
	return m, nil
}

// Header is what the image says about itself.
func (m *Image) Header() Header { return m.header }

// Size is the disk's, in bytes.
func (m *Image) Size() int64 { return m.header.Size }

// Close closes what Open has opened.
func (m *Image) Close() error {
	if m.close == nil {
		return nil
	}
	return m.close()
}

// segment is where a range of the disk is found. It does not cross a cluster,
// unless nothing is mapped there.
type segment struct {
	Extent
	at     int64  // in the file, of Data that are not compressed
	packed uint64 // the L2 entry of a compressed cluster
}

// segment maps the disk from off on. (Section "Cluster mapping".)
func (m *Image) segment(off int64) (segment, error) {
	h := &m.header
	mapped := h.ClusterSize * h.perL2() // by one L2 table
	l1, err := m.entry(h.l1, off/mapped*entrySize)
	if err != nil {
		return segment{}, err
	}
	l2 := int64(l1[0] & offsetMask)
	if l2 == 0 {
		n := min(mapped-off%mapped, h.Size-off)
		return segment{Extent: Extent{off, n, Unallocated}}, nil
	}
	if l2%h.ClusterSize != 0 {
		return segment{}, damaged("an L2 table at %d, in the midst of a cluster", l2)
	}
	e, err := m.entry(l2, off%mapped/h.ClusterSize*h.l2Size())
	if err != nil {
		return segment{}, err
	}
	inside := off % h.ClusterSize
	s := segment{Extent: Extent{off, min(h.ClusterSize-inside, h.Size-off), Data}}
	if e[0]&compressed != 0 {
		s.packed = e[0] &^ copied
		return s, nil
	}
	at := int64(e[0] & offsetMask)
	switch {
	case h.ExtendedL2:
		m.subclusters(&s, e[1], inside)
	case h.Version >= 3 && e[0]&zeroFlag != 0:
		s.Kind = Zero
	case at == 0:
		s.Kind = Unallocated
	}
	if s.Kind == Data && (at == 0 || at%h.ClusterSize != 0) {
		return segment{}, damaged("the cluster of offset %d stands at %d", off, at)
	}
	s.at = at + inside
	return s, nil
}

// subclusters cuts a segment to those parts of a cluster that are of one kind.
// (Section "Extended L2 Entries".)
func (m *Image) subclusters(s *segment, bitmap uint64, inside int64) {
	size := m.header.ClusterSize / 32
	kind := func(i int64) Kind {
		switch {
		case bitmap>>i&1 != 0:
			return Data
		case bitmap>>(32+i)&1 != 0:
			return Zero
		}
		return Unallocated
	}
	i := inside / size
	s.Kind = kind(i)
	for i++; i < 32 && kind(i) == s.Kind; i++ {
	}
	s.Length = min(s.Length, i*size-inside)
}

// entry returns the entry at an offset of a table, and the one behind it if
// both are in one page, as the halves of an extended L2 entry are.
func (m *Image) entry(table, offset int64) (e [2]uint64, err error) {
	size := min(m.header.ClusterSize, maxTablePage)
	at := table + offset/size*size
	page, err := m.tables.get(uint64(at), func() ([]byte, error) {
		if at >= m.fileSize {
			return nil, damaged("a table stands at %d, past the file's end", at)
		}
		b := make([]byte, size)
		return b, readFull(m.r, b[:min(size, m.fileSize-at)], at)
	})
	if err != nil {
		return e, err
	}
	page = page[offset%size:]
	e[0] = binary.BigEndian.Uint64(page)
	if len(page) >= 2*entrySize {
		e[1] = binary.BigEndian.Uint64(page[entrySize:])
	}
	return e, nil
}

// Extent implements Mapper.
func (m *Image) Extent(off int64) (Extent, error) {
	if off < 0 || off >= m.Size() {
		return Extent{}, fmt.Errorf("offset %d of a disk of %d bytes", off, m.Size())
	}
	all := Extent{Offset: off}
	// What is mapped is looked through bit by bit.
	for all.Offset+all.Length < m.Size() && (all.Kind == Unallocated || all.Length < 1<<30) {
		s, err := m.segment(all.Offset + all.Length)
		if err != nil {
			return Extent{}, err
		}
		e := s.Extent
		if e.Kind == Unallocated && m.backing != nil {
			if e, err = m.backingExtent(e); err != nil {
				return Extent{}, err
			}
		}
		if all.Length > 0 && e.Kind != all.Kind {
			break
		}
		all.Kind = e.Kind
		all.Length += e.Length
	}
	return all, nil
}

// backingExtent says of what is not in the image what the backing file holds.
func (m *Image) backingExtent(e Extent) (Extent, error) {
	if e.Offset >= m.backing.Size() {
		return e, nil
	}
	below, err := ExtentAt(m.backing, e.Offset)
	below.Length = min(below.Length, e.Length)
	return below, err
}

// ReadAt implements io.ReaderAt.
func (m *Image) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	want := len(p)
	p = slices.Clip(p[:max(0, min(int64(want), m.Size()-off))])
	n := 0
	for n < len(p) {
		s, err := m.segment(off + int64(n))
		if err != nil {
			return n, err
		}
		// Clusters that stand side by side are read at once.
		for s.Kind == Data && s.packed == 0 && int64(n)+s.Length < int64(len(p)) {
			next, err := m.segment(off + int64(n) + s.Length)
			if err != nil || next.Kind != Data || next.packed != 0 || next.at != s.at+s.Length {
				break
			}
			s.Length += next.Length
		}
		s.Length = min(s.Length, int64(len(p)-n))
		if err := m.read(p[n:][:s.Length], s); err != nil {
			return n, fmt.Errorf("read at %d: %w", s.Offset, err)
		}
		n += int(s.Length)
	}
	if n < want {
		return n, io.EOF
	}
	return n, nil
}

// read reads a segment.
func (m *Image) read(p []byte, s segment) error {
	switch {
	case s.packed != 0 && int64(len(p)) == m.header.ClusterSize:
		return m.unpack(p, s.packed)
	case s.packed != 0:
		b, err := m.clusters.get(s.packed, func() ([]byte, error) {
			b := make([]byte, m.header.ClusterSize, m.header.ClusterSize+zstdSlack)
			return b, m.unpack(b, s.packed)
		})
		if err != nil {
			return err
		}
		copy(p, b[s.Offset%m.header.ClusterSize:])
		return nil
	case s.Kind == Data:
		// A file may end within its last cluster; the rest reads as zero.
		if s.at+int64(len(p)) > roundUp(m.fileSize, m.header.ClusterSize) {
			return damaged("its data stand at %d, past the file's end", s.at)
		}
		n := max(0, min(int64(len(p)), m.fileSize-s.at))
		clear(p[n:])
		return readFull(m.r, p[:n], s.at)
	case s.Kind == Unallocated && m.backing != nil:
		n := max(0, min(int64(len(p)), m.backing.Size()-s.Offset))
		clear(p[n:])
		if n == 0 {
			return nil
		}
		return readFull(m.backing, p[:n], s.Offset)
	}
	clear(p)
	return nil
}

// packedAt is where in the file a compressed cluster stands, and how many bytes
// it takes at most. (Section "Compressed Clusters Descriptor".)
func (m *Image) packedAt(entry uint64) (at, n int64) {
	x := 62
	for c := m.header.ClusterSize; c > 256; c /= 2 {
		x--
	}
	at = int64(entry & (1<<x - 1))
	sectors := int64(entry&^(copied|compressed)>>x) + 1
	return at, sectors*sectorSize - at%sectorSize
}

// unpack decompresses a cluster.
func (m *Image) unpack(dst []byte, entry uint64) error {
	at, n := m.packedAt(entry)
	n = min(n, m.fileSize-at)
	if n <= 0 {
		return damaged("its data stand at %d, past the file's end", at)
	}
	buf := m.packed.Get().(*[]byte)
	defer m.packed.Put(buf)
	if int64(cap(*buf)) < n {
		*buf = make([]byte, roundUp(n, m.header.ClusterSize))
	}
	src := (*buf)[:n]
	if err := readFull(m.r, src, at); err != nil {
		return err
	}
	if err := m.decompress(dst, src); err != nil {
		return damaged("compressed data at %d: %v", at, err)
	}
	return nil
}
