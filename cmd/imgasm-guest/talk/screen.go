// Anaconda inside tmux on a vt220 of 80x24: the byte stream is a repainted
// screen, not lines.

package talk

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Size of the terminal that tmux finds on a serial line.
const (
	columns = 80
	rows    = 24 // the last one is tmux's status line
)

// Screen paints like tmux 3.5 attached to Anaconda's session.
type Screen struct {
	W io.Writer
	// Time returns the clock of the status line; nil shows none.
	Time func() time.Time

	lines    []string // what the pane shows, newest last
	painted  int      // lines since the last full repaint
	attached bool
}

const statusText = "[anaconda]1:main* 2:shell  3:log  4:storage-log >Switch tab: Alt+Tab | Help: F1 "

// Attach sends what tmux sends to its terminal first, and paints an empty screen.
func (s *Screen) Attach() {
	s.attached = true
	io.WriteString(s.W, "\x1b[32766;32766H\x1b[6n\x1b[H\x1b[J\x1b[?25h\x1b[?2004h\x1b[m\x1b(B\x1b[?25h\x1b[1;1H\x1b[1;24r\x1b[c\x1b[>c\x1b[>q\x1b]10;?\x1b\\\x1b]11;?\x1b\\")
	s.Repaint()
}

// Repaint draws the whole screen again, as tmux does after an attach or a
// resize: what was said before appears a second time in the stream.
func (s *Screen) Repaint() {
	var b strings.Builder
	b.WriteString("\x1b[1;1H\x1b[?25l")
	shown := s.lines
	if len(shown) > rows-1 {
		shown = shown[len(shown)-(rows-1):]
	}
	for i := 0; i < rows-1; i++ {
		if i < len(shown) {
			b.WriteString(shown[i])
		}
		b.WriteString("\x1b[K\n")
	}
	status := statusText
	if s.Time != nil {
		status = fmt.Sprintf("%-74s %s", strings.TrimSpace(statusText)[:60], s.Time().Format("15:04"))
	}
	fmt.Fprintf(&b, "\x1b[7m%s\x1b[m\x1b(B\x1b[?25h\x1b[%d;1H", status, min(len(shown)+1, rows-1))
	io.WriteString(s.W, b.String())
	s.painted = 0
}

// Status draws the status line alone: the clock ticks once a minute.
func (s *Screen) Status() {
	clock := ""
	if s.Time != nil {
		clock = s.Time().Format("15:04:05")
	}
	fmt.Fprintf(s.W, "\x1b7\x1b[%d;1H\x1b[7m%-70s %s\x1b[m\x1b(B\x1b8", rows, strings.TrimSpace(statusText)[:60], clock)
}

// Detach is the end of tmux: the terminal is cleared and plain again.
func (s *Screen) Detach() {
	fmt.Fprintf(s.W, "\x1b[1;0r\x1b[m\x1b(B\x1b[H\x1b[J\x1b[?25h\x1b[?2004l\x1b[?7727l\x1b[?1004l[terminated]\n"+
		"\x1b[!p\x1b]104\a\x1b[?7h\x1b[6n\x1b[32766;32766H\x1b[6n\x1b[r\x1b[H\x1b[3J\x1bc")
	s.attached = false
}

// Line adds one line of the program in the pane; what is wider than the screen
// wraps without a line end in the stream.
func (s *Screen) Line(text string) {
	if !s.attached {
		s.Attach()
	}
	s.Partial(text)
	for len(text) > columns {
		s.lines = append(s.lines, text[:columns])
		text = text[columns:]
	}
	s.lines = append(s.lines, text)
	if len(s.lines) > 200 {
		s.lines = s.lines[len(s.lines)-100:]
	}
	if len(s.lines) < rows-1 {
		io.WriteString(s.W, "\n")
	} else {
		fmt.Fprintf(s.W, "\x1b[1;%dr\x1b[%d;1H\n\x1b[K\x1b[1;%dr\x1b[%d;1H", rows-1, rows-1, rows, rows-1)
	}
	if s.painted++; s.painted >= 40 {
		s.Repaint()
	}
}

// Partial shows the beginning of a line that may still grow.
func (s *Screen) Partial(text string) {
	if !s.attached {
		s.Attach()
	}
	fmt.Fprintf(s.W, "\r%s\x1b[K", text)
}
