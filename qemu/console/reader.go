package console

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// Reader is fed with the bytes of a console and calls back with records. It is
// not safe for use by several goroutines. Its memory is bounded whatever it is
// fed with.
//
// It starts as a line printer with a carriage return. When the stream sets a
// scroll region, which on these consoles only tmux does, it becomes a screen
// (see screen) until the terminal is reset.
type Reader struct {
	emit    func(Record)
	feeds   int // line feeds so far
	parser  parser
	line    line
	screen  *screen // nil while lines are printed
	left    *screen // the last one that was given up
	partial string  // the last partial record of the current line

	pieces   pieces
	record   Record   // the one that is reported
	sequence sequence // for wholeCSI
}

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

// NewReader returns a Reader that calls emit for each record. emit must return
// soon: the guest may be waiting.
func NewReader(emit func(Record)) *Reader {
	return &Reader{emit: emit}
}

// Write takes the next bytes. It never fails and never keeps p.
func (r *Reader) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if r.parser.idle() {
			used := 0
			if r.screen == nil {
				used = r.printed(p)
			} else {
				used = r.painted(p)
			}
			if p = p[used:]; len(p) == 0 {
				break
			}
		}
		r.parser.feed(p[0], r)
		p = p[1:]
	}
	return n, nil
}

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
			s.x, s.wrapNext = 0, false
			i++
		case c == '\n':
			s.lineFeed()
			r.feeds++
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

// Flush reports what has been written but not yet ended by a newline, once, as
// partial records. Call it when the console has been silent for a moment (half
// a second), so that prompts are seen, and at the end of the console.
func (r *Reader) Flush() {
	if r.screen != nil {
		r.screen.flush()
		return
	}
	text, cut := r.line.text(&r.pieces)
	if text == "" || text == r.partial {
		return
	}
	r.partial = text
	if rec := &r.record; rec.read(text, r.feeds+1) {
		rec.Partial, rec.Cut = true, cut
		r.emit(*rec)
	}
}

// Close reports what has not ended as if it had: nothing will follow.
func (r *Reader) Close() {
	if r.screen != nil {
		r.leaveScreen()
		return
	}
	r.endLine()
}

// Lines returns the number of line feeds so far.
func (r *Reader) Lines() int { return r.feeds }

// say reports a line that has ended.
func (r *Reader) say(text string, cut bool) {
	if rec := &r.record; rec.read(text, r.feeds+1) {
		rec.Cut = cut
		r.emit(*rec)
	}
}

// endLine reports the current line, if it has text, and begins a new one.
func (r *Reader) endLine() {
	if text, cut := r.line.text(&r.pieces); text != "" {
		r.say(text, cut)
	}
	r.line.reset()
	r.partial = ""
}

// The parser's terminal:

func (r *Reader) print(c rune) {
	if r.screen != nil {
		r.screen.print(c)
		return
	}
	r.line.print(c)
}

func (r *Reader) control(c byte) {
	if c == '\n' {
		if r.screen != nil {
			r.screen.lineFeed()
		} else {
			r.endLine()
		}
		r.feeds++
		return
	}
	if r.screen != nil {
		r.screen.control(c)
		return
	}
	r.line.control(c)
}

func (r *Reader) escape(intermediate, final byte) {
	switch {
	case intermediate != 0: // character sets
	case final == 'c': // RIS: everything anew
		r.leaveScreen()
		r.endLine()
	case r.screen != nil:
		r.screen.escape(final)
	}
}

func (r *Reader) csi(s *sequence) {
	switch s.final {
	case 'r':
		if s.prefix == 0 && s.n == 2 && s.arg(1, 0) > s.arg(0, 1) {
			if r.screen == nil {
				r.endLine()
				r.screen = newScreen(r, r.left)
			}
			r.screen.region(s.arg(0, 1), s.arg(1, 0))
			return
		}
	case 'p':
		if s.intermediate == '!' { // DECSTR: systemd resets the terminal before it hands it on
			r.leaveScreen()
			return
		}
	case 'l':
		if s.prefix == '?' && s.arg(0, 0) == 1049 { // back from the alternate screen
			r.leaveScreen()
			return
		}
	}
	switch {
	case r.screen != nil:
		r.screen.csi(s)
	case s.prefix != 0 || s.intermediate != 0:
	default:
		r.lineCSI(s)
	}
}

// lineCSI does what an escape sequence does to a line printer. A cursor that
// goes elsewhere, as in firmware and boot loader menus, ends the line.
func (r *Reader) lineCSI(s *sequence) {
	switch s.final {
	case 'H', 'f', 'J', 'd', 'A', 'B', 'E', 'F':
		if r.line.empty() {
			return
		}
		if s.final == 'J' && s.arg(0, 0) == 0 { // to the end of the screen: to the end of the line
			r.line.erase(0)
			return
		}
		r.endLine()
	case 'K':
		r.line.erase(s.arg(0, 0))
	case 'G':
		r.line.move(s.arg(0, 1) - 1)
	case 'C':
		r.line.move(r.line.column() + s.arg(0, 1))
	case 'D':
		r.line.move(r.line.column() - s.arg(0, 1))
	}
}

func (r *Reader) leaveScreen() {
	if r.screen != nil {
		r.screen.finish()
		r.screen, r.left = nil, r.screen
	}
}
