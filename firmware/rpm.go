// The layout of an RPM package: lead, signature header, header, payload.
// (RPM's reference manual, "RPM Package format"; lib/header.c for the limits.)

package firmware

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

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

// rpmHeader is a header: what its values are, is looked at when they are read.
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
)

// rpmFile is a package whose structure was read; nothing is said yet about its
// signature.
type rpmFile struct {
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
	for i := range tags {
		e := h.raw[16+16*i:]
		id := binary.BigEndian.Uint32(e)
		if _, twice := h.tags[id]; twice {
			// Two values under one tag: rpm might not take the one that we check.
			return nil, fmt.Errorf("tag %d stands there twice", id)
		}
		h.tags[id] = rpmTag{binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])}
	}
	return h, nil
}

// value is how many values a tag has, and the store from them on; nothing if
// there is no such tag of one of the kinds.
func (h *rpmHeader) value(id uint32, kinds ...uint32) (count uint32, data []byte) {
	t, ok := h.tags[id]
	if !ok || !slices.Contains(kinds, t.kind) || uint64(t.offset) > uint64(len(h.store)) {
		return 0, nil
	}
	return t.count, h.store[t.offset:]
}

// strings returns the values of a string or string array; nil if there is no such tag.
func (h *rpmHeader) strings(id uint32) []string {
	count, rest := h.value(id, rpmString, rpmStringArray)
	var out []string
	for range count {
		s, after, ended := bytes.Cut(rest, []byte{0})
		if !ended {
			return nil
		}
		out, rest = append(out, string(s)), after
	}
	return out
}

// text is a string, "" if there is no such tag.
func (h *rpmHeader) text(id uint32) string { return strings.Join(h.strings(id), "") }

// binary returns a blob; nil if there is no such tag.
func (h *rpmHeader) binary(id uint32) []byte {
	count, data := h.value(id, rpmBinary)
	if count == 0 || uint64(count) > uint64(len(data)) {
		return nil
	}
	return data[:count]
}

// int32 returns the first value of an integer.
func (h *rpmHeader) int32(id uint32) (uint32, bool) {
	if count, data := h.value(id, rpmInt32); count > 0 && len(data) >= 4 {
		return binary.BigEndian.Uint32(data), true
	}
	return 0, false
}
