// This file reads sizes and partition layouts as people write them.

package disk

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/size"
)

// ParseSize reads the size of a disk or partition, as size.Parse does. The
// result is a positive multiple of 512; the error wraps ErrSize.
func ParseSize(text string) (int64, error) {
	n, err := size.Parse(text)
	switch {
	case err != nil:
		return 0, &fault.Error{Class: ErrSize, Err: err}
	case n <= 0:
		return 0, &fault.Error{Class: ErrSize, Err: fmt.Errorf("size %q: must be more than nothing", text)}
	case n%SectorSize != 0:
		return 0, &fault.Error{Class: ErrSize, Err: fmt.Errorf("size %q: not a multiple of %d bytes", text, SectorSize)}
	}
	return n, nil
}

// partitionTypes are the names that ParseLayout knows.
var partitionTypes = []struct{ name, guid, label string }{
	{"esp", TypeESP, "EFI System Partition"},
	{"biosboot", TypeBIOSBoot, "BIOS boot"},
	{"boot", TypeBoot, "boot"},
	{"linux", TypeLinux, "Linux"},
	{"swap", TypeSwap, "swap"},
	{"lvm", TypeLVM, "LVM"},
	{"data", TypeBasicData, "data"},
}

// ParseLayout reads partitions "TYPE:SIZE[:NAME]", separated by commas, and
// puts them one after the other on a disk of sizeBytes, each at a multiple of
// 1 MiB. TYPE is esp, biosboot, boot, linux, swap, lvm, data or a GUID. SIZE
// is ParseSize's; the last may be "rest". Identifiers are derived from seed.
// The error wraps ErrLayout or ErrSize.
func ParseLayout(text string, sizeBytes int64, seed string) (Layout, error) {
	l := Layout{SizeBytes: sizeBytes, GUID: derive.GUID(seed, "disk")}
	next := int64(Alignment)
	parts := strings.Split(text, ",")
	refuse := func(format string, args ...any) (Layout, error) {
		return l, &fault.Error{Class: ErrLayout, Err: fmt.Errorf("partition "+format, args...)}
	}
	for i, part := range parts {
		fields := strings.SplitN(part, ":", 3)
		if len(fields) < 2 {
			return refuse("%q: write TYPE:SIZE or TYPE:SIZE:NAME", part)
		}
		p := Partition{Type: fields[0], StartBytes: next, GUID: derive.GUID(seed, "partition "+strconv.Itoa(i+1))}
		for _, t := range partitionTypes {
			if fields[0] == t.name {
				p.Type, p.Name = t.guid, t.label
			}
		}
		if !guidForm.MatchString(p.Type) {
			return refuse("%q: type %q is none of %s, nor a GUID", part, fields[0], typeNames())
		}
		if len(fields) == 3 {
			p.Name = fields[2]
		}
		switch {
		case fields[1] != "rest":
			n, err := ParseSize(fields[1])
			if err != nil {
				return l, fmt.Errorf("partition %q: %w", part, err)
			}
			p.SizeBytes = n
		case i != len(parts)-1:
			return refuse("%q: only the last can have the rest", part)
		default:
			p.SizeBytes = (sizeBytes-gptSectors*SectorSize)&^(Alignment-1) - next
		}
		l.Partitions = append(l.Partitions, p)
		if p.SizeBytes > sizeBytes {
			break // Validate says so; adding up would overflow
		}
		next = alignUp(next + p.SizeBytes)
	}
	return l, l.Validate()
}

func typeNames() string {
	var names []string
	for _, t := range partitionTypes {
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}
