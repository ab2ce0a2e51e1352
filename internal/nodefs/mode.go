// Modes as Unix's file systems store them.

package nodefs

import "io/fs"

// UnixMode turns Unix's bits into Go's; an unknown type is ModeIrregular.
func UnixMode(m uint16) fs.FileMode {
	mode := fs.FileMode(m & 0o777)
	for _, b := range []struct {
		unix uint16
		mode fs.FileMode
	}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}} {
		if m&b.unix != 0 {
			mode |= b.mode
		}
	}
	switch m >> 12 {
	case 0o01:
		return mode | fs.ModeNamedPipe
	case 0o02:
		return mode | fs.ModeDevice | fs.ModeCharDevice
	case 0o04:
		return mode | fs.ModeDir
	case 0o06:
		return mode | fs.ModeDevice
	case 0o10:
		return mode
	case 0o12:
		return mode | fs.ModeSymlink
	case 0o14:
		return mode | fs.ModeSocket
	}
	return mode | fs.ModeIrregular
}
