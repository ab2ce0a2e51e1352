// Words and numbers for people: sizes, durations, what fits a line.

package ui

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/size"
)

// Duration writes a duration as one reads a clock: "0.4s", "12s", "3m05s", "1h02m".
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0.0s"
	case d < 9950*time.Millisecond:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d.Round(time.Second) < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d.Round(time.Second) < time.Hour:
		s := int(d.Round(time.Second).Seconds())
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	}
	m := int(d.Round(time.Minute).Minutes())
	return fmt.Sprintf("%dh%02dm", m/60, m%60)
}

// count writes an event's progress: "12/389 packages", "1.0 GiB/8.0 GiB", "".
func count(e event.Event) string {
	if e.Done == 0 && e.Total == 0 {
		return ""
	}
	if e.Unit == "B" {
		if e.Total > 0 {
			return size.Text(e.Done) + "/" + size.Text(e.Total)
		}
		return size.Text(e.Done)
	}
	text := fmt.Sprint(e.Done)
	if e.Total > 0 {
		text += fmt.Sprintf("/%d", e.Total)
	}
	return strings.TrimSpace(text + " " + e.Unit)
}

// printable replaces what would move a terminal's cursor or colour its text:
// the guest wrote part of what we show.
func printable(s string) string {
	clean := func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == utf8.RuneError || commands(r):
			return -1
		}
		return r
	}
	return strings.Map(clean, s)
}

// columns is how many columns of a terminal s takes at most. Terminals do not
// agree about every rune; one too many cuts a line early, one too few wraps it.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case r == '\ufe0f': // asks for the wide form of the rune before it
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r < 0x1100, // Latin, Greek, Cyrillic, Semitic and Indic scripts
		r >= 0x1e00 && r < 0x2300, // punctuation, arrows, mathematics
		r >= 0x2400 && r < 0x25f0: // boxes, blocks and geometric shapes
		return 1
	}
	return 2 // East Asian, pictures, and what comes
}

// clip shortens s to at most width columns, marking the cut.
func clip(s string, width int, ascii bool) string {
	if columns(s) <= width {
		return s
	}
	mark := "…"
	if ascii {
		mark = "~"
	}
	if width < 1 {
		return ""
	}
	room := width - 1
	for i, r := range s {
		if room -= runeColumns(r); room < 0 {
			return s[:i] + mark
		}
	}
	return s
}

// rate remembers the first sample of a byte count and tells speed and time left.
type rate struct {
	step  string
	start time.Time
	first int64
}

// text describes e's speed since the step's first sample, as soon as two
// seconds have given a figure worth showing.
func (r *rate) text(e event.Event, now time.Time) string {
	if e.Unit != "B" {
		return ""
	}
	if r.step != e.Step || e.Done < r.first {
		*r = rate{step: e.Step, start: now, first: e.Done}
	}
	seconds := now.Sub(r.start).Seconds()
	if seconds < 2 || e.Done <= r.first {
		return ""
	}
	perSecond := float64(e.Done-r.first) / seconds
	text := size.Text(int64(perSecond)) + "/s"
	if e.Total > e.Done {
		left := time.Duration(float64(e.Total-e.Done) / perSecond * float64(time.Second))
		text += ", " + Duration(left) + " left"
	}
	return text
}

// Wrap breaks a text between words into lines of at most width columns, unless
// a word is wider. The first line is indented by as many columns as first says.
func Wrap(s string, width, first, further int) (lines []string) {
	line := strings.Repeat(" ", first)
	empty := true
	for word := range strings.FieldsSeq(s) {
		if !empty && columns(line)+1+columns(word) > width {
			lines = append(lines, line)
			line, empty = strings.Repeat(" ", further), true
		}
		if !empty {
			line += " "
		}
		line, empty = line+word, false
	}
	if empty {
		return nil
	}
	return append(lines, line)
}
