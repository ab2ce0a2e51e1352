package inspect

import "io/fs"

// ModeText is a file's type and permissions as ls -l shows them, such as
// "drwxrwxrwt". (POSIX.1-2017, ls, "STDOUT".)
func ModeText(m fs.FileMode) string {
	b := []byte(m.Perm().String())
	switch m.Type() {
	case fs.ModeDir:
		b[0] = 'd'
	case fs.ModeSymlink:
		b[0] = 'l'
	case fs.ModeNamedPipe:
		b[0] = 'p'
	case fs.ModeSocket:
		b[0] = 's'
	case fs.ModeDevice:
		b[0] = 'b'
	case fs.ModeDevice | fs.ModeCharDevice:
		b[0] = 'c'
	}
	for _, special := range []struct {
		bit    fs.FileMode
		at     int
		letter byte
	}{{fs.ModeSetuid, 3, 's'}, {fs.ModeSetgid, 6, 's'}, {fs.ModeSticky, 9, 't'}} {
		if m&special.bit == 0 {
			continue
		}
		if b[special.at] == '-' { // not to be executed
			special.letter -= 'a' - 'A'
		}
		b[special.at] = special.letter
	}
	return string(b)
}
