package console

import "strings"

// line is one line of a printing terminal: characters, a carriage that can go
// back, and a limit.
type line struct {
	cells []rune
	col   int  // where the next character goes
	cut   bool // something did not fit
}

const tabWidth = 8

func (l *line) empty() bool { return len(l.cells) == 0 && l.col == 0 }

func (l *line) reset() { *l = line{cells: l.cells[:0]} }

func (l *line) print(c rune) {
	if l.col >= MaxLine {
		l.cut = true
		return
	}
	for len(l.cells) <= l.col {
		l.cells = append(l.cells, ' ')
	}
	l.cells[l.col] = c
	l.col++
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
func (l *line) text() string { return strings.TrimRight(string(l.cells), " ") }
