package anaconda

import (
	"slices"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// When evidence becomes a verdict.

// The short ones decide how soon a failure is known (BenchmarkDetection of
// package alma): under a second, with what the driver adds. The real
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
		m.evidence.withdraw(func(f *finding) bool { return p > max(f.phase, f.rule.Stands) })
	}
	m.announce()
	m.warnOfClues(false)
}

// ready reports whether a finding can be told now.
func (m *Machine) ready(f *finding) bool {
	e, now := &m.evidence, m.clock.awake
	if e.over || e.shutdown != "" && now >= e.shutdownAt+settleTime {
		return true
	}
	age, patience := now-f.at, m.config.lastWords()
	switch {
	case f.rule.Action == Wait:
		return age >= promptTime
	case f.rule.Action == Fail && f.rule.Late:
		return age >= settleTime
	case f.rule.Action == Fail || !m.config.DoneMarker || !e.trusted: // nobody sends last words
		return !f.open || age >= blockTime
	case m.report.ended && m.report.wordsAt >= f.at:
		return true
	case m.report.wordsAt > f.at: // it may never say that it has ended
		return now >= m.report.wordsAt+patience/5 || age >= 3*patience
	}
	return age >= patience
}

// conclude computes the verdict.
func (m *Machine) conclude() {
	m.judgeEnd()
	e := &m.evidence
	if len(e.findings) == 0 {
		m.verdict, m.failure = Running, nil
		if e.succeeded() {
			m.verdict = Succeeded
			m.progress.finish(m)
		}
		return
	}
	failed := m.verdict == Failed
	if !failed && !slices.ContainsFunc(e.findings, m.ready) {
		m.verdict = Running
		m.out.Pending = e.explain(m.phase)
		m.awaitLastWords()
		return
	}
	if (!failed || e.over) && slices.ContainsFunc(e.findings, func(f *finding) bool { return f.open }) {
		m.closeMessages()
	}
	if !failed {
		m.readLogs()
	}
	if !failed || e.over {
		m.failure = e.explain(m.phase)
	}
	m.verdict = Failed
}

// awaitLastWords says once that the installation has failed, where the verdict
// waits for the installer's last words.
func (m *Machine) awaitLastWords() {
	certain := func(f *finding) bool { return f.rule.Action == Collect && !f.open }
	if m.awaiting || !slices.ContainsFunc(m.evidence.findings, certain) {
		return
	}
	m.awaiting = true
	m.event(event.Event{Kind: event.Note, Rule: m.out.Pending.Rule, Text: "the installation has failed; waiting up to " + rounded(m.config.lastWords()) + " for the installer's logs"})
}

// judgeEnd fires the rows for an end that came too early or in the wrong way,
// once the other channels have had time to say why.
func (m *Machine) judgeEnd() {
	e := &m.evidence
	settled := e.over || m.clock.awake >= e.shutdownAt+settleTime
	if e.shutdown == "" || !settled || len(e.findings) > 0 || e.succeeded() {
		return
	}
	how := "early "
	switch {
	case e.marked():
		how = "unexpected "
	case e.complete:
		how = "unmarked "
	}
	m.match(how+e.shutText, Line{Channel: OnQMP, Text: e.shutText})
}
