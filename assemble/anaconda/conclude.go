package anaconda

import (
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// Weighing what was seen: when a finding becomes a verdict, which of several
// explains it, what withdraws it, and what proves success.

// finding is a row of the table that has fired.
type finding struct {
	rule    *Rule
	failure Failure
	phase   Phase         // in which it fired
	at      time.Duration // awake
	open    bool          // its block is still being collected
}

const (
	lastWords   = 10 * time.Second        // for %onerror's output, and for a prompt to be answered
	lastWordsIn = 2 * time.Second         // after the last of it
	blockTime   = 3 * time.Second         // for the rest of a message that has begun
	settleTime  = 1500 * time.Millisecond // for other channels to catch up with a SHUTDOWN event
	maxLines    = 40                      // of evidence in a failure
	maxClues    = 60
)

// add makes a finding of a row that has fired.
func (m *Machine) add(r *Rule, groups []string, at Line) *finding {
	f := &finding{rule: r, phase: m.phase, at: m.awake}
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
		m.event(e)
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
	if c := text[0]; (c == '.' || c == '=') && strings.Trim(text, ".=") == "" {
		return
	}
	r.ring[r.n%len(r.ring)] = Line{OnConsole, line, text}
	r.n++
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

// advance moves to a later phase, and withdraws what that refutes.
func (m *Machine) advance(p Phase) {
	if p <= m.phase {
		return
	}
	m.phase = p
	if p <= PhaseComplete {
		m.withdraw(func(f *finding) bool { return p > max(f.phase, f.rule.Stands) })
	}
	m.announce()
}

// withdraw makes mere clues of findings: the installation went on in spite of them.
func (m *Machine) withdraw(refuted func(*finding) bool) {
	kept := m.findings[:0]
	for _, f := range m.findings {
		if refuted(f) && f.rule.Channel != OnQMP && f.rule.Channel != OnQEMU {
			f.open = false
			continue
		}
		kept = append(kept, f)
	}
	m.findings = kept
}

// explains reports whether a clue still has to do with what happens now.
func (m *Machine) explains(f *finding) bool {
	if f.rule.Action != Clue && f.rule.Action != Note {
		return false
	}
	return f.rule.Last == 0 || m.phase <= max(f.rule.Last, f.rule.Stands)
}

// ready reports whether a finding can be told now.
func (m *Machine) ready(f *finding) bool {
	if m.ended || m.shutdown != "" && m.awake >= m.shutdownAt+settleTime {
		return true
	}
	age := m.awake - f.at
	switch f.rule.Action {
	case Fail:
		if f.rule.Name == "guest-panicked" { // the kernel's own words are on their way
			return age >= settleTime
		}
		return !f.open || age >= blockTime
	case Wait:
		return age >= lastWords
	}
	if !m.config.DoneMarker || !m.portSpoke { // nobody sends last words
		return !f.open || age >= blockTime
	}
	if m.report.wordsAt > f.at && m.awake >= m.report.wordsAt+lastWordsIn {
		return true
	}
	return age >= lastWords
}

// conclude computes the verdict.
func (m *Machine) conclude() {
	m.endings()
	if len(m.findings) > 0 {
		ready, open := m.verdict == Failed, false
		for _, f := range m.findings {
			ready = ready || m.ready(f)
			open = open || f.open
		}
		if ready {
			if open && (m.verdict != Failed || m.ended) {
				m.closeBlocks()
			}
			if m.verdict != Failed {
				m.verdict, m.failure = Failed, m.explain()
			} else if m.ended {
				m.failure = m.explain()
			}
			return
		}
		m.verdict = Running
		m.out.Pending = m.explain()
		m.foretell()
		return
	}
	m.failure = nil
	m.verdict = Running
	if m.succeeded() {
		m.verdict = Succeeded
		m.progress.finish(m)
	}
}

// foretell says at once that the installation has failed, where the verdict
// waits for the installer's last words.
func (m *Machine) foretell() {
	for _, f := range m.findings {
		if f.rule.Action == Collect && !f.open && !m.foretold {
			m.foretold = true
			p := m.out.Pending
			e := event.Event{Kind: event.Warning, Rule: p.Rule, Hint: p.Hint, Text: "the installation has failed; waiting up to " + rounded(lastWords) + " for the installer's logs. " + p.Meaning}
			if p.Lines[0].Channel == OnConsole {
				e.Line = p.Lines[0].Line
			}
			m.event(e)
		}
	}
}

// succeeded weighs the evidence of success from both sides.
func (m *Machine) succeeded() bool {
	if m.config.ConsoleOnly {
		return (m.complete || m.done) && (m.down || m.ended || m.shutdown != "")
	}
	return m.marked() && m.endedAsExpected()
}

// marked reports whether the guest has said that all is done.
func (m *Machine) marked() bool {
	if m.config.DoneMarker && m.portSpoke {
		return m.done
	}
	return m.done || m.complete
}

func (m *Machine) endedAsExpected() bool {
	switch m.shutdown {
	case "guest-shutdown":
		return !m.config.EndsWithReboot || m.askedDown
	case "guest-reset":
		return m.config.EndsWithReboot
	}
	return false
}

// endings fires the rows for an end that came too early or in the wrong way,
// once the other channels have had time to say why.
func (m *Machine) endings() {
	settled := m.ended || m.awake >= m.shutdownAt+settleTime
	if m.shutdown == "" || !settled || len(m.findings) > 0 || m.succeeded() {
		return
	}
	text := m.shutText
	switch {
	case m.marked():
		text = "unexpected " + text
	case m.complete:
		text = "unmarked " + text
	default:
		text = "early " + text
	}
	m.match(OnQMP, text, Line{Channel: OnQMP, Text: m.shutText})
}

// explain returns the failure that says most, with the others in it.
func (m *Machine) explain() *Failure {
	var all []*finding
	all = append(all, m.findings...)
	for _, c := range m.clues {
		if m.explains(c) {
			all = append(all, c)
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *finding) int { return int(a.at - b.at) })
	best := all[0]
	for _, f := range all {
		if f.rule.Rank > best.rule.Rank {
			best = f
		}
	}
	failure := best.failure
	failure.Lines = slices.Clone(failure.Lines)
	for _, f := range all {
		if f != best && f.failure.Rule != failure.Rule {
			failure.Others = append(failure.Others, f.failure)
		}
		if f.rule.Action.decides() && f.rule.When != inDialog && !slices.Contains(failure.Lines, f.failure.Lines[0]) && len(failure.Lines) < maxLines {
			failure.Lines = append(failure.Lines, f.failure.Lines[0]) // what decided is quoted too
		}
		failure.TimedOut = failure.TimedOut || f.failure.TimedOut && len(m.findings) == 1
	}
	return &failure
}

// Remarks returns what rows of the table noticed that decided nothing, in the
// order in which it was seen.
func (m *Machine) Remarks() []Failure {
	var remarks []Failure
	for _, c := range m.clues {
		remarks = append(remarks, c.failure)
	}
	return remarks
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
		groups := r.pattern.FindStringSubmatch(text)
		if groups == nil || !m.once(frame.rule.Action.decides(), r) {
			continue
		}
		f := &finding{rule: reasonLike(r, frame.rule), phase: frame.phase, at: frame.at, failure: frame.failure}
		f.failure.Class, f.failure.Rule = r.Class, r.Name
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
	for _, r := range table().on[OnReason] {
		groups := r.pattern.FindStringSubmatch(at.Text)
		if groups == nil || !m.once(false, r) {
			continue
		}
		m.add(reasonLike(r, checked), groups, at)
	}
}
