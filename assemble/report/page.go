// The page: what is known of a build, as the template wants it.

package report

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"image/png"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/size"
)

//go:embed page.html style.html index.html
var files embed.FS

var templates = template.Must(template.ParseFS(files, "*.html"))

// How a build ended.
const (
	Done        = "done"
	Failed      = "failed"
	Interrupted = "interrupted"
	Unfinished  = "unfinished" // nobody knows: its events stop
)

// Verdict says how the build ended.
func (b *Build) Verdict() string {
	switch e := b.end(); {
	case e == nil:
		return Unfinished
	case e.Interrupted:
		return Interrupted
	case e.Kind == event.Error:
		return Failed
	}
	return Done
}

// Write writes the page. The same build gives the same bytes.
func (b *Build) Write(w io.Writer) error {
	head, err := json.Marshal(b.entry())
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s%s%s\n", marker, head, markerEnd); err != nil { // JSON has no ">" as it is
		return err
	}
	return templates.ExecuteTemplate(w, "page.html", b.page())
}

type page struct {
	Name, Verdict, When, Took string
	Why                       *why
	Rows                      []row
	Charts                    []chart
	Checks                    []Checked
	Said                      []said
	Image                     *Image
	Output                    []File
	Screen                    template.URL
	Consoles                  []pageConsole
	Details                   []detail
}

type why struct {
	Text, Hint, Rule string
	Lines            []word
}

type word struct{ ID, Where, Text string }

// row is a step or a phase on the timeline, which is 1000 wide.
type row struct {
	Kind, State, Name, Took, Text string
	From, Width                   int
}

type said struct{ Kind, At, Text, Hint string }

type pageConsole struct {
	ID, Name string
	Lines    []pageLine
	Phases   []pageLine
}

type pageLine struct {
	ConsoleLine
	ID string
}

type detail struct{ Name, Text string }

func (b *Build) page() page {
	p := page{
		Name: b.Name, Verdict: b.Verdict(), When: b.Events[0].Time.UTC().Format("2006-01-02 15:04 MST"), Took: duration(b.took()),
		Why: b.why(), Rows: b.rows(), Charts: b.charts(), Checks: b.Checks, Image: b.Image,
	}
	if b.Image != nil {
		p.Output = []File{b.Image.Output}
		p.Output[0].Role = b.Image.Format
	}
	for _, e := range b.Events {
		if e.Kind == event.Note || e.Kind == event.Warning {
			p.Said = append(p.Said, said{string(e.Kind), duration(e.Time.Sub(b.Events[0].Time)), e.Text, e.Hint})
		}
	}
	if _, err := png.DecodeConfig(bytes.NewReader(b.Screen)); err == nil {
		p.Screen = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Screen))
	}
	for n, c := range b.Consoles {
		one := pageConsole{ID: fmt.Sprintf("c%d", n), Name: c.Name}
		for _, l := range c.Lines {
			line := pageLine{l, fmt.Sprintf("c%d-%d", n, l.Line)}
			one.Lines = append(one.Lines, line)
			if l.Phase != "" {
				line.Text = l.Phase
				one.Phases = append(one.Phases, line)
			}
		}
		p.Consoles = append(p.Consoles, one)
	}
	for _, d := range []struct {
		name string
		text json.RawMessage
	}{{PlanFile, b.Plan}, {HostFile, b.Host}} {
		var text bytes.Buffer
		if d.text != nil && json.Indent(&text, d.text, "", "  ") == nil {
			p.Details = append(p.Details, detail{d.name, text.String()})
		}
	}
	return p
}

// why is the reason of a build that did not end well; nil: it did.
func (b *Build) why() *why {
	e := b.end()
	if e == nil || e.Kind != event.Error {
		return nil
	}
	w := &why{Text: e.Text, Hint: e.Hint}
	f := b.Failure
	if f == nil {
		return w
	}
	if b.failedOn == consoleFile { // of checks, all are told
		w.Text, _, _ = strings.Cut(e.Text, "\n") // the guest's lines follow
	}
	on := slices.IndexFunc(b.Consoles, func(c Console) bool { return c.Name == b.failedOn })
	w.Rule = f.Rule
	w.Hint = cmp.Or(w.Hint, f.Hint)
	for _, l := range append(f.Lines[:len(f.Lines):len(f.Lines)], f.Said...) {
		one := word{Where: l.Channel, Text: l.Text}
		if l.Line > 0 {
			one.Where = fmt.Sprintf("%s, line %d", l.Channel, l.Line)
		}
		if l.Channel == "console" && on >= 0 {
			one.ID = fmt.Sprintf("c%d-%d", on, l.Line)
		}
		w.Lines = append(w.Lines, one)
	}
	return w
}

// rows are the steps, and below them their phases.
func (b *Build) rows() (rows []row) {
	begin, total := b.Events[0].Time, max(b.took(), time.Millisecond)
	part := func(d time.Duration) int { return int(1000 * d / total) }
	step, phase := -1, -1 // rows that are open
	var since, phaseSince time.Time
	finish := func(n int, from, to time.Time) {
		if n >= 0 {
			rows[n].From = min(max(part(from.Sub(begin)), 0), 997)
			rows[n].Width = min(max(part(to.Sub(from)), 3), 1000-rows[n].From) // wide enough to be seen
			rows[n].Took = duration(to.Sub(from))
		}
	}
	shut := func(e Event, state, text string) {
		finish(phase, phaseSince, e.Time)
		finish(step, since, e.Time)
		if step >= 0 {
			rows[step].State = state
			rows[step].Text = cmp.Or(text, rows[step].Text)
		}
		step, phase = -1, -1
	}
	for _, e := range b.Events {
		switch e.Kind {
		case event.StepStart:
			shut(e, "", "")
			rows = append(rows, row{Kind: "step", Name: e.Step, Text: e.Text})
			step, since = len(rows)-1, e.Time
		case event.Phase:
			finish(phase, phaseSince, e.Time)
			rows = append(rows, row{Kind: "phase", Name: e.Text})
			phase, phaseSince = len(rows)-1, e.Time
		case event.StepDone:
			shut(e, Done, e.Text)
		case event.StepSkip:
			if step >= 0 && rows[step].Name == e.Step { // a check, which is asked what it needs
				shut(e, "skipped", "skipped: "+e.Text)
				continue
			}
			rows = append(rows, row{Kind: "step", State: "skipped", Name: e.Step, Text: "skipped: " + e.Text})
		case event.Error:
			shut(e, Failed, "")
		}
	}
	shut(b.Events[len(b.Events)-1], Unfinished, "")
	return rows
}

// duration is a time as a person reads it.
func duration(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	d = d.Round(time.Second)
	text := fmt.Sprintf("%d s", int(d.Seconds())%60)
	if d >= time.Minute {
		text = fmt.Sprintf("%d min ", int(d.Minutes())%60) + text
	}
	if d >= time.Hour {
		text = fmt.Sprintf("%d h ", int(d.Hours())) + text
	}
	return text
}

// Bytes is the file's size, for a person.
func (f File) Bytes() string { return size.Text(f.Size) }
