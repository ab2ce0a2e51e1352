package replay

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
)

// How a replay is written: for people, and as JSON, one object a line.

// Line is the last line of the JSON form. Its keys are always there.
type Line struct {
	Verdict string `json:"verdict"` // success, failure or running
	Phase   string `json:"phase"`
	Rule    string `json:"rule"` // "" if none had anything to say
	Line    int    `json:"line"` // of the console, where the rule's first line stands; 0 if none
	Text    string `json:"text"` // that line
	Class   string `json:"class"`
	Meaning string `json:"meaning"`
	Hint    string `json:"hint"`

	Where         string             `json:"where,omitempty"`
	Said          []anaconda.Line    `json:"said,omitempty"`
	KickstartLine int                `json:"kickstart_line,omitempty"`
	KickstartText string             `json:"kickstart_text,omitempty"`
	Lines         []anaconda.Line    `json:"lines,omitempty"`
	Context       []anaconda.Line    `json:"context,omitempty"`
	Others        []anaconda.Failure `json:"others,omitempty"`
}

// Summary makes the last line of a result.
func Summary(r Result) Line {
	l := Line{Verdict: r.Verdict.String(), Phase: r.Phase.String()}
	f := r.Failure
	if f == nil {
		f = r.Waits
		for _, remark := range r.Remarks {
			if f == nil || remark.Rule != f.Rule {
				l.Others = append(l.Others, remark)
			}
		}
	} else {
		l.Phase, l.Others = f.Phase.String(), f.Others
	}
	if f == nil {
		return l
	}
	l.Rule, l.Class, l.Meaning, l.Hint = f.Rule, string(f.Class), f.Meaning, f.Hint
	l.Where, l.Said = f.Where, f.Said
	l.KickstartLine, l.KickstartText, l.Lines, l.Context = f.KickstartLine, f.KickstartText, f.Lines, f.Context
	for _, at := range f.Lines {
		l.Text = cmp.Or(l.Text, at.Text)
		if at.Channel == anaconda.OnConsole && at.Line > 0 {
			l.Line, l.Text = at.Line, at.Text
			break
		}
	}
	return l
}

// JSON returns a function that writes events as JSON, one a line, and one that
// writes the summary after them.
func JSON(w io.Writer) (say func(anaconda.Event), end func(Result) error) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	var failed error
	say = func(e anaconda.Event) {
		line := struct { // there is no time, but the guest's clock always
			anaconda.Event
			Time    *time.Time `json:"time,omitempty"`
			Elapsed float64    `json:"elapsed"`
		}{Event: e, Elapsed: e.Elapsed}
		if err := enc.Encode(line); err != nil && failed == nil {
			failed = err
		}
	}
	return say, func(r Result) error {
		if failed != nil {
			return failed
		}
		return enc.Encode(Summary(r))
	}
}

// Text returns functions that write events and the summary for people. verbose
// adds what other rules saw.
func Text(w io.Writer, verbose bool) (say func(anaconda.Event), end func(Result) error) {
	var failed error
	printf := func(format string, args ...any) {
		if _, err := fmt.Fprintf(w, format, args...); err != nil && failed == nil {
			failed = err
		}
	}
	say = func(e anaconda.Event) {
		switch e.Kind {
		case event.Progress:
			if verbose {
				printf("[%9.3f] %3.0f%% %s (%d/%d %s)\n", e.Elapsed, 100*e.Fraction, e.Text, e.Done, e.Total, e.Unit)
			}
		case event.Phase:
			printf("[%9.3f] %s\n", e.Elapsed, e.Text)
		case event.Note:
			if verbose {
				printf("[%9.3f] %s\n", e.Elapsed, e.Text)
			}
		default:
			printf("[%9.3f] %s: %s\n", e.Elapsed, e.Kind, e.Text)
			if e.Hint != "" {
				printf("%12shint: %s\n", "", e.Hint)
			}
		}
	}
	return say, func(r Result) error {
		printf("%s", Describe(r, verbose))
		return failed
	}
}

// Describe says in a few lines what a recording proves and why.
func Describe(r Result, verbose bool) string {
	var b strings.Builder
	s := Summary(r)
	fmt.Fprintf(&b, "verdict: %s", s.Verdict)
	switch r.Verdict {
	case anaconda.Running:
		if r.Phase == anaconda.PhaseFirmware && r.Report.Facts == nil {
			b.WriteString(" (nothing is proven: no word of a kernel or an installer is in it)\n")
			break
		}
		fmt.Fprintf(&b, " (nothing is proven yet; last phase: %s)\n", s.Phase)
	case anaconda.Succeeded:
		b.WriteString(" (the installation is complete)\n")
	default:
		fmt.Fprintf(&b, " while %s\n", r.Failure.Phase.Doing())
	}
	if s.Rule == "" {
		return b.String()
	}
	fmt.Fprintf(&b, "why: %s\n", says(s))
	if s.KickstartLine > 0 && s.Where == "" {
		fmt.Fprintf(&b, "kickstart: line %d as the guest saw it: %s\n", s.KickstartLine, s.KickstartText)
	}
	fmt.Fprintf(&b, "hint: %s\n", s.Hint)
	for _, part := range []struct {
		title string
		lines []anaconda.Line
	}{{"the guest's words", s.Lines}, {"the script's last lines", s.Said}, {"before that", s.Context}} {
		if len(part.lines) > 0 {
			fmt.Fprintf(&b, "%s:\n", part.title)
		}
		for _, l := range part.lines {
			fmt.Fprintf(&b, "  %-14s %s\n", place(l), l.Text)
		}
	}
	fmt.Fprintf(&b, "rule: %s (%s)\n", s.Rule, s.Class)
	if verbose && len(s.Others) > 0 {
		b.WriteString("also seen:\n")
		for _, o := range s.Others {
			fmt.Fprintf(&b, "  %-22s %s\n", o.Rule, o.Meaning)
			if len(o.Lines) > 0 {
				fmt.Fprintf(&b, "  %-22s %s: %s\n", "", place(o.Lines[0]), o.Lines[0].Text)
			}
		}
	}
	return b.String()
}

// says is what has failed, with its place.
func says(l Line) string { return (&anaconda.Failure{Where: l.Where, Meaning: l.Meaning}).Says() }

// place says where a line stands: "console:123".
func place(l anaconda.Line) string {
	if l.Line == 0 {
		return string(l.Channel)
	}
	if l.File != "" {
		return fmt.Sprintf("%s:%d", l.File, l.Line)
	}
	return fmt.Sprintf("%s:%d", l.Channel, l.Line)
}
