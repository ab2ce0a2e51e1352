package console

// What control characters and sequences do to a screen (ECMA-48; DEC VT220
// Programmer Reference Manual, chapter 4).

func (s *screen) control(c byte) {
	switch c {
	case '\r':
		s.x, s.wrapNext = 0, false
	case '\b':
		s.goTo(s.x-1, s.y)
	case '\t':
		s.goTo((s.x/tabWidth+1)*tabWidth, s.y)
	case '\v', '\f':
		s.lineFeed()
	}
}

func (s *screen) escape(final byte) {
	s.settle()
	switch final {
	case 'D': // IND
		s.lineFeed()
	case 'E': // NEL
		s.lineFeed()
		s.x = 0
	case 'M': // RI
		if s.y == s.top {
			s.scrollDown(s.top, 1)
		} else {
			s.goTo(s.x, s.y-1)
		}
		s.wrapNext = false
	case '7':
		s.savedX, s.savedY = s.x, s.y
	case '8':
		s.goTo(s.savedX, s.savedY)
	}
}

func (s *screen) csi(q *sequence) {
	if q.prefix != 0 || q.intermediate != 0 {
		return
	}
	n := q.arg(0, 1)
	if s.held {
		switch q.final {
		case 'K', 'm', 'r', 'h', 'l', 'H', 'f':
		default:
			s.settle()
		}
	}
	switch q.final {
	case 'H', 'f':
		y, x := n-1, q.arg(1, 1)-1
		s.release(x, y)
		if x == 0 && y == 0 {
			s.repaint()
		}
		s.goTo(x, y)
		s.jumped = true
	case 'J':
		s.eraseDisplay(q.arg(0, 0))
	case 'K':
		s.eraseLine(q.arg(0, 0))
	case 'X':
		s.clear(s.y, s.x, min(s.x+n, s.cols))
	case '@':
		s.insertCells(n)
	case 'P':
		s.deleteCells(n)
	case 'L':
		if s.y >= s.top && s.y <= s.bottom {
			s.scrollDown(s.y, n)
		}
	case 'M':
		if s.y >= s.top && s.y <= s.bottom {
			s.scrollUp(s.y, n)
		}
	case 'S':
		s.scrollUp(s.top, n)
	case 'T':
		s.scrollDown(s.top, n)
	case 'b':
		for range min(n, s.cols) {
			s.print(max(s.last, ' '))
		}
	case 'm':
		s.rendition(q)
	case 'r': // without two sensible rows: the whole screen
		s.top, s.bottom = 0, len(s.rows)-1
		s.goTo(0, 0)
	default:
		s.moveCursor(q.final, n)
	}
}

// moveCursor does CUU, CUD, CUF, CUB, CNL, CPL, CHA, HPA and VPA.
func (s *screen) moveCursor(final byte, n int) {
	switch final {
	case 'A':
		s.goTo(s.x, s.y-n)
	case 'B':
		s.goTo(s.x, s.y+n)
	case 'C':
		s.goTo(s.x+n, s.y)
	case 'D':
		s.goTo(s.x-n, s.y)
	case 'E':
		s.goTo(0, s.y+n)
	case 'F':
		s.goTo(0, s.y-n)
	case 'G', '`':
		s.goTo(n-1, s.y)
	case 'd':
		s.goTo(s.x, n-1)
	}
}

func (s *screen) rendition(q *sequence) {
	if q.n == 0 {
		s.reverse = false
	}
	for i := range q.n {
		switch q.args[i] {
		case 0, 27:
			s.reverse = false
		case 7:
			s.reverse = true
		case 38, 48: // a colour's own parameters follow
			return
		}
	}
}

func (s *screen) eraseLine(how int) {
	switch how {
	case 0:
		s.clear(s.y, s.x, s.cols)
	case 1:
		s.clear(s.y, 0, s.x+1)
	case 2:
		s.clear(s.y, 0, s.cols)
	}
}

func (s *screen) eraseDisplay(how int) {
	from, to := 0, len(s.rows)
	switch how {
	case 0:
		s.eraseLine(0)
		from = s.y + 1
	case 1:
		s.eraseLine(1)
		to = s.y
	case 2:
	default: // 3 erases what has scrolled away
		return
	}
	if how == 2 || s.x == 0 && s.y == 0 {
		s.repaint()
	}
	for y := from; y < to; y++ {
		s.clear(y, 0, s.cols)
	}
}

func (s *screen) insertCells(n int) {
	r := s.rows[s.y]
	n = min(n, s.cols-s.x)
	r.move(s.x+n, s.x, s.cols-n-s.x)
	s.touch(s.y)
	s.clear(s.y, s.x, s.x+n)
}

func (s *screen) deleteCells(n int) {
	r := s.rows[s.y]
	n = min(n, s.cols-s.x)
	r.move(s.x, s.x+n, s.cols-n-s.x)
	s.touch(s.y)
	s.clear(s.y, s.cols-n, s.cols)
}
