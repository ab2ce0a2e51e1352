// Keeping findings: their severity, their number, their order.

package kickstart

import (
	"cmp"
	"slices"
	"strconv"
	"unicode/utf8"
)

// sort puts the findings in the order of their keys, and by column where they
// are about the same line.
func (l *linter) sort() {
	order := make([]int, len(l.findings))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(slices.Compare(l.keys[a], l.keys[b]), l.findings[a].Column-l.findings[b].Column)
	})
	var sorted []Finding
	for _, i := range order {
		sorted = append(sorted, l.findings[i])
	}
	l.findings = sorted
}

// add keeps a finding about the current file, unless a comment suppresses it.
func (l *linter) add(severity Severity, p problem) {
	l.refused = l.refused || severity == Error
	if l.source.ignored.has(p.rule.Name, p.pos.Line) {
		return
	}
	shown := l.shown[shownKey{p.rule, severity}]
	if shown == nil {
		shown = &shownCount{}
		l.shown[shownKey{p.rule, severity}] = shown
	}
	if shown.n++; shown.n > maxShown+1 {
		return // the last one shown will say how many
	}
	shown.last = len(l.findings)
	f := Finding{
		Severity: severity, Rule: p.rule.Name, File: l.source.file.Name,
		Line: p.pos.Line, Column: p.pos.Column, EndColumn: p.pos.Column,
		Text: p.text, Meaning: p.meaning, Hint: p.hint,
		Excerpt: l.source.excerpt(p.pos.Line),
	}
	if p.end.Line == p.pos.Line && p.end.Column > p.pos.Column {
		f.EndColumn = p.end.Column
		if f.Excerpt != "" { // a word may contain its line's end, behind a backslash
			f.EndColumn = min(p.end.Column, max(utf8.RuneCountInString(f.Excerpt)+1, p.pos.Column))
		}
	}
	l.findings = append(l.findings, f)
	l.keys = append(l.keys, append(slices.Clone(l.source.path), f.Line))
}

// maxShown is how many findings of a rule are shown, errors and warnings
// counted by themselves. One more says how many there are.
const maxShown = 50

type shownKey struct {
	rule     *Rule
	severity Severity
}

type shownCount struct {
	n    int // findings
	last int // index of the last that is kept
}

// countRest makes the last finding of a rule that has too many say so.
func (l *linter) countRest() {
	for _, shown := range l.shown {
		if rest := shown.n - maxShown; rest > 0 {
			f := &l.findings[shown.last]
			f.Text, f.Meaning, f.Hint = strconv.Itoa(rest)+" more findings of this rule, of which this is one", "", ""
		}
	}
}

// warn is add for warnings that become errors when the machine is known.
func (l *linter) warn(p problem) { l.add(Warning, p) }

// fails is for what the installer reads but cannot do: an error when the
// machine is known, since the build would fail, and a warning otherwise.
func (l *linter) fails(p problem) { l.add(l.failing(), p) }

func (l *linter) failing() Severity {
	if l.options.Target != nil {
		return Error
	}
	return Warning
}

// longestLine is the longest line, in bytes, that findings quote: a line may
// have many findings, and each carries it.
const longestLine = 4096

// excerpt is a line of the file as it stands, without its end.
func (s *source) excerpt(n int) string {
	if s.lines == nil {
		for line := range s.file.Lines() {
			s.lines = append(s.lines, line[:eolStart(line)])
		}
	}
	if n < 1 || n > len(s.lines) || len(s.lines[n-1]) > longestLine {
		return ""
	}
	return string(s.lines[n-1])
}
