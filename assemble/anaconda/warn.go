package anaconda

import (
	"slices"

	"github.com/imgasm/imgasm/internal/event"
)

// A clue is told once: as a part of the failure that it explains, or, as soon as
// the installation goes on in spite of it, as a warning.

// tellNow tells of a row that has fired and decides nothing.
func (m *Machine) tellNow(f *finding) {
	kind := event.Warning
	if f.rule.Action == Note {
		kind = event.Note
	}
	e := event.Event{Kind: kind, Text: f.failure.Says(), Hint: f.failure.Hint, Rule: f.failure.Rule}
	if at := f.failure.Lines[0]; at.Channel == OnConsole {
		e.Line = at.Line
	}
	m.event(e)
	f.told = true
}

// tellHeld tells the clues that the installation has got over, or all of them.
func (m *Machine) tellHeld(all bool) {
	kept := m.held[:0]
	var told []*finding
	for _, f := range m.held {
		if all || m.phase > max(f.phase, f.rule.Last, f.rule.Stands) {
			told = append(told, f)
		} else {
			kept = append(kept, f)
		}
	}
	m.held = kept
	for _, f := range told {
		if f.fatal { // the installer has not gone on: this is another script's number
			continue
		}
		if f.rule.Vague && slices.ContainsFunc(m.clues, func(c *finding) bool {
			return c.failure.Class == f.failure.Class && !c.rule.Detail && (!c.rule.Vague || c.told)
		}) {
			continue // one of the others says more
		}
		m.tellNow(f)
	}
}
