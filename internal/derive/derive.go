// Package derive makes identifiers and dates out of what a thing is made from,
// so that the same inputs give the same bytes. Nothing here asks a clock or a
// source of randomness.
package derive

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// namespace is the root of imgasm's derived identifiers: the UUIDv5 of the
// project's URL in RFC 9562's URL namespace.
var namespace = uuid5([16]byte{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8},
	"https://github.com/imgasm/imgasm")

// UUID derives an identifier (version 5, in small letters) from a seed, such as
// the hash of a specification, and the name of what it is for. Equal arguments
// give equal identifiers, different ones different identifiers.
func UUID(seed, name string) string {
	u := uuid5(namespace, seed+"\x00"+name)
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// GUID is UUID in capitals, as partition tables are shown.
func GUID(seed, name string) string { return strings.ToUpper(UUID(seed, name)) }

// VolumeID derives the serial number of a FAT file system in the same way.
func VolumeID(seed, name string) uint32 {
	u := uuid5(namespace, seed+"\x00"+name)
	return binary.BigEndian.Uint32(u[:])
}

// Date derives a date between 2000 and 2020 from a seed. That different seeds
// give different dates matters: blkid makes an ISO 9660 volume's UUID of it.
func Date(seed string) time.Time {
	const span = 20 * 365 * 24 * 3600
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	return start.Add(time.Duration(VolumeID(seed, "date")%span) * time.Second)
}

// uuid5 is RFC 9562, section 5.5.
func uuid5(space [16]byte, name string) [16]byte {
	sum := sha1.Sum(append(space[:], name...))
	var u [16]byte
	copy(u[:], sum[:])
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return u
}
