// The numbers of the format, and the header as it is written.

package qcow2

import "encoding/binary"

const (
	magic      = "QFI\xfb"
	sectorSize = 512

	entrySize    = 8            // of L1, L2 and refcount tables
	maxL1Entries = 32 << 20 / 8 // QEMU's limit, section "Header"
	maxTableSize = 8 << 20      // of the refcount table; QEMU's limit

	copied     = 1 << 63                     // L1 and L2 entries: the refcount is exactly one
	compressed = 1 << 62                     // L2 entries
	zeroFlag   = 1                           // L2 entries
	offsetMask = 1<<56 - 1<<9                // L1 and L2 entries
	reserved   = 1<<62 - 1<<56 | 1<<9 - 1<<1 // L2 entries; L1 entries have bits 0 and 62 too
	headerSize = 112                         // with the compression type, as QEMU writes since 5.1
)

// Incompatible features, section "Header".
const (
	featureDirty = 1 << iota
	featureCorrupt
	featureDataFile
	featureCompression
	featureExtendedL2
)

// Compression types, section "Additional fields".
const (
	typeZlib = 0
	typeZstd = 1
)

// Header extensions, section "Header extensions".
const (
	extensionEnd           = 0
	extensionFeatureNames  = 0x6803f857
	extensionBackingFormat = 0xe2792aca
	extensionDataFile      = 0x44415441
	extensionBitmaps       = 0x23852875
	extensionCrypto        = 0x0537be77
)

// featureNames is the feature name table: who reads an image and does not know
// a feature can name it. (Section "Feature name table".)
var featureNames = []struct {
	kind, bit byte
	name      string
}{
	{0, 0, "dirty bit"},
	{0, 1, "corrupt bit"},
	{0, 2, "external data file"},
	{0, 3, "compression type"},
	{0, 4, "extended L2 entries"},
	{1, 0, "lazy refcounts"},
	{2, 0, "bitmaps"},
	{2, 1, "raw external data"},
}

// layout is what the header says about the rest of the file.
type layout struct {
	geometry
	compression    Compression
	backing        backing
	l1             int64 // offset
	refcounts      int64 // offset of the refcount table
	refcountLength int64 // in clusters
}

// backing names the file that holds what the image does not; "": there is none.
type backing struct{ name, format string }

// header is the first bytes of an image.
func (l layout) header() []byte {
	be := binary.BigEndian
	h := make([]byte, headerSize, 1024)
	copy(h, magic)
	be.PutUint32(h[4:], 3)
	be.PutUint32(h[20:], uint32(l.clusterBits))
	be.PutUint64(h[24:], uint64(l.size))
	be.PutUint32(h[36:], uint32(l.l1Entries))
	be.PutUint64(h[40:], uint64(l.l1))
	be.PutUint64(h[48:], uint64(l.refcounts))
	be.PutUint32(h[56:], uint32(l.refcountLength))
	be.PutUint32(h[96:], 4) // refcounts of 2^4 bits
	be.PutUint32(h[100:], headerSize)
	if l.compression == Zstd || l.compression == ZstdFast {
		be.PutUint64(h[72:], featureCompression)
		h[104] = typeZstd
	}
	if l.backing.name != "" {
		h = be.AppendUint32(h, extensionBackingFormat)
		h = be.AppendUint32(h, uint32(len(l.backing.format)))
		h = append(h, l.backing.format...)
		h = append(h, make([]byte, roundUp(int64(len(h)), 8)-int64(len(h)))...)
	}
	h = be.AppendUint32(h, extensionFeatureNames)
	h = be.AppendUint32(h, uint32(48*len(featureNames)))
	for _, f := range featureNames {
		var entry [48]byte
		entry[0], entry[1] = f.kind, f.bit
		copy(entry[2:], f.name)
		h = append(h, entry[:]...)
	}
	h = append(h, make([]byte, 8)...) // extensionEnd, of no length
	if l.backing.name != "" {
		be.PutUint64(h[8:], uint64(len(h)))
		be.PutUint32(h[16:], uint32(len(l.backing.name)))
		h = append(h, l.backing.name...)
	}
	return h
}
