// The header of images that strangers made: nothing in it is believed before it
// has been compared with the file.

package qcow2

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/imgasm/imgasm/internal/fault"
)

// Errors of images, for errors.Is.
var (
	ErrNotQcow2    = fault.Class(fault.Input, "not a qcow2 image")
	ErrDamaged     = fault.Class(fault.Input, "damaged qcow2 image")
	ErrUnsupported = fault.Class(fault.Input, "qcow2 image with a feature that is not supported")
	// ErrBackingFile says that an image holds only what differs from another
	// one, which is not opened unless OpenOptions.Backing does.
	ErrBackingFile = fault.Class(fault.Input, "qcow2 image with a backing file")
)

// Header is what an image says about itself. (Section "Header".)
type Header struct {
	Version       int         `json:"version"`     // 2 or 3
	Size          int64       `json:"size"`        // bytes of the disk
	ClusterSize   int64       `json:"clusterSize"` // bytes
	Compression   Compression `json:"compression"` // Zlib or Zstd: that of the clusters which are compressed
	RefcountBits  int         `json:"refcountBits"`
	Snapshots     int         `json:"snapshots,omitempty"`     // that it also holds, and that are not read
	ExtendedL2    bool        `json:"extendedL2,omitempty"`    // clusters are allocated in 32 parts
	Dirty         bool        `json:"dirty,omitempty"`         // the refcounts may be wrong; the disk can be read
	Corrupt       bool        `json:"corrupt,omitempty"`       // QEMU has found metadata that are wrong
	Encrypted     bool        `json:"encrypted,omitempty"`     // by AES or LUKS
	BackingFile   string      `json:"backingFile,omitempty"`   // as the image names it; "": none
	BackingFormat string      `json:"backingFormat,omitempty"` // "qcow2", "raw"; "": not said
	DataFile      string      `json:"dataFile,omitempty"`      // external data file; "": the data are in the image

	l1, l1Entries int64
	refcounts     span  // the refcount table
	snapshots     int64 // offset of their table
	cryptoHeader  span
	bitmaps       bool // that it holds
	dataFile      bool
	unknown       uint64 // incompatible features
}

// span is a range of the file: offset and length in bytes.
type span struct{ at, n int64 }

const (
	headerSizeV2 = 72
	headerSizeV3 = 104
	// maxExtensions is how much of the first cluster is looked through for
	// header extensions. QEMU writes half a KiB.
	maxExtensions = 64 << 10
	maxBackName   = 1023
)

// ReadHeader reads the header of an image, of whatever features; fileSize is
// the size of r. Errors: ErrNotQcow2, ErrDamaged, and those of r.
func ReadHeader(r io.ReaderAt, fileSize int64) (Header, error) {
	be := binary.BigEndian
	b := make([]byte, max(0, min(fileSize, maxExtensions)))
	if err := readFull(r, b, 0); err != nil {
		return Header{}, err
	}
	if len(b) < len(magic) || string(b[:4]) != magic {
		return Header{}, fmt.Errorf("%w: it does not begin with QFI\\xfb", ErrNotQcow2)
	}
	if len(b) < headerSizeV2 {
		return Header{}, damaged("the header ends after %d bytes", len(b))
	}
	h := Header{Version: int(be.Uint32(b[4:])), Compression: Zlib, RefcountBits: 16, Snapshots: int(be.Uint32(b[60:]))}
	clusterBits, size, l1 := be.Uint32(b[20:]), be.Uint64(b[24:]), be.Uint64(b[40:])
	switch {
	case h.Version != 2 && h.Version != 3:
		return Header{}, fmt.Errorf("%w: version %d", ErrUnsupported, h.Version)
	case clusterBits < 9 || clusterBits > 21:
		return Header{}, damaged("clusters of 2^%d bytes: there are 2^9 to 2^21", clusterBits)
	case size > math.MaxInt64:
		return Header{}, damaged("a disk of %d bytes", size)
	case l1 > math.MaxInt64:
		return Header{}, damaged("its L1 table stands at %d", l1)
	}
	h.ClusterSize, h.Size, h.l1 = 1<<clusterBits, int64(size), int64(l1)
	h.refcounts = span{int64(be.Uint64(b[48:]) & math.MaxInt64), int64(be.Uint32(b[56:])) << clusterBits}
	h.snapshots = int64(be.Uint64(b[64:]) & math.MaxInt64)
	h.Encrypted = be.Uint32(b[32:]) != 0
	h.l1Entries = int64(be.Uint32(b[36:]))
	end := int64(headerSizeV2)
	if h.Version == 3 {
		var err error
		if end, err = h.readV3(b); err != nil {
			return Header{}, err
		}
	}
	b = b[:min(int64(len(b)), h.ClusterSize)]
	if at, n := be.Uint64(b[8:]), be.Uint32(b[16:]); at != 0 {
		if n == 0 || n > maxBackName || at > uint64(len(b)) || uint64(n) > uint64(len(b))-at {
			return Header{}, damaged("a backing file's name of %d bytes at %d", n, at)
		}
		h.BackingFile = string(b[at:][:n])
		b = b[:at]
	}
	return h, h.readExtensions(b, end)
}

// readV3 reads what version 2 does not have, and returns the header's length.
func (h *Header) readV3(b []byte) (int64, error) {
	be := binary.BigEndian
	if len(b) < headerSizeV3 {
		return 0, damaged("the header ends after %d bytes", len(b))
	}
	features, order, length := be.Uint64(b[72:]), be.Uint32(b[96:]), int64(be.Uint32(b[100:]))
	if order > 6 {
		return 0, damaged("refcounts of 2^%d bits", order)
	}
	if length < headerSizeV3 || length > min(h.ClusterSize, int64(len(b))) {
		return 0, damaged("a header of %d bytes", length)
	}
	h.RefcountBits = 1 << order
	h.Dirty, h.Corrupt = features&featureDirty != 0, features&featureCorrupt != 0
	h.dataFile, h.ExtendedL2 = features&featureDataFile != 0, features&featureExtendedL2 != 0
	h.unknown = features &^ (featureDirty | featureCorrupt | featureDataFile | featureCompression | featureExtendedL2)
	if features&featureCompression != 0 {
		switch {
		case length <= 104:
			return 0, damaged("its compression type is not said")
		case b[104] == typeZstd:
			h.Compression = Zstd
		default:
			h.Compression = Compression(fmt.Sprint("type ", b[104]))
		}
	}
	return length, nil
}

// readExtensions looks for names in the header extensions.
func (h *Header) readExtensions(b []byte, at int64) error {
	be := binary.BigEndian
	for at+8 <= int64(len(b)) {
		kind, n := be.Uint32(b[at:]), int64(be.Uint32(b[at+4:]))
		if at += 8; kind == extensionEnd {
			break
		}
		if n > int64(len(b))-at {
			return damaged("a header extension of %d bytes", n)
		}
		switch kind {
		case extensionBackingFormat:
			h.BackingFormat = string(b[at : at+n])
		case extensionDataFile:
			h.DataFile = string(b[at : at+n])
		case extensionBitmaps:
			h.bitmaps = true
		case extensionCrypto:
			if n >= 16 {
				h.cryptoHeader = span{int64(be.Uint64(b[at:]) & math.MaxInt64), int64(be.Uint64(b[at+8:]) & math.MaxInt64)}
			}
		}
		at += roundUp(n, 8)
	}
	return nil
}

// readable says why an image cannot be read, or what it would lead astray.
func (h *Header) readable(fileSize int64) error {
	switch {
	case h.Encrypted:
		return fmt.Errorf("%w: it is encrypted", ErrUnsupported)
	case h.dataFile:
		return fmt.Errorf("%w: its data are in another file, which it names %q", ErrUnsupported, h.DataFile)
	case h.unknown != 0:
		return fmt.Errorf("%w: incompatible features %#x", ErrUnsupported, h.unknown)
	case h.Compression != Zlib && h.Compression != Zstd:
		return fmt.Errorf("%w: compression of %s", ErrUnsupported, h.Compression)
	case h.ExtendedL2 && h.ClusterSize < 16<<10:
		return damaged("extended L2 entries with clusters of %d bytes", h.ClusterSize)
	case h.l1Entries > maxL1Entries:
		return damaged("an L1 table of %d entries; QEMU reads %d", h.l1Entries, int64(maxL1Entries))
	case h.l1%h.ClusterSize != 0:
		return damaged("its L1 table stands at %d, in the midst of a cluster", h.l1)
	}
	// What follows is bounded by these: 4 Mi entries, of 512 GiB at most.
	need := divideUp(h.Size, h.ClusterSize*h.perL2())
	if need > h.l1Entries {
		return damaged("an L1 table of %d entries; a disk of %d bytes needs %d", h.l1Entries, h.Size, need)
	}
	if need > 0 && (h.l1 > fileSize || need*entrySize > fileSize-h.l1) {
		return damaged("its L1 table stands at %d, past the file's end", h.l1)
	}
	return nil
}

// l2Size is the size of an L2 entry.
func (h *Header) l2Size() int64 {
	if h.ExtendedL2 {
		return 2 * entrySize
	}
	return entrySize
}

func (h *Header) perL2() int64 { return h.ClusterSize / h.l2Size() }

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// readFull reads all of b; the file's end within it is an error.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		return damaged("the file ends at %d", off+int64(n))
	}
	return err
}
