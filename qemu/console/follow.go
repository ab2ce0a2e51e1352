package console

import (
	"regexp"
	"slices"
	"strings"
)

// Following a screen: each line that a program printed is reported once, whole
// and in order, although tmux paints it in pieces, moves it and paints it again.
//
// A line has ended when the cursor goes on to the next row by a line feed, when
// something is written below it, or when it scrolls away. It is then reported
// unless that row has already been, with the same text. A repaint, which begins
// in the upper left corner, may show reported lines in other rows: during it,
// lines that were reported lately are recognized by their order.

// follower is the memory of what was reported.
type follower struct {
	reader *Reader
	recent []string // the last lines reported
	known  []string // during a repaint: the recent lines not yet met again
	wroteY int      // the lowest row written since the last line ended
	held   bool     // rows 0 to heldY may have ended
	heldY  int
}

// recentLines is how many reported lines are recognized in a repaint: two
// screens of the usual size.
const recentLines = 2 * screenRows

// wrote is called before a character is written in a row other than the last:
// what stands above has ended.
func (s *screen) wrote() {
	if s.x == 0 && s.y > 0 || s.y > s.wroteY {
		s.ended(s.above())
	}
	s.wroteY = s.y
}

// hold is called when tmux scrolls: it places the cursor in the last row of the
// region and feeds a line. Most often the line above has ended then, but
// sometimes tmux comes back to write the rest of it. What comes next tells.
func (s *screen) hold() {
	if !s.held {
		s.held, s.heldY = true, s.y
	}
	s.heldY-- // where the line stands after scrolling
}

// settle is called when what comes next has nothing to do with a held line.
func (s *screen) settle() {
	if s.held {
		s.held = false
		s.ended(s.heldY)
	}
}

// release is called when the cursor is placed: within the held line, it goes on.
func (s *screen) release(x, y int) {
	if s.held && x > 0 && y == s.heldY {
		s.held = false
	}
	s.settle()
}

// above is the last row above the line in which the cursor is, -1 if none.
func (s *screen) above() int {
	y := s.y - 1
	for y >= 0 && s.rows[y].wraps {
		y--
	}
	return y
}

// ended reports what is new in rows 0 to y.
func (s *screen) ended(y int) {
	if y < 0 || s.first > y && !s.rows[y].wraps || s.first > s.lineEnd(y) {
		return
	}
	first := min(s.first, y)
	for first > 0 && s.rows[first-1].wraps {
		first--
	}
	for ; first <= y; first++ {
		if r := s.rows[first]; !r.wraps {
			if r.changed {
				s.consider(first, first)
			}
			continue
		}
		last := s.lineEnd(first)
		s.consider(first, last)
		first = last
	}
	s.first = first
}

// lineEnd is the last row of the line that begins in row first.
func (s *screen) lineEnd(first int) int {
	last := first
	for last < len(s.rows)-1 && s.rows[last].wraps {
		last++
	}
	return last
}

// changed reports whether the line in rows first to last has changed since it was
// considered, and in which line of the raw log.
func (s *screen) changed(first, last int) (changed bool, line int) {
	for _, r := range s.rows[first : last+1] {
		changed = changed || r.changed
		line = max(line, r.line)
	}
	return changed, line
}

// consider reports the line in rows first to last if it is new.
func (s *screen) consider(first, last int) {
	changed, line := s.changed(first, last)
	for y := first; y <= last; y++ {
		s.rows[y].changed = false
		if y > first {
			s.rows[y].said = ""
		}
	}
	if !changed {
		return
	}
	head := s.rows[first]
	text := s.text(first, last)
	if text == "" || s.isStatus(first, text) {
		head.said = ""
		return
	}
	if i := slices.Index(s.known, text); i >= 0 { // a repaint shows it again
		head.said, s.known = text, s.known[i+1:]
		return
	}
	if text == head.said {
		return
	}
	head.said = text
	s.recent = append(s.recent, text)
	s.recent = s.recent[max(0, len(s.recent)-recentLines):]
	before, kernel := cutKernel(text)
	s.reader.report(before, &Record{Line: line, Screen: true})
	s.reader.report(kernel, &Record{Line: line, Screen: true})
}

// late is the kernel's time where the kernel wrote on in a row behind what tmux
// had painted: "Installing x.noarch (7/12)[  497.000000] reboot: Power down". Its
// bracket is missing where it came in the middle of a control sequence.
var late = regexp.MustCompile(`\[? *\d{1,9}\.\d{6}\] `)

func cutKernel(text string) (before, kernel string) {
	at := late.FindStringIndex(text)
	if at == nil {
		return text, ""
	}
	before, kernel = text[:at[0]], text[at[0]:]
	return strings.TrimRight(before, " "), "[" + strings.TrimLeft(kernel, "[ ")
}

func (s *screen) isStatus(first int, text string) bool {
	return first == len(s.rows)-1 && s.rows[first].inverse || isTabs(text)
}

// isTabs recognizes tmux's last row by its names of a session and of a window:
// "[anaconda]1:main* 2:shell  3:log  4:storage-log >Switch tab: Alt+Tab | Help: F1".
func isTabs(text string) bool { return text[0] == '[' && tabs.MatchString(text) }

var tabs = regexp.MustCompile(`^\[\w+\] ?\d:\w+`)

// repaint is called when the cursor goes to the upper left corner or the
// screen is cleared: what follows may be old.
func (s *screen) repaint() {
	s.ended(len(s.rows) - 1)
	s.known = slices.Clone(s.recent)
	s.wroteY = 0
}

// leaving is called before the upper n rows scroll away.
func (s *screen) leaving(n int) {
	s.known = nil // a repaint is over when lines move
	last := 0
	for y := 0; y < n; y = last + 1 {
		last = s.lineEnd(y)
		s.consider(y, last)
	}
	if last >= n { // the rest of a line stays: it has been reported
		s.rows[n].said = s.text(n, last)
	}
	s.wroteY = max(0, s.wroteY-n)
}

// finish is called when the screen is given up.
func (s *screen) finish() {
	s.settle()
	s.ended(len(s.rows) - 1)
}

// flush reports lines that have not ended, once each as they stand.
func (s *screen) flush() {
	for first := 0; first < len(s.rows); {
		last := s.lineEnd(first)
		s.flushLine(first, last)
		first = last + 1
	}
}

func (s *screen) flushLine(first, last int) {
	changed, line := s.changed(first, last)
	if !changed {
		return
	}
	head, text := s.rows[first], s.text(first, last)
	if text == "" || text == head.said || text == head.partial || s.isStatus(first, text) || slices.Contains(s.known, text) {
		return
	}
	head.partial = text
	s.reader.report(text, &Record{Line: line, Screen: true, Partial: true})
}
