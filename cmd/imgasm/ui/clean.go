// What makes a text fit for a terminal: much of what is shown was written by
// a guest, a server, an ISO or a package.

package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/imgasm/imgasm/internal/redact"
)

// commands reports whether r could move a terminal's cursor, set its title or
// clipboard, or turn the order of what it shows: control characters (C0, DEL,
// C1), line and paragraph separators, and the invisible format characters,
// among them bidi overrides.
func commands(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// escaped is r as JSON and Go write it, so that it is seen: \u001b.
func escaped(r rune) string {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// Line makes one line of a text that a stranger may have written: what could
// command a terminal is escaped, line ends and tabs too.
func Line(s string) string {
	if strings.IndexFunc(s, commands) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if commands(r) {
			b.WriteString(escaped(r))
		} else {
			b.WriteRune(r) // utf8.RuneError for what is no UTF-8
		}
	}
	return b.String()
}

// cleaner escapes what could command a terminal, but lines and tabs stay.
type cleaner struct {
	mu      sync.Mutex
	w       io.Writer
	colours bool   // colours and bold, and no other sequence, go through
	product bool   // what the user asked to see, as a kickstart of his own: nothing is redacted
	rest    []byte // the beginning of a rune or a sequence that is not complete
}

// Most bytes of a sequence that sets a colour: ESC [ 1 ; 31 m.
const maxSequence = 16

func (c *cleaner) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in := append(c.rest, p...)
	if !c.product {
		in = []byte(redact.Text(string(in))) // a message is one write
	}
	c.rest = nil
	var out bytes.Buffer
	for len(in) > 0 {
		n, text := c.next(in)
		if n == 0 {
			c.rest = bytes.Clone(in)
			break
		}
		out.WriteString(text)
		in = in[n:]
	}
	if _, err := c.w.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// next gives the text for the first n bytes of in; n is 0 if more must come first.
func (c *cleaner) next(in []byte) (n int, text string) {
	switch b := in[0]; {
	case b == '\n' || b == '\t':
		return 1, string(b)
	case b == '\r':
		if len(in) == 1 {
			return 0, ""
		}
		if in[1] == '\n' {
			return 2, "\r\n"
		}
	case b == '\x1b' && c.colours:
		if n := colour(in); n >= 0 {
			return n, string(in[:n])
		}
	case !utf8.FullRune(in):
		return 0, ""
	}
	r, n := utf8.DecodeRune(in)
	if commands(r) {
		return n, escaped(r)
	}
	return n, string(r)
}

// colour is the length of the sequence "select graphic rendition" (ECMA-48,
// 8.3.117) that in begins with; 0 if it is not complete, -1 if it is none.
func colour(in []byte) int {
	for i, b := range in {
		switch {
		case i == maxSequence:
			return -1
		case i == 0, i == 1 && b == '[', i > 1 && (b >= '0' && b <= '9' || b == ';'):
		case i > 1 && b == 'm':
			return i + 1
		default:
			return -1
		}
	}
	return 0
}
