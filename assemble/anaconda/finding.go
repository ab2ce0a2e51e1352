package anaconda

import (
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/qemu/console"
)

// How texts become findings: by the rows of the table that they fire.

// rows yields the rows of a channel that a text fires, with what their patterns
// find in it. r is the console's record, nil on other channels.
func (m *Machine) rows(c Channel, text string, r *console.Record) iter.Seq2[*Rule, []string] {
	return func(yield func(*Rule, []string) bool) {
		for _, row := range table().on[c] {
			if m.phase < row.First || row.Last != 0 && m.phase > row.Last || r != nil && !row.mayBe(r, &m.speaker) {
				continue
			}
			groups := row.find(text)
			if groups == nil || m.evidence.fired[row.Name] >= row.repeats() || row.When != nil && !row.When(m, r) {
				continue
			}
			if !yield(row, groups) {
				return
			}
		}
	}
}

// mayBe reports whether a record of the console can be what the row is about.
func (r *Rule) mayBe(rec *console.Record, s *speaker) bool {
	return s.said(r.Who, rec) && (!rec.Partial || r.Prompt || r.Action == Wait)
}

// repeats is how often a row may fire.
func (r *Rule) repeats() int {
	if r.Often {
		return 10
	}
	return 1
}

// match makes a finding of a text on a channel whose lines are few, nil if no row
// fires.
func (m *Machine) match(text string, at Line) *finding {
	for row, groups := range m.rows(at.Channel, text, nil) {
		return m.add(row, groups, at)
	}
	return nil
}

// add makes a finding of a row that has fired.
func (m *Machine) add(r *Rule, groups []string, at Line) *finding {
	m.evidence.fired[r.Name]++
	f := &finding{rule: r, phase: m.phase, at: m.clock.awake, run: m.runs}
	f.failure = Failure{Phase: m.phase, Lines: []Line{at}, TimedOut: r.Channel == OnClock}
	f.fill(&m.config, groups, at.Text)
	if r.Rank <= contextRank && r.Action.decides() {
		f.failure.Context = m.collector.before(at)
	}
	m.evidence.add(f)
	if r.Action == Warn || r.Action == Note && !r.Detail {
		m.warn(f)
	}
	return f
}

// contextRank is the highest rank of the rows that need the lines before theirs
// to be understood.
const contextRank = 30

// fill adds what the row says to a finding that is new.
func (f *finding) fill(c *Config, groups []string, text string) {
	r, words := f.rule, f.rule.words(c)
	f.failure.Class, f.failure.Rule = r.Class, r.Name
	f.failure.Meaning, f.failure.Hint = c.expand(words.Meaning, groups), c.expand(words.Hint, groups)
	if r.NamesLine {
		f.nameLine(groups)
	}
	if r.Script && r.Channel != OnLog && len(groups) > 1 {
		f.number, _ = strconv.Atoi(groups[1]) // not all of them name one
	}
	if r.Every {
		f.every = found(r, text)
		f.listEvery(c)
	}
	if r.Address {
		if at := address.FindString(text); at != "" && !strings.Contains(f.failure.Meaning, at) {
			f.adds(at)
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

// listEvery writes all that was found into the meaning.
func (f *finding) listEvery(c *Config) {
	f.failure.Meaning = c.expand(f.rule.words(c).Meaning, []string{"", strings.Join(f.every, "; ")})
}

// extend adds what another line says to the finding of a row that tells all, and
// reports whether there is one.
func (e *evidence) extend(r, frame *Rule, at Line) bool {
	i := slices.IndexFunc(e.clues, func(f *finding) bool { return f.failure.Rule == r.Name && f.rule.Detail == frame.Detail })
	if i < 0 || !r.Every || frame.Action.decides() {
		return false
	}
	f := e.clues[i]
	for _, one := range found(r, at.Text) {
		if !slices.Contains(f.every, one) && len(f.every) < maxEvery {
			f.every = append(f.every, one)
			if len(f.failure.Lines) < maxLines {
				f.failure.Lines = append(f.failure.Lines, at)
			}
		}
	}
	f.listEvery(e.config)
	return true
}

// reasons adds what the rows for error texts make of one, as findings as
// certain as the frame that it stood in. The last one is returned, nil if nothing
// is new.
func (e *evidence) reasons(frame *finding, text string) (last *finding) {
	at := frame.failure.Lines[0]
	at.Text = strings.Join(strings.Fields(text), " ")
	for _, r := range table().on[OnReason] {
		groups := r.find(at.Text)
		if groups == nil || e.extend(r, frame.rule, at) || !e.once(frame.rule, r) {
			continue
		}
		last = &finding{rule: reasonLike(r, frame.rule), phase: frame.phase, at: frame.at, run: frame.run, failure: frame.failure}
		last.failure.Phase = max(last.failure.Phase, r.First)
		last.fill(e.config, groups, at.Text)
		e.add(last)
	}
	return last
}

// once reports whether a reason is new. One that was only a clue may still decide.
func (e *evidence) once(frame, r *Rule) bool {
	key := r.Name
	switch {
	case frame.Detail:
		key = "detail " + key
	case !frame.Action.decides():
		key = "clue " + key
	}
	e.fired[key]++
	return e.fired[key] == 1
}

// reasonLike gives a reason's row the certainty of the frame's.
func reasonLike(r, frame *Rule) *Rule {
	like := *r
	like.Action, like.Last, like.Stands, like.Detail = frame.Action, frame.Last, frame.Stands, frame.Detail
	return &like
}

// checked is the frame of what the installer prints while it checks the kickstart's
// sources, packages and partitions. It gives its reasons there, goes on, and gives
// up later with less.
var checked = &Rule{Name: "checks", Action: Clue, Last: PhaseHub, Stands: PhasePackages}

// checkLine looks for reasons in a line of the checks.
func (m *Machine) checkLine(at Line) {
	m.evidence.quoteUnsaved(at)
	frame := &finding{rule: checked, phase: m.phase, at: m.clock.awake, run: m.runs, failure: Failure{Phase: m.phase, Lines: []Line{at}}}
	f := m.evidence.reasons(frame, at.Text)
	if f != nil && (strings.HasSuffix(at.Text, "Failed to save storage configuration") || strings.HasSuffix(at.Text, "Failed to save boot loader configuration")) {
		m.evidence.unsaved = f
	}
}

// quoteUnsaved adds to "Failed to save storage configuration" what the installer
// says next, behind dots: why (pyanaconda/ui/lib/storage.py, apply_partitioning).
func (e *evidence) quoteUnsaved(at Line) {
	why, f := strings.TrimLeft(at.Text, "."), e.unsaved
	if f == nil || why == "" {
		return
	}
	if !isEdge(why) {
		f.failure.Lines = append(f.failure.Lines, at)
		f.adds(short(why, 300))
	}
	e.unsaved = nil
}
