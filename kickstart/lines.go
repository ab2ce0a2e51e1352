// Cutting a file in lines where the installer cuts it.

package kickstart

import (
	"bytes"
	"strings"
	"unicode"
)

const byteOrderMark = "\ufeff"

// eolLen is the length of the line end at the beginning of b, 0 if there is
// none.
func eolLen[T string | []byte](b T) int {
	switch b[0] {
	case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e:
		return 1
	case '\r':
		if len(b) > 1 && b[1] == '\n' {
			return 2
		}
		return 1
	case 0xc2: // U+0085, next line
		if len(b) > 1 && b[1] == 0x85 {
			return 2
		}
	case 0xe2: // U+2028 and U+2029, line and paragraph separators
		if len(b) > 2 && b[1] == 0x80 && (b[2] == 0xa8 || b[2] == 0xa9) {
			return 3
		}
	}
	return 0
}

// cutLine cuts the first line with its end off src, which is not empty.
func cutLine(src []byte) (line, rest []byte) {
	for i, c := range src {
		if c >= ' ' && c < 0x7f {
			continue
		}
		if n := eolLen(src[i:]); n > 0 {
			return src[:i+n], src[i+n:]
		}
	}
	return src, nil
}

// eolStart is the index of the line end of a line made by cutLine, or its
// length.
func eolStart[T string | []byte](line T) int {
	for n := 1; n <= 3 && n <= len(line); n++ {
		if eolLen(line[len(line)-n:]) == n {
			if n == 1 && line[len(line)-1] == '\n' && len(line) > 1 && line[len(line)-2] == '\r' {
				return len(line) - 2
			}
			return len(line) - n
		}
	}
	return len(line)
}

// isSpace tells white space as the installer does: Unicode's, and the ASCII
// separators FS to US.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
}

// trimLeft removes white space at the beginning of line.
func trimLeft(line []byte) []byte { return bytes.TrimLeftFunc(line, isSpace) }

// firstField is the first word of line by white space alone.
func firstField(line string) string {
	line = strings.TrimLeftFunc(line, isSpace)
	if end := strings.IndexFunc(line, isSpace); end >= 0 {
		return line[:end]
	}
	return line
}
