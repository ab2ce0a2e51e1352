package anaconda

import (
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// Findings: rows of the table that have fired, with the guest's lines.

// finding is a row of the table that has fired.
type finding struct {
	rule    *Rule
	failure Failure
	phase   Phase         // in which it fired
	at      time.Duration // awake
	run     int           // of the installer in which it fired
	open    bool          // its block is still being collected
}

const (
	maxLines = 40 // of evidence in a failure
	maxClues = 60
)

// add makes a finding of a row that has fired.
func (m *Machine) add(r *Rule, groups []string, at Line) *finding {
	f := &finding{rule: r, phase: m.phase, at: m.awake, run: m.runs}
	f.failure = Failure{
		Class: r.Class, Rule: r.Name, Phase: m.phase, Lines: []Line{at},
		Meaning: m.expand(r.Meaning, groups), Hint: m.expand(r.Hint, groups),
		TimedOut: r.Channel == OnClock,
	}
	if r.Rank <= contextRank && r.Action.decides() {
		f.failure.Context = m.recent.lines(at)
	}
	if r.Action.decides() {
		m.findings = append(m.findings, f)
	} else if len(m.clues) < maxClues {
		m.clues = append(m.clues, f)
	}
	if r.Action == Clue || r.Action == Warn || r.Action == Note {
		kind := event.Warning
		if r.Action == Note {
			kind = event.Note
		}
		e := event.Event{Kind: kind, Text: f.failure.Meaning, Hint: f.failure.Hint, Rule: r.Name}
		if at.Channel == OnConsole {
			e.Line = at.Line
		}
		m.warn(r, e)
	}
	return f
}

// contextRank is the highest rank of the rows that need the lines before theirs
// to be understood.
const contextRank = 30

// recentLines are the last lines of the console that say something.
type recentLines struct {
	ring [8]Line
	n    int
}

func (r *recentLines) add(line int, text string) {
	if c := text[0]; (c == '.' || c == '=') && onlyPips(text) {
		return
	}
	r.ring[r.n%len(r.ring)] = Line{OnConsole, line, text}
	r.n++
}

// onlyPips reports whether nothing but dots or dialogs' edges are in a text.
func onlyPips(text string) bool {
	for i := range len(text) {
		if text[i] != '.' && text[i] != '=' {
			return false
		}
	}
	return true
}

// lines returns them in order, without the one that is told anyway.
func (r *recentLines) lines(but Line) []Line {
	var all []Line
	for i := max(0, r.n-len(r.ring)); i < r.n; i++ {
		if l := r.ring[i%len(r.ring)]; l != but {
			all = append(all, Line{l.Channel, l.Line, short(l.Text, 500)})
		}
	}
	return all
}

// match tries the rows of a channel whose lines are few.
func (m *Machine) match(c Channel, text string, at Line) *finding {
	for _, r := range table().on[c] {
		if groups := r.pattern.FindStringSubmatch(text); groups != nil && m.applies(r, nil, text) {
			if m.fired[r.Name]++; m.fired[r.Name] > 1 {
				return nil
			}
			return m.add(r, groups, at)
		}
	}
	return nil
}

// reasons adds what the rows for error texts make of one, as findings as
// certain as the frame that it stood in.
func (m *Machine) reasons(frame *finding, text string) {
	text = strings.Join(strings.Fields(text), " ")
	for _, r := range table().on[OnReason] {
		groups := r.find(text)
		if groups == nil || !m.once(frame.rule.Action.decides(), r) {
			continue
		}
		f := &finding{rule: reasonLike(r, frame.rule), phase: frame.phase, at: frame.at, run: frame.run, failure: frame.failure}
		f.failure.Class, f.failure.Rule = r.Class, r.Name
		f.failure.Phase = max(f.failure.Phase, r.First)
		f.failure.Meaning, f.failure.Hint = m.expand(r.Meaning, groups), m.expand(r.Hint, groups)
		if frame.rule.Action.decides() {
			m.findings = append(m.findings, f)
		} else if len(m.clues) < maxClues {
			m.clues = append(m.clues, f)
		}
	}
}

// once reports whether a reason is new. One that was only a clue may still decide.
func (m *Machine) once(decides bool, r *Rule) bool {
	key := r.Name
	if !decides {
		key = "clue " + key
	}
	m.fired[key]++
	return m.fired[key] == 1
}

// reasonLike gives a reason's row the certainty of the frame's.
func reasonLike(r, frame *Rule) *Rule {
	like := *r
	like.Action, like.Last, like.Stands = frame.Action, frame.Last, frame.Stands
	return &like
}

// checked looks for reasons in what the installer prints while it checks the
// kickstart's sources, packages and partitions. It says them there, goes on, and
// gives up later with less.
var checked = &Rule{Name: "checks", Action: Clue, Last: PhaseHub, Stands: PhasePackages}

func (m *Machine) checkLine(at Line) {
	m.quoteUnsaved(at)
	for _, r := range table().on[OnReason] {
		groups := r.find(at.Text)
		if groups == nil || !m.once(false, r) {
			continue
		}
		f := m.add(reasonLike(r, checked), groups, at)
		if strings.HasSuffix(at.Text, "Failed to save storage configuration") || strings.HasSuffix(at.Text, "Failed to save boot loader configuration") {
			m.unsaved = f
		}
	}
}

// quoteUnsaved adds to "Failed to save storage configuration" what the installer
// says next, behind pips: why (pyanaconda/ui/lib/storage.py, apply_partitioning).
func (m *Machine) quoteUnsaved(at Line) {
	why := strings.TrimLeft(at.Text, ".")
	if m.unsaved == nil || why == "" {
		return
	}
	if f := &m.unsaved.failure; !isEdge(why) {
		f.Lines = append(f.Lines, at)
		f.Meaning = strings.TrimSuffix(f.Meaning, ".") + ": " + short(why, 300)
	}
	m.unsaved = nil
}
