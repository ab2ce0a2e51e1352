package console

import "unicode/utf8"

// row is a row of a screen.
type row struct {
	cells   []rune
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
	for len(r.cells) < cols {
		r.cells = append(r.cells, ' ')
	}
}

// put sets one cell and reports whether that changes it.
func (r *row) put(x int, c rune) bool {
	if r.cells[x] == c {
		return false
	}
	r.cells[x] = c
	r.used = max(r.used, x+1)
	return true
}

// erase blanks cells from to to (exclusive) and reports whether that changes any.
func (r *row) erase(from, to int) bool {
	changed := false
	for x := from; x < min(to, r.used); x++ {
		changed = r.put(x, ' ') || changed
	}
	if to >= r.used {
		r.used = min(r.used, from)
	}
	return changed
}

// move copies n cells within the row.
func (r *row) move(to, from, n int) {
	copy(r.cells[to:to+n], r.cells[from:])
	r.used = len(r.cells)
}

// renew empties the row and forgets what was said of it.
func (r *row) renew() *row {
	for x := range r.cells {
		r.cells[x] = ' '
	}
	*r = row{cells: r.cells}
	return r
}

// appendTo appends the first n cells to a text.
func (r *row) appendTo(b []byte, n int) []byte {
	for _, c := range r.cells[:n] {
		b = utf8.AppendRune(b, c)
	}
	return b
}
