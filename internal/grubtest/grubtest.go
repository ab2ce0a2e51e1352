// Package grubtest makes what tests take for a GRUB image.
package grubtest

import "encoding/binary"

// Image is a PE file for a machine (PE format, "COFF File Header") with one
// section, "mods", which has GRUB's object of the prefix: the folder where it
// looks for grub.cfg, as grub-mkimage -p puts it there.
func Image(machine uint16, prefix string) []byte {
	le := binary.LittleEndian
	object := le.AppendUint32(nil, 3)
	object = le.AppendUint32(object, uint32(8+len(prefix)))
	object = append(object, prefix...)
	mods := append([]byte("mimg\x00\x00\x00\x00"), 24, 0, 0, 0, 0, 0, 0, 0)
	mods = le.AppendUint64(mods, uint64(24+len(object)))
	mods = append(mods, object...)

	b := make([]byte, 512)
	copy(b, "MZ")
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00")
	le.PutUint16(b[0x84:], machine)
	le.PutUint16(b[0x86:], 1) // sections, and no optional header
	s := b[0x98:]
	copy(s, "mods")
	le.PutUint32(s[8:], uint32(len(mods)))
	le.PutUint32(s[16:], uint32(len(mods)))
	le.PutUint32(s[20:], 512)
	return append(b, mods...)
}
