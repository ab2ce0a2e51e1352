package arch

import "encoding/binary"

// PEMachine reads the machine field of an EFI executable that begins with b (PE
// format, "COFF File Header").
func PEMachine(b []byte) (machine uint16, ok bool) {
	if len(b) < 64 || string(b[:2]) != "MZ" {
		return 0, false
	}
	at := int64(binary.LittleEndian.Uint32(b[60:]))
	if at+6 > int64(len(b)) || string(b[at:at+4]) != "PE\x00\x00" {
		return 0, false
	}
	return binary.LittleEndian.Uint16(b[at+4:]), true
}

// OfPE is the name of the architecture with this machine field, "" if it is none
// of ours.
func OfPE(machine uint16) string {
	for _, a := range All() {
		if a.PEMachine == machine {
			return a.Name
		}
	}
	return ""
}
