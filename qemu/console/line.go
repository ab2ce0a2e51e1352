package console

import (
	"strings"
	"unicode/utf8"
)

// line is one line of a printing terminal: characters, a carriage that can go
// back, and a limit. While the carriage stands at the end, which is nearly
// always, the text is kept as it came; only overwriting needs cells.
type line struct {
	buf   []byte // UTF-8, while cells is nil
	n     int    // characters in buf
	cells []rune // nil until something was overwritten
	col   int    // where the next character goes
	cut   bool   // something did not fit
}

const tabWidth = 8

func (l *line) empty() bool { return l.n == 0 && len(l.cells) == 0 && l.col == 0 }

func (l *line) reset() {
	if cap(l.buf) > 4*MaxLine { // keep no memory of an odd line
		l.buf = nil
	}
	l.buf, l.n, l.cells, l.col, l.cut = l.buf[:0], 0, nil, 0, false
}

func (l *line) print(c rune) {
	if l.col >= MaxLine {
		l.cut = true
		return
	}
	if l.cells == nil && l.col == l.n {
		l.buf = utf8.AppendRune(l.buf, c)
		l.n++
		l.col++
		return
	}
	l.split()
	for len(l.cells) <= l.col {
		l.cells = append(l.cells, ' ')
	}
	l.cells[l.col] = c
	l.col++
}

// split turns the text into cells.
func (l *line) split() {
	if l.cells == nil {
		l.cells = append(make([]rune, 0, l.n+64), []rune(string(l.buf))...)
		l.buf, l.n = l.buf[:0], 0
	}
}

func (l *line) control(c byte) {
	switch c {
	case '\r':
		l.col = 0
	case '\b':
		l.move(l.col - 1)
	case '\t':
		l.move((l.col/tabWidth + 1) * tabWidth)
	}
}

// move sets the carriage. Beyond the end it stays within the limit.
func (l *line) move(col int) {
	l.col = max(0, min(col, MaxLine))
}

// erase does EL: 0 from the carriage to the end, 1 up to the carriage, 2 all.
func (l *line) erase(how int) {
	if l.cells == nil && l.col >= l.n && how == 0 {
		return
	}
	l.split()
	switch how {
	case 0:
		l.cells = l.cells[:min(l.col, len(l.cells))]
	case 1:
		for i := 0; i <= l.col && i < len(l.cells); i++ {
			l.cells[i] = ' '
		}
	case 2:
		l.cells = l.cells[:0]
	}
}

// text returns the line without blanks at its end.
func (l *line) text() string {
	text := string(l.buf)
	if l.cells != nil {
		text = string(l.cells)
	}
	return strings.TrimRight(text, " ")
}
