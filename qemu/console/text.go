package console

import "strings"

// pieces makes strings of many short texts in few pieces of memory. One that is
// kept keeps a piece.
type pieces struct{ last strings.Builder }

const pieceSize = 2 << 10

func (t *pieces) text(p []byte) string {
	if len(p) > pieceSize/4 {
		return string(p)
	}
	begin := t.last.Len()
	if begin+len(p) > t.last.Cap() {
		t.last.Reset()
		t.last.Grow(pieceSize)
		begin = 0
	}
	t.last.Write(p)
	return t.last.String()[begin:]
}

// trim cuts blanks off a text's end.
func trim(s string) string {
	for s != "" && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}

// trimmed does the same to bytes.
func trimmed(b []byte) []byte {
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return b
}
