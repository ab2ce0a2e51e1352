package anaconda

import (
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// Weighing what was seen: when a finding becomes a verdict, which of several
// explains it, what withdraws it, and what proves success.

// The short ones decide how soon a failure is known (BenchmarkDetection of
// package assemble): under a second, with what the driver adds. The real
// installer writes a message within 50 ms even where all is emulated (the .times
// beside the recordings), and nobody can answer its questions; before the driver
// tells of a SHUTDOWN or a panic it has read what the other channels held.
const (
	promptTime = 500 * time.Millisecond // for a prompt to turn out to be none
	blockTime  = 500 * time.Millisecond // for the rest of a message that has begun
	settleTime = 400 * time.Millisecond // for other channels to catch up with QEMU's events
)

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
	m.tellHeld(false)
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
		if f.rule.Late {
			return age >= settleTime
		}
		return !f.open || age >= blockTime
	case Wait:
		return age >= promptTime
	}
	if !m.config.DoneMarker || !m.portSpoke { // nobody sends last words
		return !f.open || age >= blockTime
	}
	if m.report.ended && m.report.wordsAt >= f.at {
		return true
	}
	if m.report.wordsAt > f.at { // it may never say that it has ended
		return m.awake >= m.report.wordsAt+m.lastWords()/5 || age >= 3*m.lastWords()
	}
	return age >= m.lastWords()
}

// lastWords is how long %onerror's output is waited for. imgasm's own section
// gives up after ninety seconds; the installer itself waits for three minutes
// after it, and powers off.
func (m *Machine) lastWords() time.Duration {
	if m.slow() {
		return 90 * time.Second
	}
	return 10 * time.Second
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
				m.readLogs()
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
			m.event(event.Event{Kind: event.Note, Rule: m.out.Pending.Rule, Text: "the installation has failed; waiting up to " + rounded(m.lastWords()) + " for the installer's logs"})
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

// quote adds the lines that decided, where another row explains.
func (f *Failure) quote(decided *finding) {
	lines := decided.failure.Lines
	if decided.rule.Block != UnitStatus {
		lines = lines[:1]
	}
	for _, l := range lines {
		if !slices.Contains(f.Lines, l) && len(f.Lines) < maxLines {
			f.Lines = append(f.Lines, l)
		}
	}
}

// explain returns the failure that says most, with the others in it.
func (m *Machine) explain() *Failure {
	all := slices.Clone(m.findings)
	found := map[Class]bool{}
	for _, f := range all {
		found[f.failure.Class] = true
	}
	for _, details := range []bool{false, true} {
		for _, c := range m.clues {
			if class := c.failure.Class; m.explains(c) && c.rule.Detail == details && (!details || found[class]) {
				all = append(all, c)
				found[class] = true
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b *finding) int { return int(a.at - b.at) })
	best := all[0]
	for _, f := range all {
		if f.rule.Rank > best.rule.Rank || f.rule.Rank == best.rule.Rank && f.rule.Action.decides() && !best.rule.Action.decides() {
			best = f
		}
	}
	failure := best.failure
	if !best.rule.Action.decides() && len(m.findings) > 0 { // it is older than what it explains
		failure.Phase = m.findings[0].phase
	}
	failure.Lines = slices.Clone(failure.Lines)
	switch {
	case best.rule.Script:
		m.placeScript(&failure, best.number)
	case best.rule.NamesLine || best.rule.Block == Refusal:
		m.place(&failure)
	}
	for _, f := range all {
		if f != best && f.failure.Rule != failure.Rule && !(f.rule.Script && best.rule.Script) {
			failure.Others = append(failure.Others, f.failure)
		}
		if f.rule.Action.decides() && f.rule.When != inDialog {
			failure.quote(f)
		}
		if f.failure.Class == failure.Class && len(failure.Said) == 0 {
			failure.Said = f.failure.Said
		}
		failure.TimedOut = failure.TimedOut || f.failure.TimedOut && len(m.findings) == 1
	}
	failure.Lines, failure.Said, failure.Context = telling(failure.Lines), telling(failure.Said), telling(failure.Context)
	return &failure
}

// telling leaves out the lines by which Python points at parts of the line above:
// "    ~~~~~~~~~^^^^^". The first line stays.
func telling(lines []Line) []Line {
	return slices.DeleteFunc(lines, func(l Line) bool { return l.Text != "" && strings.Trim(l.Text, " ~^") == "" })
}

// Failure explains the failure with all that is known by now, nil if there is
// none: what comes after the verdict may say more.
func (m *Machine) Failure() *Failure {
	if m.verdict == Failed {
		m.failure = m.explain()
	}
	return m.failure
}

// Waits returns what an installation that is complete waits for, nil if it
// waits for nothing. It is among the remarks too.
func (m *Machine) Waits() *Failure {
	if m.waits == nil {
		return nil
	}
	return &m.waits.failure
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
