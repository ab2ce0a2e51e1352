package console

import "bytes"

// screen is the screen that tmux paints: a grid, a cursor and a scroll region.
// It does what a VT220 does with the sequences that tmux, ncurses and agetty
// send to one, and keeps two things that a picture of the screen would not
// tell: which rows are one long line that was wrapped, and which of them have
// changed since they were last reported (see follow.go).
type screen struct {
	cols        int
	rows        []*row
	x, y        int
	wrapNext    bool // the last column was written: the next character goes to the next row
	top, bottom int  // scroll region, both inclusive
	reverse     bool
	savedX      int
	savedY      int
	last        rune // for REP
	jumped      bool // the cursor was placed, and nothing has been written there yet
	first       int  // no row above this one has changed since it was considered
	follower
}

const (
	screenRows, screenCols       = 24, 80 // until the stream tells otherwise
	maxScreenRows, maxScreenCols = 500, 1000
)

func newScreen(r *Reader) *screen {
	s := &screen{cols: screenCols, bottom: screenRows - 1, follower: follower{reader: r}}
	s.grow(screenRows)
	return s
}

func (s *screen) grow(rows int) {
	more := make([]row, max(0, rows-len(s.rows)))
	for i := range more {
		more[i].widen(s.cols)
		s.rows = append(s.rows, &more[i])
	}
}

// widen gives the screen more columns. The only thing that tells the width is
// tmux's status line, which is padded to it.
func (s *screen) widen(cols int) {
	for _, r := range s.rows {
		r.widen(cols)
	}
	s.cols = cols
}

// region does DECSTBM with 1-based rows.
func (s *screen) region(top, bottom int) {
	if bottom > len(s.rows) && bottom <= maxScreenRows {
		s.grow(bottom)
	}
	top, bottom = top-1, min(bottom, len(s.rows))-1
	if top >= bottom {
		return
	}
	s.top, s.bottom = top, bottom
	s.goTo(0, 0)
	s.jumped = true
}

func (s *screen) goTo(x, y int) {
	s.x, s.y = max(0, min(x, s.cols-1)), max(0, min(y, len(s.rows)-1))
	s.wrapNext = false
}

// went moves the cursor over a cell that was written.
func (s *screen) went() {
	if s.x++; s.x == s.cols {
		s.x--
		s.wrapNext = true
	}
}

// touch notes that a row has changed by something written.
func (s *screen) touch(y int) {
	r := s.rows[y]
	r.changed = true
	r.line = s.reader.feeds + 1
	s.first = min(s.first, y)
}

func (s *screen) print(c rune) {
	s.begin()
	s.set(s.y, s.x, c)
	s.last = c
	s.went()
}

// begin is called before something is written: the cursor goes where it will
// stand, and lines end by it.
func (s *screen) begin() {
	s.settle()
	s.jumped = false
	lastRow := s.y == len(s.rows)-1
	if s.wrapNext {
		if lastRow && s.reverse && s.cols < maxScreenCols {
			s.widen(s.cols + 1)
			s.x++
			s.wrapNext = false
		} else {
			s.rows[s.y].wraps = true
			s.wrapNext = false
			s.x = 0
			s.down()
			lastRow = s.y == len(s.rows)-1
		}
	} else if s.x == 0 && s.y > 0 && s.rows[s.y-1].wraps {
		s.rows[s.y-1].wraps = false // a line of its own begins here
	}
	if !lastRow {
		s.wrote()
	}
}

// set changes one cell.
func (s *screen) set(y, x int, c rune) {
	r := s.rows[y]
	if s.reverse && c != ' ' {
		r.inverse = true
	}
	if r.put(x, c) {
		s.touch(y)
	}
}

// clear blanks columns from to to (exclusive) of a row.
func (s *screen) clear(y, from, to int) {
	r := s.rows[y]
	if r.erase(from, to) {
		r.changed = true
		s.first = min(s.first, y)
	}
	if to == s.cols {
		r.wraps = false
		if from == 0 {
			r.inverse = false
		}
	}
}

// lineFeed goes down a row, scrolling at the bottom of the region. What stands
// in the row that is left, and above it, is then a line that has ended, unless
// it is tmux that scrolls: see hold.
func (s *screen) lineFeed() {
	if s.jumped && s.x == 0 && s.y == s.bottom {
		s.hold()
	} else {
		s.settle()
		s.ended(s.y)
	}
	s.wrapNext = false
	s.down()
}

func (s *screen) down() {
	if s.y == s.bottom {
		s.scrollUp(s.top, 1)
	} else if s.y < len(s.rows)-1 {
		s.y++
	}
}

func (s *screen) scrollUp(top, n int) {
	n = min(n, s.bottom-top+1)
	if n <= 0 {
		return
	}
	if top == 0 {
		s.leaving(n)
	}
	rows := s.rows[top : s.bottom+1]
	for range n { // one at a time, so that rows need no copies
		gone := rows[0]
		copy(rows, rows[1:])
		rows[len(rows)-1] = gone.renew()
	}
	if top > 0 {
		s.rows[top-1].wraps = false
	}
	if s.first > top {
		s.first = max(top, s.first-n)
	}
}

func (s *screen) scrollDown(top, n int) {
	n = min(n, s.bottom-top+1)
	if n <= 0 {
		return
	}
	rows := s.rows[top : s.bottom+1]
	for range n {
		gone := rows[len(rows)-1]
		copy(rows[1:], rows)
		rows[0] = gone.renew()
	}
	if top > 0 {
		s.rows[top-1].wraps = false
	}
	s.rows[s.bottom].wraps = false
}

// text returns the line that stands in rows first to last, without blanks at
// its end.
func (s *screen) text(first, last int) string {
	var b []byte
	for y := first; y < last; y++ {
		b = s.rows[y].appendTo(b, s.cols)
	}
	b = s.rows[last].appendTo(b, s.rows[last].used)
	return string(bytes.TrimRight(b, " "))
}
