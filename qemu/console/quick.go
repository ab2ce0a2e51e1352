package console

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// What nearly all of a console consists of, printable ASCII, line ends, whole
// characters and whole control sequences, is taken at once. The parser gets the
// rest, and what was cut.

// printed takes from the front of p what needs no parser while lines are
// printed, and returns its length.
func (r *Reader) printed(p []byte) int {
	i := 0
	for i < len(p) && r.screen == nil {
		used := r.plain(p[i:])
		if used == 0 {
			switch c := p[i]; {
			case c == 0x1b:
				used = r.wholeCSI(p[i:])
			case c == '\r' || c == '\n':
				r.control(c)
				used = 1
			case c >= utf8.RuneSelf:
				used = r.wholeRune(p[i:])
			}
		}
		if used == 0 {
			break
		}
		i += used
	}
	return i
}

// painted does the same while there is a screen.
func (r *Reader) painted(p []byte) int {
	i := 0
	for i < len(p) && r.screen != nil {
		s, c := r.screen, p[i]
		switch {
		case c-0x20 < 0x5f:
			i += s.ascii(p[i:])
		case c == '\r':
			r.control(c)
			i++
		case c == '\n':
			r.control(c)
			i++
		case c == 0x1b:
			used := r.wholeCSI(p[i:])
			if used == 0 {
				return i
			}
			i += used
		case c >= utf8.RuneSelf:
			used := r.wholeRune(p[i:])
			if used == 0 {
				return i
			}
			i += used
		default:
			return i
		}
	}
	return i
}

// wholeRune does what the parser does with a character outside ASCII, at once,
// if all of it, or a byte that can be no part of one, stands at the front of p.
// It returns the number of bytes taken.
func (r *Reader) wholeRune(p []byte) int {
	c, size := utf8.DecodeRune(p)
	if c == utf8.RuneError && size == 1 && 0xc2 <= p[0] && p[0] < 0xf5 {
		return 0 // the parser knows how much of it to give up
	}
	if c >= 0xa0 {
		r.print(c)
	}
	return size
}

// wholeCSI does what the parser does with a control sequence, at once, if all
// of a plain one with at most two parameters stands at the front of p. It
// returns the number of bytes taken.
func (r *Reader) wholeCSI(p []byte) int {
	if len(p) < 3 || p[1] != '[' {
		return 0
	}
	if p[2] == 'K' && r.screen != nil {
		r.screen.eraseLine(0)
		return 3
	}
	s, i := &r.sequence, 2
	s.prefix = 0
	if '<' <= p[2] && p[2] <= '?' {
		s.prefix, i = p[2], 3
	}
	begin := i
	s.args[0], i = number(p, i)
	s.n = min(1, i-begin)
	if i < len(p) && p[i] == ';' {
		s.n = 2
		s.args[1], i = number(p, i+1)
	}
	if i >= len(p) || p[i] < 0x40 || p[i] >= 0x7f {
		return 0
	}
	s.final = p[i]
	if r.screen != nil && s.prefix == 0 && s.final != 'r' {
		r.screen.csi(s)
	} else {
		r.csi(s)
	}
	return i + 1
}

// number reads a number of up to four digits at i, and returns where it ends.
func number(p []byte, i int) (n, end int) {
	for last := min(len(p), i+4); i < last && p[i]-'0' <= 9; i++ {
		n = n*10 + int(p[i]-'0')
	}
	return n, i
}

// plain takes what needs no parsing from the front of p: printable ASCII, up
// to and including its line feed. It returns the number of bytes taken.
func (r *Reader) plain(p []byte) int {
	end := printable(p)
	i := end
	for i < len(p) && p[i] == '\r' {
		i++
	}
	r.returns = r.returns || i > end
	if i < len(p) && p[i] == '\n' {
		if r.line.empty() { // the whole line at once, without a copy in between
			if end > MaxLine {
				r.say(string(p[:MaxLine]), true)
			} else if end > 0 {
				r.say(r.pieces.text(p[:end]), false)
			}
			r.feeds++
			r.partial = ""
			return i + 1
		}
	}
	r.line.ascii(p[:end])
	return end
}

// printable returns the length of the printable ASCII at the front of p.
func printable(p []byte) int {
	i := 0
	for ; i+8 <= len(p); i += 8 {
		// The high bit of a byte is set if it is under 0x20, is 0x7f, or is over
		// it. Borrows and carries come only from such bytes: the first one is right.
		x := binary.LittleEndian.Uint64(p[i:])
		if odd := (x | (x - 0x2020202020202020) | (x + 0x0101010101010101)) & 0x8080808080808080; odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for i < len(p) && p[i]-0x20 < 0x5f {
		i++
	}
	return i
}
