// Cutting a file in lines where the installer cuts it.

package kickstart

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const byteOrderMark = "\ufeff"

// isLineEnd tells the characters that end a line.
func isLineEnd(r rune) bool {
	return r >= '\n' && r <= '\r' || r >= 0x1c && r <= 0x1e || r == 0x85 || r == 0x2028 || r == 0x2029
}

// cutLine cuts the first line with its end off src, which is not empty.
func cutLine(src []byte) (line, rest []byte) {
	end := eolStart(src)
	if end == len(src) {
		return src, nil
	}
	_, size := utf8.DecodeRune(src[end:])
	if bytes.HasPrefix(src[end:], []byte("\r\n")) {
		size = 2
	}
	return src[:end+size], src[end+size:]
}

// eolStart is the index of the first line end, or the text's length.
func eolStart[T string | []byte](text T) int {
	if at := bytes.IndexFunc([]byte(text), isLineEnd); at >= 0 {
		return at
	}
	return len(text)
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
