package anaconda

import (
	"slices"
	"strings"
	"time"
)

// What speaks for success and for failure, and how it is weighed.

// evidence is all of it that has come so far.
type evidence struct {
	config  *Config
	outline *outline // of the kickstart, nil if it is not known

	// For success.
	complete   bool          // the installer has said so
	completeAt time.Duration // awake
	trusted    bool          // the progress port has carried a trusted line
	done       bool          // and the marker of the last %post
	down       bool          // the kernel said that it goes down, or another has begun
	orderly    bool          // it said so
	shutdown   string        // reason of QMP SHUTDOWN, "" before it
	shutdownAt time.Duration // awake
	shutText   string
	over       bool          // nothing more will come: Exit or End
	askedDown  bool          // the caller was asked to power the guest down
	askedAt    time.Duration // awake

	// For failure.
	findings []*finding // those that decide
	clues    []*finding // those that explain
	fired    map[string]int
	scripts  []scriptEnd // what the log says of the kickstart's scripts
	waits    *finding    // what a complete installation waits for
	unsaved  *finding    // the partitions that were refused, until it is said why
}

// finding is a row of the table that has fired, with the guest's lines.
type finding struct {
	rule    *Rule
	failure Failure
	phase   Phase         // in which it fired
	at      time.Duration // awake
	run     int           // of the installer in which it fired
	open    bool          // its message is still being collected
	number  int           // of a line, which a dialog about a script names
	every   []string      // what a row that tells all of it has found
	passed  bool          // the installation has got over it
	warned  bool          // and the user has been told of it
	fatal   bool          // the failure that will follow says more
}

const (
	maxLines = 40 // of evidence in a failure
	maxClues = 60
)

// add keeps a finding.
func (e *evidence) add(f *finding) {
	if f.rule.Action.decides() {
		e.findings = append(e.findings, f)
	} else if len(e.clues) < maxClues {
		e.clues = append(e.clues, f)
	}
}

// withdraw forgets findings: the installation went on in spite of them.
func (e *evidence) withdraw(refuted func(*finding) bool) {
	e.findings = slices.DeleteFunc(e.findings, func(f *finding) bool {
		return refuted(f) && f.rule.Channel != OnQMP && f.rule.Channel != OnQEMU
	})
}

// relevant returns the findings and the clues that have to do with what happens in
// a phase, in the order in which they were seen. Details count where something else
// of their class was found.
func (e *evidence) relevant(p Phase) []*finding {
	all := slices.Clone(e.findings)
	for _, details := range []bool{false, true} {
		for _, c := range e.clues {
			r := c.rule
			explains := (r.Action == Clue || r.Action == Note) && (r.Last == 0 || p <= max(r.Last, r.Stands))
			ofClass := func(f *finding) bool { return f.failure.Class == c.failure.Class }
			if explains && r.Detail == details && (!details || slices.ContainsFunc(all, ofClass)) {
				all = append(all, c)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *finding) int { return int(a.at - b.at) })
	return all
}

// saysMore reports whether a finding explains more than another.
func (f *finding) saysMore(other *finding) bool {
	a, b := f.rule, other.rule
	return a.Rank > b.Rank || a.Rank == b.Rank && a.Action.decides() && !b.Action.decides()
}

// explain returns the failure that says most, with the others in it, nil if there
// is none.
func (e *evidence) explain(p Phase) *Failure {
	all := e.relevant(p)
	if len(all) == 0 {
		return nil
	}
	best := all[0]
	for _, f := range all {
		if f.saysMore(best) {
			best = f
		}
	}
	failure := best.failure
	if !best.rule.Action.decides() && len(e.findings) > 0 { // it is older than what it explains
		failure.Phase = e.findings[0].phase
	}
	failure.Lines = slices.Clone(failure.Lines)
	switch {
	case best.rule.Script:
		e.placeScript(&failure, best.number)
	case best.rule.NamesLine || best.rule.Block == Refusal:
		e.outline.place(&failure)
	}
	for _, f := range all {
		if f != best && f.failure.Rule != failure.Rule && !(f.rule.Script && best.rule.Script) {
			failure.Others = append(failure.Others, f.failure)
		}
		if f.rule.Action.decides() && f.rule.Block != Dialog {
			failure.quote(f)
		}
		if f.failure.Class == failure.Class && len(failure.Said) == 0 {
			failure.Said = f.failure.Said
		}
		failure.TimedOut = failure.TimedOut || f.failure.TimedOut && len(e.findings) == 1
	}
	failure.Lines, failure.Said, failure.Context = withoutCarets(failure.Lines), withoutCarets(failure.Said), withoutCarets(failure.Context)
	return &failure
}

// quote adds the lines of a finding that decided, where another row explains.
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

// withoutCarets leaves out the lines by which Python points at parts of the line
// above: "    ~~~~~~~~~^^^^^".
func withoutCarets(lines []Line) []Line {
	return slices.DeleteFunc(lines, func(l Line) bool { return l.Text != "" && strings.Trim(l.Text, " ~^") == "" })
}

// marked reports whether the guest has said that all is done.
func (e *evidence) marked() bool {
	if e.config.DoneMarker && e.trusted {
		return e.done
	}
	return e.done || e.complete
}

// succeeded weighs the evidence of success from both sides.
func (e *evidence) succeeded() bool {
	c := e.config
	if c.ConsoleOnly {
		return (e.complete || e.done) && (e.down || e.over || e.shutdown != "")
	}
	// Where the kernel says that it goes down, the end is in order, whichever it is: a
	// file that the kickstart includes may have another ending than it has itself.
	switch e.shutdown {
	case "guest-shutdown":
		return e.marked() && (!c.EndsWithReboot || e.askedDown || e.orderly)
	case "guest-reset":
		return e.marked() && (c.EndsWithReboot || e.orderly)
	}
	return false
}
