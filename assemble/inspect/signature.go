// This file knows what else a partition may hold: what is named, but not read.

package inspect

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// signatures are magic numbers, and where the identifier and name behind them
// are, from the volume's beginning.
var signatures = []struct {
	kind        string
	at          int64
	magic       string
	uuid, label field
}{
	// The two that are read, where they cannot be.
	{"xfs", 0, "XFSB", field{32, 16}, field{108, 12}},
	{"ext4", 1024 + 56, "\x53\xef", field{1024 + 104, 16}, field{1024 + 120, 16}},
	{"swap", 4096 - 10, "SWAPSPACE2", field{1036, 16}, field{1052, 16}}, // include/linux/swap.h, pages of 4 KiB
	{"swap", 16384 - 10, "SWAPSPACE2", field{1036, 16}, field{1052, 16}},
	{"swap", 65536 - 10, "SWAPSPACE2", field{1036, 16}, field{1052, 16}},
	{"LVM2_member", 512 + 24, "LVM2 001", field{512 + 32, 32}, field{}}, // the label is in one of the first four sectors
	{"crypto_LUKS", 0, "LUKS\xba\xbe\x00\x02", field{168, 40}, field{24, 48}},
	{"crypto_LUKS", 0, "LUKS\xba\xbe", field{168, 40}, field{}},
	{"btrfs", 65536 + 64, "_BHRfS_M", field{65536 + 32, 16}, field{65536 + 299, 256}},
	{"squashfs", 0, "hsqs", field{}, field{}},
	{"iso9660", 32768 + 1, "CD001", field{}, field{32768 + 40, 32}},
	{"ntfs", 3, "NTFS    ", field{}, field{}},
	{"exfat", 3, "EXFAT   ", field{}, field{}},
}

// field is where something is, and how many bytes it has.
type field struct{ at, size int64 }

func (f field) read(r io.ReaderAt) ([]byte, error) {
	b := make([]byte, f.size)
	n, err := r.ReadAt(b, f.at)
	if n == len(b) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return b[:n], nil
	}
	return nil, err
}

// signature names what r holds by its magic number.
func (v *Volume) signature(r io.ReaderAt) error {
	for _, s := range signatures {
		b, err := field{s.at, int64(len(s.magic))}.read(r)
		if err != nil {
			return err
		}
		if string(b) != s.magic {
			continue
		}
		uuid, err := s.uuid.read(r)
		if err != nil {
			return err
		}
		label, err := s.label.read(r)
		if err != nil {
			return err
		}
		v.Kind, v.UUID = s.kind, identifier(uuid)
		label, _, _ = bytes.Cut(label, []byte{0})
		v.Label = strings.TrimRight(string(label), " ")
		if s.kind != "swap" {
			v.Unread = cmp.Or(v.Unread, "imgasm reads no "+s.kind)
		}
		return nil
	}
	return nil
}

// identifier writes 16 bytes as a UUID, 32 as LVM does, and 40 as they are.
func identifier(b []byte) string {
	switch len(b) {
	case 16:
		u := binary.BigEndian
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%x", u.Uint32(b), u.Uint16(b[4:]), u.Uint16(b[6:]), u.Uint16(b[8:]), b[10:])
	case 32:
		var parts []string
		for _, n := range []int{6, 4, 4, 4, 4, 4, 6} {
			parts = append(parts, string(b[:n]))
			b = b[n:]
		}
		return strings.Join(parts, "-")
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}
