// The plain style: lines for a pipe, a file or a CI log. Progress is told
// seldom, so that a log stays readable.

package ui

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// progressEvery is the least time between two progress lines of a step.
const progressEvery = 15 * time.Second

// stillEvery is how long nothing may be said while a step runs: who waits
// longer begins to wonder whether anything happens.
const stillEvery = 14 * time.Second

type plainView struct {
	w        io.Writer
	o        Options
	start    time.Time // of the first event
	progress time.Time // of the last progress line
	rate     rate
	said     time.Time   // of the last line, by Options.Now
	doing    event.Event // what the running step said last; no kind: none runs
}

func newPlainView(w io.Writer, o Options) *plainView { return &plainView{w: w, o: o} }

func (v *plainView) event(e event.Event) {
	if v.start.IsZero() {
		v.start, v.progress = e.Time, e.Time
	}
	switch e.Kind {
	case event.StepStart, event.Phase:
		v.doing = e
	case event.StepDone, event.StepSkip, event.Error:
		v.doing = event.Event{}
	}
	if line := v.line(e); line != "" {
		v.print(line)
	}
}

func (v *plainView) print(line string) {
	v.said = v.o.Now()
	fmt.Fprintln(v.w, line)
}

// line is what e is worth, or "".
func (v *plainView) line(e event.Event) string {
	switch e.Kind {
	case event.Warning, event.Error:
		return problem(string(e.Kind), e.Text, e.Hint)
	case event.Note:
		if !v.o.Quiet {
			return v.stamp(e) + "note: " + printable(e.Text)
		}
	case event.StepStart, event.StepSkip, event.StepDone, event.Phase, event.Progress, event.Console:
		if !v.o.Quiet {
			return v.talk(e)
		}
	}
	return ""
}

func (v *plainView) talk(e event.Event) string {
	switch e.Kind {
	case event.StepStart:
		v.progress = e.Time
		return v.stamp(e) + printable(e.Text)
	case event.StepDone:
		text := "done"
		if e.Text != "" {
			text += ": " + e.Text
		}
		return v.stamp(e) + printable(text) + " (" + Duration(time.Duration(e.Elapsed*float64(time.Second))) + ")"
	case event.StepSkip:
		return v.stamp(e) + "skipped: " + printable(e.Text)
	case event.Phase:
		return v.stamp(e) + printable(e.Text)
	case event.Console:
		if v.o.Verbose {
			return v.stamp(e) + "| " + printable(e.Text)
		}
	case event.Progress:
		speed := v.rate.text(e, e.Time)
		if e.Time.Sub(v.progress) < progressEvery {
			return ""
		}
		v.progress = e.Time
		return v.stamp(e) + join("  ", printable(e.Text), count(e), percent(e), speed)
	}
	return ""
}

// stamp begins a line: minutes and seconds since the first event, and the step.
func (v *plainView) stamp(e event.Event) string {
	s := int(e.Time.Sub(v.start).Seconds())
	return fmt.Sprintf("%02d:%02d %-10s ", s/60, s%60, e.Step)
}

// tick shows that a step which says nothing is alive.
func (v *plainView) tick() {
	if v.doing.Kind == "" || v.o.Quiet || v.o.Now().Sub(v.said) < stillEvery {
		return
	}
	e := v.doing
	e.Time = v.o.Now()
	v.print(v.stamp(e) + "still " + printable(e.Text))
}

func (v *plainView) close() {}

func percent(e event.Event) string {
	if e.Fraction <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*min(e.Fraction, 1))
}

// join puts the non-empty parts together.
func join(sep string, parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, sep)
}
