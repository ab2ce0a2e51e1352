// The live style: on a terminal, finished steps stay as one line each, and the
// running step is one line that is redrawn in place.

package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

const (
	// The cursor rests at the beginning of the moving line. A terminal that is
	// made narrower may break the line into several: they all lie behind it then.
	clearLine = "\r\x1b[J"
	bold      = "\x1b[1m"
	dim       = "\x1b[2m"
	green     = "\x1b[32m"
	yellow    = "\x1b[33m"
	red       = "\x1b[31m"
	reset     = "\x1b[0m"
)

type liveView struct {
	w     io.Writer
	o     Options
	plain *plainView
	rate  rate

	step    event.Event // the running step's start; Kind "" when none runs
	phase   string
	last    event.Event // the newest progress
	message string      // the guest's last line
	drawn   bool        // a moving line stands on the terminal
}

func newLiveView(w io.Writer, o Options) *liveView {
	return &liveView{w: w, o: o, plain: newPlainView(w, o)}
}

func (v *liveView) event(e event.Event) {
	switch e.Kind {
	case event.StepStart:
		v.step, v.phase, v.message, v.last = e, "", "", event.Event{}
	case event.StepDone:
		v.keep(v.mark("✓", "+", green), e.Step, e.Text, Duration(time.Duration(e.Elapsed*float64(time.Second))))
		v.step = event.Event{}
	case event.StepSkip:
		v.keep(v.mark("–", "-", dim), e.Step, "skipped: "+e.Text, "")
		v.step = event.Event{}
	case event.Phase:
		v.phase, v.message = e.Text, ""
	case event.Progress:
		v.last = e
		v.rate.text(e, v.o.Now())
	case event.Console:
		v.message = e.Text
		if v.o.Verbose {
			v.print(v.paint(dim, "  | "+printable(e.Text)))
		}
	case event.Note:
		lines := strings.Join(Wrap(printable(e.Text), v.o.Width()-1, 2, 4), "\n")
		v.print(v.mark("·", "*", dim) + " " + strings.TrimSpace(lines))
	case event.Warning:
		v.print(v.problem(yellow, v.plain.line(e)))
	case event.Error:
		if v.step.Kind != "" {
			end := "failed"
			if e.Interrupted {
				end = "interrupted"
			}
			v.keep(v.mark("✗", "x", red), v.step.Step, end, Duration(v.o.Now().Sub(v.step.Time)))
			v.step = event.Event{}
		}
		v.print(v.problem(red, v.plain.line(e)))
	}
	if e.Kind != event.Console && e.Kind != event.Progress {
		v.tick() // these come in floods: the ticker draws them
	}
}

// problem is an error or a warning as a person finds its parts: what, the guest's
// words, what to do. Hints stay as they are, to be copied.
func (v *liveView) problem(colour, text string) string {
	var out []string
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "imgasm: hint: ") {
			out = append(out, v.paint(bold, line))
			continue
		}
		lines := []string{line}
		if columns(line) >= v.o.Width() {
			indent := len(line) - len(strings.TrimLeft(line, " "))
			lines = Wrap(line, v.o.Width()-1, indent, indent+4)
		}
		for _, l := range lines {
			if i == 0 {
				l = v.paint(colour, l)
			}
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

// keep prints a line that stays: mark, step, text, time.
func (v *liveView) keep(mark, step, text, elapsed string) {
	v.print(v.line(mark, step, text, elapsed))
}

// line puts a step's line together so that it fits the terminal: when that is
// narrow, without padding, and when it is very narrow, without the time. The
// last column stays free, because some terminals wrap as soon as it is written.
func (v *liveView) line(mark, step, text, elapsed string) string {
	const least = 8 // columns of text
	width := v.o.Width() - len("* ") - 1
	head, tail := fmt.Sprintf("%-11s", step), "  "+elapsed
	room := func() int { return width - columns(head) - 1 - columns(tail) }
	if room() < least {
		head = step
	}
	if room() < least {
		tail = ""
	}
	head = clip(head, width, v.o.ASCII)
	text = clip(printable(text), room(), v.o.ASCII)
	if text != "" {
		text = " " + text
	}
	return mark + " " + v.paint(bold, head) + text + v.paint(dim, tail)
}

// print writes a whole line above the moving one.
func (v *liveView) print(line string) {
	v.clear()
	fmt.Fprintln(v.w, line)
}

func (v *liveView) clear() {
	if v.drawn {
		fmt.Fprint(v.w, clearLine)
		v.drawn = false
	}
}

// tick draws the moving line.
func (v *liveView) tick() {
	if v.step.Kind == "" {
		v.clear()
		return
	}
	now := v.o.Now()
	elapsed := Duration(now.Sub(v.step.Time))
	text := v.step.Text
	if v.phase != "" {
		text = v.phase
	}
	text = join("  ", text, percent(v.last), count(v.last), v.rateText(now))
	if m := join(" ", v.last.Text, v.message); v.last.Text != "" || v.message != "" {
		if v.message != "" {
			m = v.message
		}
		text = join("  ", text, m)
	}
	fmt.Fprint(v.w, clearLine, v.line(v.mark("•", "*", ""), v.step.Step, text, elapsed), "\r")
	v.drawn = true
}

func (v *liveView) rateText(now time.Time) string {
	if v.last.Kind == "" {
		return ""
	}
	return v.rate.text(v.last, now)
}

func (v *liveView) close() { v.clear() }

func (v *liveView) mark(symbol, ascii, colour string) string {
	if v.o.ASCII {
		symbol = ascii
	}
	return v.paint(colour, symbol)
}

func (v *liveView) paint(colour, s string) string {
	if !v.o.Colour || colour == "" || s == "" {
		return s
	}
	return colour + s + reset
}
