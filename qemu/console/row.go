package console

import (
	"bytes"
	"unicode/utf8"
)

// row is a row of a screen. While all characters in it are ASCII, which is
// nearly always, they are bytes: those are quick to compare and to copy.
type row struct {
	ascii   []byte
	runes   []rune // the same, once something else was written; then ascii is not used
	used    int    // behind these cells all are blank
	wraps   bool   // the row below continues this one
	changed bool   // since it was last considered
	inverse bool   // has characters in reverse video: tmux's status line
	line    int    // line of the raw log in which it was last changed
	said    string // what was reported for the line that begins here
	partial string // and by the last flush
}

// widen adds blank cells up to cols.
func (r *row) widen(cols int) {
	r.ascii = append(r.ascii, bytes.Repeat([]byte{' '}, cols-len(r.ascii))...)
	for r.runes != nil && len(r.runes) < cols {
		r.runes = append(r.runes, ' ')
	}
}

// put sets one cell and reports whether that changes it.
func (r *row) put(x int, c rune) bool {
	if r.runes == nil {
		if c < utf8.RuneSelf {
			if r.ascii[x] == byte(c) {
				return false
			}
			r.ascii[x] = byte(c)
			r.used = max(r.used, x+1)
			return true
		}
		r.runes = make([]rune, len(r.ascii))
		for i, b := range r.ascii {
			r.runes[i] = rune(b)
		}
	}
	if r.runes[x] == c {
		return false
	}
	r.runes[x] = c
	r.used = max(r.used, x+1)
	return true
}

// write sets cells from x on to ASCII characters and reports whether that
// changes any.
func (r *row) write(x int, p []byte) bool {
	if r.runes != nil {
		changed := false
		for i, b := range p {
			changed = r.put(x+i, rune(b)) || changed
		}
		return changed
	}
	cells := r.ascii[x : x+len(p)]
	if bytes.Equal(cells, p) {
		return false
	}
	copy(cells, p)
	r.used = max(r.used, x+len(p))
	return true
}

// erase blanks cells from to to (exclusive) and reports whether that changes any.
func (r *row) erase(from, to int) bool {
	changed := false
	for x := from; x < min(to, r.used); x++ {
		if r.runes != nil {
			changed = r.put(x, ' ') || changed
		} else if r.ascii[x] != ' ' {
			r.ascii[x], changed = ' ', true
		}
	}
	if to >= r.used {
		r.used = min(r.used, from)
	}
	return changed
}

// move copies n cells within the row.
func (r *row) move(to, from, n int) {
	if r.runes != nil {
		copy(r.runes[to:to+n], r.runes[from:])
	} else {
		copy(r.ascii[to:to+n], r.ascii[from:])
	}
	r.used = len(r.ascii)
}

var blanks = bytes.Repeat([]byte{' '}, maxScreenCols)

// renew empties the row and forgets what was said of it.
func (r *row) renew() *row {
	used := len(r.ascii)
	if r.runes == nil {
		used = r.used
	}
	copy(r.ascii[:used], blanks)
	*r = row{ascii: r.ascii}
	return r
}

// appendTo appends the first n cells to a text.
func (r *row) appendTo(b []byte, n int) []byte {
	if r.runes == nil {
		return append(b, r.ascii[:n]...)
	}
	for _, c := range r.runes[:n] {
		b = utf8.AppendRune(b, c)
	}
	return b
}
