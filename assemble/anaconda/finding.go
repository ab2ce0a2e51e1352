package anaconda

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
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
	number  int           // of a line, which a dialog about a script names
	every   []string      // what a row that tells all of it has found
	told    bool          // as a warning
	fatal   bool          // the failure that will follow says more
}

const (
	maxLines = 40 // of evidence in a failure
	maxClues = 60
)

// add makes a finding of a row that has fired.
func (m *Machine) add(r *Rule, groups []string, at Line) *finding {
	f := &finding{rule: r, phase: m.phase, at: m.awake, run: m.runs}
	words := m.words(r)
	f.failure = Failure{
		Class: r.Class, Rule: r.Name, Phase: m.phase, Lines: []Line{at},
		Meaning: m.expand(words.Meaning, groups), Hint: m.expand(words.Hint, groups),
		TimedOut: r.Channel == OnClock,
	}
	m.fill(f, groups, at.Text)
	if r.Rank <= contextRank && r.Action.decides() {
		f.failure.Context = m.recent.lines(at)
	}
	if r.Action.decides() {
		m.findings = append(m.findings, f)
	} else if len(m.clues) < maxClues {
		m.clues = append(m.clues, f)
	}
	switch {
	case r.Action == Clue && !r.Detail:
		m.held = append(m.held, f)
	case r.Action == Warn || r.Action == Note && !r.Detail:
		m.tellNow(f)
	}
	return f
}

// fill adds what the row's columns say to a finding that is new.
func (m *Machine) fill(f *finding, groups []string, text string) {
	r := f.rule
	if r.Script && r.Channel != OnLog && len(groups) > 1 {
		f.number, _ = strconv.Atoi(groups[1]) // not all of them name one
	}
	if r.Every {
		f.every = found(r, text)
		m.tellEvery(f)
	}
	if r.Address {
		if at := address.FindString(text); at != "" && !strings.Contains(f.failure.Meaning, at) {
			f.failure.Meaning = strings.TrimSuffix(f.failure.Meaning, ".") + ": " + at
		}
	}
}

// address is where something was to be got from.
var address = regexp.MustCompile(`\b(?:https?|ftp|file|nfs)://[^\s'"\])>]+`)

// found returns what the row's first group finds in a text, each once.
func found(r *Rule, text string) (all []string) {
	for _, groups := range r.pattern.FindAllStringSubmatch(text, maxEvery) {
		if !slices.Contains(all, groups[1]) {
			all = append(all, groups[1])
		}
	}
	return all
}

const maxEvery = 20 // that a row tells

// tellEvery writes all that was found into the meaning.
func (m *Machine) tellEvery(f *finding) {
	f.failure.Meaning = m.expand(m.words(f.rule).Meaning, []string{"", strings.Join(f.every, "; ")})
}

// extend adds what another line says to the finding of a row that tells all, and
// reports whether there is one.
func (m *Machine) extend(r, frame *Rule, at Line) bool {
	if !r.Every || frame.Action.decides() {
		return false
	}
	for _, f := range m.clues {
		if f.failure.Rule != r.Name || f.rule.Detail != frame.Detail {
			continue
		}
		for _, one := range found(r, at.Text) {
			if !slices.Contains(f.every, one) && len(f.every) < maxEvery {
				f.every = append(f.every, one)
				if len(f.failure.Lines) < maxLines {
					f.failure.Lines = append(f.failure.Lines, at)
				}
			}
		}
		m.tellEvery(f)
		return true
	}
	return false
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
	r.ring[r.n%len(r.ring)] = Line{Channel: OnConsole, Line: line, Text: text}
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
			all = append(all, Line{Channel: l.Channel, Line: l.Line, Text: short(l.Text, 500)})
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
		if groups == nil {
			continue
		}
		at := frame.failure.Lines[0]
		at.Text = text
		if m.extend(r, frame.rule, at) || !m.once(frame.rule, r) {
			continue
		}
		f := &finding{rule: reasonLike(r, frame.rule), phase: frame.phase, at: frame.at, run: frame.run, failure: frame.failure}
		f.failure.Class, f.failure.Rule = r.Class, r.Name
		f.failure.Phase = max(f.failure.Phase, r.First)
		f.failure.Meaning, f.failure.Hint = m.expand(r.Meaning, groups), m.expand(r.Hint, groups)
		m.fill(f, groups, text)
		if frame.rule.Action.decides() {
			m.findings = append(m.findings, f)
		} else if len(m.clues) < maxClues {
			m.clues = append(m.clues, f)
		}
	}
}

// once reports whether a reason is new. One that was only a clue may still decide.
func (m *Machine) once(frame, r *Rule) bool {
	key := r.Name
	switch {
	case frame.Detail:
		key = "detail " + key
	case !frame.Action.decides():
		key = "clue " + key
	}
	m.fired[key]++
	return m.fired[key] == 1
}

// reasonLike gives a reason's row the certainty of the frame's.
func reasonLike(r, frame *Rule) *Rule {
	like := *r
	like.Action, like.Last, like.Stands, like.Detail = frame.Action, frame.Last, frame.Stands, frame.Detail
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
		if groups == nil || m.extend(r, checked, at) || !m.once(checked, r) {
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
