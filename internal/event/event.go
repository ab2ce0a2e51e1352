// Package event is what a build says while it runs: one flat record that the
// terminal, the log and a remote host all understand.
package event

import "time"

// Kind says what an event is about.
type Kind string

// The kinds of events.
const (
	StepStart Kind = "step-start" // Step begins; Text says what it will do
	StepDone  Kind = "step-done"  // Step ended well; Text says what came out of it
	StepSkip  Kind = "step-skip"  // Step has nothing to do; Text says why
	Phase     Kind = "phase"      // the guest's installer entered a phase; Text names it
	Progress  Kind = "progress"   // Done of Total in Unit; Text says what is being done
	Written   Kind = "written"    // the guest has written so much to its disks by now: Done, in bytes
	Console   Kind = "console"    // a cleaned line of the guest's console
	Note      Kind = "note"       // worth knowing, changes nothing
	Warning   Kind = "warning"    // the build goes on, but look at this
	Error     Kind = "error"      // Step failed or was interrupted, and the build with it; Text says why, Hint what to do
	Result    Kind = "result"     // the build's outputs are in place; Path names one
)

// Event is one record. Zero fields are left out of the JSON form.
type Event struct {
	Time time.Time `json:"time"`
	// Kind is one of step-start, step-done, step-skip, phase, progress, written,
	// console, note, warning, error and result.
	Kind Kind   `json:"kind"`
	Step string `json:"step,omitempty"` // of the build, which the event is of
	Text string `json:"text,omitempty"` // a sentence for a person
	Hint string `json:"hint,omitempty"` // what to do
	// Interrupted: somebody stopped the build, by Ctrl-C or a signal; of an Error.
	Interrupted bool   `json:"interrupted,omitempty"`
	Rule        string `json:"rule,omitempty"` // the rule of assemble/anaconda that fired
	Path        string `json:"path,omitempty"` // of an output; of a Result
	Done        int64  `json:"done,omitempty"` // of Total, in Unit
	Total       int64  `json:"total,omitempty"`
	Unit        string `json:"unit,omitempty"` // "B", "packages", "tasks"
	// Fraction of the whole step that is done, 0 to 1; never goes back within a step.
	Fraction float64 `json:"fraction,omitempty"`
	// Seconds since the step began.
	Elapsed float64 `json:"elapsed,omitempty"`
	// Line in the kept console log that the event speaks of; 1-based.
	Line int `json:"line,omitempty"`
}

// Sink takes events. It must be safe for use by several goroutines and must
// not block for long: a guest may be waiting.
type Sink func(Event)
