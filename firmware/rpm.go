// The layout of an RPM package: lead, signature header, header, payload.
// (RPM's reference manual, "RPM Package format"; lib/header.c for the limits.)
// Everything is checked before the rpm library parses it: the library
// allocates what a header claims.

package firmware

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrNotRPM says that a file is no RPM package.
var ErrNotRPM = fault.Class(fault.Input, "is not an RPM package")

// Limits for one header. edk2 packages have some 100 tags and 100 KiB; those
// with a hundred thousand files, which firmware is not, have 20 MiB.
const (
	maxRPMTags  = 4096
	maxRPMStore = 16 << 20
)

const leadSize = 96

// rpmTag is an entry of a header's index.
type rpmTag struct {
	kind, offset, count uint32
}

// rpmHeader is a header whose index fits its store.
type rpmHeader struct {
	raw   []byte // from the magic to the end of the store: what signatures cover
	store []byte
	tags  map[uint32]rpmTag
}

// Types of values (rpmTagType).
const (
	rpmInt32       = 4
	rpmString      = 6
	rpmBinary      = 7
	rpmStringArray = 8
	rpmI18N        = 9
)

// rpmSizes is the size of one element of each type; 1 for strings, whose real
// size is found by their NULs.
var rpmSizes = []uint64{0, 1, 1, 2, 4, 8, 1, 1, 1, 1}

// rpmFile is a package whose structure was read and found sound; nothing is
// said yet about its signature.
type rpmFile struct {
	head          []byte // lead, signature header and header: what the rpm library reads
	signature     *rpmHeader
	header        *rpmHeader
	payloadOffset int64
}

func readRPM(r io.ReaderAt, size int64) (*rpmFile, error) {
	lead := make([]byte, leadSize)
	if n, err := r.ReadAt(lead, 0); n < leadSize {
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, ErrNotRPM
	}
	if !bytes.Equal(lead[:4], []byte{0xed, 0xab, 0xee, 0xdb}) {
		return nil, ErrNotRPM
	}
	f := &rpmFile{}
	at := int64(leadSize)
	var err error
	if f.signature, err = readRPMHeader(r, at, size); err != nil {
		return nil, fmt.Errorf("signature header: %w", err)
	}
	// The signature header is padded to a multiple of 8; the header is not.
	at += (int64(len(f.signature.raw)) + 7) &^ 7
	if f.header, err = readRPMHeader(r, at, size); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	f.payloadOffset = at + int64(len(f.header.raw))
	f.head = make([]byte, f.payloadOffset)
	if n, err := r.ReadAt(f.head, 0); n < len(f.head) {
		return nil, fmt.Errorf("header: %w", err)
	}
	return f, nil
}

func readRPMHeader(r io.ReaderAt, at, size int64) (*rpmHeader, error) {
	intro := make([]byte, 16)
	if n, _ := r.ReadAt(intro, at); n < len(intro) {
		return nil, io.ErrUnexpectedEOF
	}
	if !bytes.Equal(intro[:4], []byte{0x8e, 0xad, 0xe8, 0x01}) {
		return nil, fmt.Errorf("%w: no header at offset %d", ErrNotRPM, at)
	}
	tags, store := binary.BigEndian.Uint32(intro[8:]), binary.BigEndian.Uint32(intro[12:])
	if tags == 0 || tags > maxRPMTags || store > maxRPMStore {
		return nil, fmt.Errorf("%d tags and %d bytes; at most %d and %d are read", tags, store, maxRPMTags, maxRPMStore)
	}
	length := 16 + int64(tags)*16 + int64(store)
	if at+length > size {
		return nil, io.ErrUnexpectedEOF
	}
	h := &rpmHeader{raw: make([]byte, length), tags: make(map[uint32]rpmTag, tags)}
	if n, err := r.ReadAt(h.raw, at); n < len(h.raw) {
		return nil, err
	}
	h.store = h.raw[16+16*tags:]
	claimed := uint64(0)
	for i := range tags {
		e := h.raw[16+16*i:]
		id := binary.BigEndian.Uint32(e)
		t := rpmTag{binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])}
		if err := h.fits(t); err != nil {
			return nil, fmt.Errorf("tag %d: %w", id, err)
		}
		// Values of a real header don't overlap, but for the region tag's 16
		// bytes; ones that do could claim gigabytes with a few KiB.
		if claimed += uint64(t.count) * rpmSizes[t.kind]; claimed > uint64(store)+16 {
			return nil, fmt.Errorf("tag %d: overlaps others", id)
		}
		if _, twice := h.tags[id]; twice {
			// Two values under one tag: whoever checks and whoever uses them
			// might not take the same one.
			return nil, fmt.Errorf("tag %d stands there twice", id)
		}
		h.tags[id] = t
	}
	return h, nil
}

// fits checks that a value lies within the store, whatever reads it.
func (h *rpmHeader) fits(t rpmTag) error {
	if t.kind == 0 || int(t.kind) >= len(rpmSizes) || t.count == 0 {
		return fmt.Errorf("type %d with %d values", t.kind, t.count)
	}
	if uint64(t.offset)+uint64(t.count)*rpmSizes[t.kind] > uint64(len(h.store)) {
		return errors.New("lies outside of the header")
	}
	if t.kind != rpmString && t.kind != rpmStringArray && t.kind != rpmI18N {
		return nil
	}
	if t.kind == rpmString && t.count != 1 {
		return fmt.Errorf("a string with %d values", t.count)
	}
	rest := h.store[t.offset:]
	for range t.count {
		i := bytes.IndexByte(rest, 0)
		if i < 0 {
			return errors.New("a string without an end")
		}
		rest = rest[i+1:]
	}
	return nil
}

// strings returns the values of a string or string array; nil if there is no such tag.
func (h *rpmHeader) strings(id uint32) []string {
	t, ok := h.tags[id]
	if !ok || (t.kind != rpmString && t.kind != rpmStringArray) {
		return nil
	}
	var out []string
	rest := h.store[t.offset:]
	for range t.count {
		s, after, _ := bytes.Cut(rest, []byte{0})
		out, rest = append(out, string(s)), after
	}
	return out
}

// binary returns a blob; nil if there is no such tag.
func (h *rpmHeader) binary(id uint32) []byte {
	t, ok := h.tags[id]
	if !ok || t.kind != rpmBinary {
		return nil
	}
	return h.store[t.offset : t.offset+t.count]
}

// int32 returns the first value of an integer.
func (h *rpmHeader) int32(id uint32) (uint32, bool) {
	t, ok := h.tags[id]
	if !ok || t.kind != rpmInt32 {
		return 0, false
	}
	return binary.BigEndian.Uint32(h.store[t.offset:]), true
}
