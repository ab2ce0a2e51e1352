// Package qcow2 writes and reads disk images in QEMU's format qcow2.
//
// [Create] and [Write] make version 3 images out of any [Source]: sparse,
// compressed or not, on all cores, in bounded memory. Equal contents and
// options give equal bytes, whatever the source's holes and the number of
// workers. [CreateOverlay] makes an empty layer on an image. [Open] reads images that nobody vouches for: as an [io.ReaderAt],
// as a list of extents, and by [WriteRaw] as a sparse raw disk.
//
// The format is that of QEMU's docs/interop/qcow2.txt. "Section" in the
// comments below means a section of that text.
package qcow2

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// Source is a disk's contents. Holes need not be known: clusters of zeros are
// found by looking. [os.File] lacks Size: see [OpenRaw].
type Source interface {
	io.ReaderAt
	Size() int64 // bytes
}

// Mapper is a Source that knows where it holds data, which saves the reading
// of the rest.
type Mapper interface {
	Source
	// Extent describes the bytes from off on, which is at least 0 and less
	// than Size: how many of them, at least one, are of one kind.
	Extent(off int64) (Extent, error)
}

// Extent is a range of a disk.
type Extent struct {
	Offset, Length int64 // bytes
	Kind           Kind
}

// Kind is what a range of a disk holds.
type Kind int

// The kinds. A qcow2 image tells Zero from Unallocated only for the sake of
// backing files; both read as zero where there is none.
const (
	Data        Kind = iota // anything, zeros too
	Zero                    // zeros, recorded as such
	Unallocated             // nothing: reads as zero
)

func (k Kind) String() string {
	return [...]string{"data", "zero", "unallocated"}[k]
}

// Target is where an image is written: an [os.File], say. What Truncate adds
// must read as zero.
type Target interface {
	io.WriterAt
	Truncate(sizeBytes int64) error
}

// Compression is how an image's clusters are stored.
type Compression string

// The compressions.
const (
	Zlib         Compression = "zlib"      // deflate with a 4 KiB window, as qemu-img: every reader of qcow2 knows it
	Zstd         Compression = "zstd"      // smaller and faster; QEMU reads it since 5.1, Lima does not
	ZstdFast     Compression = "zstd-fast" // zstd in three quarters of the time and 5 % more room
	Uncompressed Compression = "none"      // as fast as the disks
)

// Compressions lists all of them, the default first.
func Compressions() []Compression { return []Compression{Zlib, Zstd, ZstdFast, Uncompressed} }

// The sizes of clusters that Write writes; each is a power of two.
const (
	MinClusterSize     = 4 << 10
	MaxClusterSize     = 2 << 20 // QEMU's own limit
	DefaultClusterSize = 64 << 10
)

// Options say how Write writes. The zero value works.
type Options struct {
	Compression Compression // "": Zlib
	ClusterSize int64       // bytes; 0: DefaultClusterSize
	// Workers is how many goroutines read and compress; 0: as many as Go runs
	// at once, at most 16. Each costs about 3 MiB.
	Workers int
	// Progress is told how many bytes of the disk are done, of all: twice a
	// second at most, and at the end. It is called by one goroutine at a time.
	Progress func(done, total int64)
}

// Errors of options, for errors.Is.
var (
	ErrCompression = fault.Class(fault.Input, "unknown compression")
	ErrClusterSize = fault.Class(fault.Input, "impossible cluster size")
	// ErrTooLarge says that clusters of the asked size cannot hold the disk.
	ErrTooLarge = fault.Class(fault.Input, "disk too large for its cluster size")
)

// MaxSize is the size of the largest disk, in bytes, that QEMU opens with
// clusters of clusterSize bytes: its L1 table has at most 32 MiB.
func MaxSize(clusterSize int64) int64 {
	return maxL1Entries * clusterSize * (clusterSize / entrySize)
}

// geometry is a disk's size and how it is cut.
type geometry struct {
	size        int64 // of the disk, a multiple of 512
	cluster     int64 // bytes
	clusterBits uint
	perL2       int64 // clusters that one L2 table maps
	l1Entries   int64
}

func (o Options) geometry(size int64) (geometry, error) {
	g := geometry{cluster: o.ClusterSize}
	g.cluster = cmp.Or(g.cluster, DefaultClusterSize)
	if g.cluster < MinClusterSize || g.cluster > MaxClusterSize || g.cluster&(g.cluster-1) != 0 {
		return g, &fault.Error{Class: ErrClusterSize, Field: "ClusterSize", Err: fmt.Errorf("%d bytes: it is a power of two from %d to %d", g.cluster, MinClusterSize, MaxClusterSize)}
	}
	if size < 0 {
		return g, fmt.Errorf("disk of %d bytes: its size is negative", size)
	}
	if limit := MaxSize(g.cluster); size > limit {
		return g, tooLarge(size, g.cluster, limit)
	}
	for g.cluster>>g.clusterBits > 1 {
		g.clusterBits++
	}
	// QEMU counts in sectors: the last one is filled up, as qemu-img does.
	g.size = roundUp(size, sectorSize)
	g.perL2 = g.cluster / entrySize
	g.l1Entries = divideUp(g.size, g.cluster*g.perL2)
	return g, nil
}

// tooLarge names what would do instead.
func tooLarge(size, cluster, limit int64) error {
	enough := cluster
	for enough < MaxClusterSize && MaxSize(enough) < size {
		enough *= 2
	}
	advice := fmt.Sprintf("clusters of %d bytes hold it", enough)
	if MaxSize(enough) < size {
		advice = "no cluster size does"
	}
	return fmt.Errorf("disk of %d bytes: %w: clusters of %d bytes hold at most %d bytes, %s", size, ErrTooLarge, cluster, limit, advice)
}

func (o Options) compression() (Compression, error) {
	if o.Compression == "" {
		return Zlib, nil
	}
	var names []string
	for _, c := range Compressions() {
		if c == o.Compression {
			return c, nil
		}
		names = append(names, string(c))
	}
	return "", fmt.Errorf("%w %q: it is one of %s", ErrCompression, o.Compression, strings.Join(names, ", "))
}

func roundUp(n, unit int64) int64 { return divideUp(n, unit) * unit }

func divideUp(n, by int64) int64 { return (n + by - 1) / by }
