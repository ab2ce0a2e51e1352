// From lines and columns back to bytes.

package kickstart

import "unicode/utf8"

// Locator returns a function that gives the byte offset in f.Bytes() of a line
// and column as findings have them. What lies behind the end of a line or of
// the file is its end.
func (f *File) Locator() func(line, column int) int {
	src := f.Bytes()
	var starts []int
	for rest := src; len(rest) > 0; {
		starts = append(starts, len(src)-len(rest))
		_, rest = cutLine(rest)
	}
	return func(line, column int) int {
		if line < 1 || line > len(starts) {
			return len(src)
		}
		at := starts[line-1]
		text, _ := cutLine(src[at:])
		text = text[:eolStart(text)]
		for ; column > 1 && len(text) > 0; column-- {
			_, size := utf8.DecodeRune(text)
			at += size
			text = text[size:]
		}
		return at
	}
}
