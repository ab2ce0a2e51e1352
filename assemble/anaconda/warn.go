package anaconda

import (
	"slices"

	"github.com/imgasm/imgasm/internal/event"
)

// A clue is told once: as a part of the failure that it explains, or, as soon as
// the installation goes on in spite of it, as a warning.

// warn tells of a row that has fired and decides nothing.
func (m *Machine) warn(f *finding) {
	f.warned = true
	e := event.Event{Kind: event.Warning, Text: f.failure.Says(), Hint: f.failure.Hint, Rule: f.failure.Rule}
	if f.rule.Action == Note {
		e.Kind = event.Note
	}
	if at := f.failure.Lines[0]; at.Channel == OnConsole {
		e.Line = at.Line
	}
	m.event(e)
}

// warnOfClues tells the clues that the installation has got over, or all of them.
// One that will be fatal it has not: this is another script's number.
func (m *Machine) warnOfClues(all bool) {
	for _, f := range m.evidence.clues {
		due := all || m.phase > max(f.phase, f.rule.Last, f.rule.Stands)
		if f.rule.Action == Clue && !f.rule.Detail && due && !f.passed {
			f.passed = true
			if !f.fatal && !(f.rule.Vague && m.evidence.saidBetter(f)) {
				m.warn(f)
			}
		}
	}
}

// saidBetter reports whether another clue says more than a vague one.
func (e *evidence) saidBetter(f *finding) bool {
	return slices.ContainsFunc(e.clues, func(c *finding) bool {
		return c.failure.Class == f.failure.Class && !c.rule.Detail && (!c.rule.Vague || c.warned)
	})
}
