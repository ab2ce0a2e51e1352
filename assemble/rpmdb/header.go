// A package's header as the database has it: "RPM V4 Package format", section
// Header (rpm.org), without the magic that it begins with in a package's file.

package rpmdb

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// Tags of what Package holds ("RPM tags", rpm.org).
const (
	tagSHA256Header    = 273
	tagName            = 1000
	tagVersion         = 1001
	tagRelease         = 1002
	tagEpoch           = 1003
	tagSummary         = 1004
	tagBuildTime       = 1006
	tagInstallTime     = 1008
	tagSize            = 1009
	tagVendor          = 1011
	tagLicense         = 1014
	tagURL             = 1020
	tagArch            = 1022
	tagSourceRPM       = 1044
	tagLongSize        = 5009
	tagModularityLabel = 5096
)

// Types of entries.
const (
	typeInt32       = 4
	typeInt64       = 5
	typeString      = 6
	typeStringArray = 8
	typeI18NString  = 9
)

// header is a package's entries, and the data that they point to.
type header struct {
	entries []byte
	data    []byte
	err     error // the first of the accessors
}

// entrySize is that of an entry: tag, type, offset into the data, count of values.
const entrySize = 16

func readHeader(blob []byte) (*header, error) {
	if len(blob) < 8 {
		return nil, corrupt("a header of %d bytes", len(blob))
	}
	entries, length := uint64(binary.BigEndian.Uint32(blob)), uint64(binary.BigEndian.Uint32(blob[4:]))
	if 8+entrySize*entries+length != uint64(len(blob)) {
		return nil, corrupt("a header of %d entries and %d bytes of data in %d bytes", entries, length, len(blob))
	}
	return &header{entries: blob[8 : 8+entrySize*entries], data: blob[8+entrySize*entries:]}, nil
}

// value is the data from the beginning of a tag's on, if the tag is there and
// of one of the kinds. The last entry counts: what RPM adds to a header when it
// installs the package comes after what the packager wrote.
func (h *header) value(tag uint32, kinds ...uint32) (data []byte, kind uint32) {
	for at := len(h.entries) - entrySize; at >= 0 && h.err == nil; at -= entrySize {
		e := h.entries[at:]
		if binary.BigEndian.Uint32(e) != tag {
			continue
		}
		kind, offset, count := binary.BigEndian.Uint32(e[4:]), binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])
		if !slices.Contains(kinds, kind) || count == 0 || uint64(offset) >= uint64(len(h.data)) {
			h.err = corrupt("tag %d: type %d, %d values at %d of %d", tag, kind, count, offset, len(h.data))
			break
		}
		return h.data[offset:], kind
	}
	return nil, 0
}

// text is a string, the first where there are several (that of the C locale); "" if there is none.
func (h *header) text(tag uint32) string {
	data, kind := h.value(tag, typeString, typeI18NString, typeStringArray)
	if kind == 0 {
		return ""
	}
	text, _, ended := bytes.Cut(data, []byte{0})
	switch {
	case !ended:
		h.err = corrupt("tag %d: the string has no end", tag)
	case len(text) > maxString:
		h.err = tooLarge("tag %d: a string of %d bytes, more than %d", tag, len(text), maxString)
	default:
		return string(text)
	}
	return ""
}

// number is a number, 0 if there is none.
func (h *header) number(tag uint32) uint64 {
	data, kind := h.value(tag, typeInt32, typeInt64)
	switch {
	case kind == typeInt32 && len(data) >= 4:
		return uint64(binary.BigEndian.Uint32(data))
	case kind == typeInt64 && len(data) >= 8:
		return binary.BigEndian.Uint64(data)
	case kind != 0:
		h.err = corrupt("tag %d: the number has no end", tag)
	}
	return 0
}

// time is a date, zero if there is none.
func (h *header) time(tag uint32) time.Time {
	n := h.number(tag)
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(int64(min(n, math.MaxUint32)), 0).UTC()
}
