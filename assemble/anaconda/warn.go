package anaconda

import (
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

// Warnings are told once. The installer's checks say first that packages are
// missing, and some lines later which.

// warnings is what has been told of them.
type warnings struct {
	told    map[Class]bool // or waits
	vague   *event.Event   // waits for one of its class that says more
	class   Class          // of vague
	vagueAt time.Duration  // awake
}

// vagueTime is how long a vague warning waits for one that says more.
const vagueTime = time.Second

// warn tells of a row that has fired and decides nothing.
func (m *Machine) warn(r *Rule, e event.Event) {
	w := &m.warnings
	switch {
	case e.Kind == event.Note:
		m.event(e)
	case !r.Vague:
		if w.class == r.Class {
			w.vague = nil
		}
		w.told[r.Class] = true
		m.event(e)
	case !w.told[r.Class]:
		m.warnVaguely() // of another class
		w.told[r.Class] = true
		w.vague, w.class, w.vagueAt = &e, r.Class, m.awake
	}
}

// warnVaguely tells the warning that nothing has said more about.
func (m *Machine) warnVaguely() {
	if w := &m.warnings; w.vague != nil {
		m.event(*w.vague)
		w.vague = nil
	}
}
