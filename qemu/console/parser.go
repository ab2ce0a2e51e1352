package console

import (
	"cmp"
	"unicode/utf8"
)

// The parser of terminal streams: ECMA-48 control sequences and UTF-8, one
// byte at a time, in constant memory. It knows how sequences are delimited;
// what they mean is the terminal's business.

// terminal is what the parser drives.
type terminal interface {
	print(c rune)
	control(c byte)                  // C0 control characters but ESC
	escape(intermediate, final byte) // ESC final, ESC intermediate final
	csi(s *sequence)                 // ESC [ …
}

// sequence is a control sequence: ESC [ prefix parameters intermediate final.
type sequence struct {
	prefix       byte // one of < = > ?, or 0
	intermediate byte // 0x20 to 0x2f, or 0
	final        byte
	n            int // number of parameters given
	args         [16]int
}

// arg returns parameter i, or otherwise if it is missing or zero.
func (s *sequence) arg(i, otherwise int) int {
	if i >= s.n || s.args[i] == 0 {
		return otherwise
	}
	return s.args[i]
}

type state uint8

const (
	ground state = iota
	inEscape
	inCSI
	inString // OSC, DCS, SOS, PM, APC: up to BEL or ST
	inStringEscape
)

// maxString is the longest control string that is swallowed: after that many
// bytes without its end it is taken for noise and what follows is text again.
const maxString = 1 << 10

type parser struct {
	state        state
	seq          sequence
	intermediate byte
	length       int // of the control string so far
	utf          [utf8.UTFMax]byte
	nutf         int
}

func (p *parser) feed(b byte, t terminal) {
	// A line feed ends whatever was going on: sequences are never broken over
	// lines, but a kernel may print in the middle of one.
	if b == '\n' || b == 0x18 || b == 0x1a { // LF, CAN, SUB
		p.state = ground
		p.badUTF8(t)
		t.control(b)
		return
	}
	switch p.state {
	case ground:
		p.text(b, t)
	case inEscape:
		p.escape(b, t)
	case inCSI:
		p.control(b, t)
	case inString, inStringEscape:
		p.controlString(b, t)
	}
}

func (p *parser) text(b byte, t terminal) {
	if b >= 0x80 {
		p.character(b, t)
		return
	}
	p.badUTF8(t)
	switch {
	case b == 0x1b:
		p.state, p.intermediate = inEscape, 0
	case b < 0x20:
		t.control(b)
	case b < 0x7f:
		t.print(rune(b))
	}
}

// character collects the bytes of a character outside ASCII.
func (p *parser) character(b byte, t terminal) {
	p.utf[p.nutf] = b
	p.nutf++
	for p.nutf > 0 && utf8.FullRune(p.utf[:p.nutf]) {
		c, size := utf8.DecodeRune(p.utf[:p.nutf])
		copy(p.utf[:], p.utf[size:p.nutf])
		p.nutf -= size
		if c >= 0xa0 { // C1 control characters are not text
			t.print(c)
		}
	}
}

// badUTF8 gives up a character that was begun and not finished.
func (p *parser) badUTF8(t terminal) {
	if p.nutf > 0 {
		p.nutf = 0
		t.print(utf8.RuneError)
	}
}

func (p *parser) escape(b byte, t terminal) {
	switch {
	case b == 0x1b:
		p.intermediate = 0
	case b < 0x20:
		t.control(b)
	case b < 0x30:
		p.intermediate = b
	case b == '[' && p.intermediate == 0:
		p.state, p.seq = inCSI, sequence{}
	case p.intermediate == 0 && (b == ']' || b == 'P' || b == 'X' || b == '^' || b == '_'):
		p.state, p.length = inString, 0
	case b < 0x7f:
		p.state = ground
		t.escape(p.intermediate, b)
	default:
		p.state = ground
		p.text(b, t)
	}
}

func (p *parser) control(b byte, t terminal) {
	s := &p.seq
	switch {
	case b == 0x1b:
		p.state, p.intermediate = inEscape, 0
	case b < 0x20:
		t.control(b)
	case b < 0x30:
		s.intermediate = b
	case b >= '0' && b <= '9':
		s.n = cmp.Or(s.n, 1)
		if i := s.n - 1; s.args[i] < 1<<15 {
			s.args[i] = s.args[i]*10 + int(b-'0')
		}
	case b == ';' || b == ':':
		s.n = cmp.Or(s.n, 1)
		if s.n < len(s.args) {
			s.n++
		}
	case b < 0x40:
		s.prefix = b
	case b < 0x7f:
		p.state = ground
		s.final = b
		t.csi(s)
	case b == 0x7f:
	default:
		p.state = ground
		p.text(b, t)
	}
}

func (p *parser) controlString(b byte, t terminal) {
	p.length++
	switch {
	case b == 0x07:
		p.state = ground
	case p.state == inStringEscape && b == '\\':
		p.state = ground
	case p.state == inStringEscape: // ESC ends the string even when no ST follows
		p.state, p.intermediate = inEscape, 0
		p.escape(b, t)
	case b == 0x1b:
		p.state = inStringEscape
	case p.length >= maxString:
		p.state = ground
	}
}
