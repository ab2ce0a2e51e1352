// The walk through a file that lint makes.

package kickstart

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// linter holds a file against the rules.
type linter struct {
	options  LintOptions
	findings []Finding
	shown    map[shownKey]*shownCount
	keys     [][]int // place of each finding: the lines of the %includes that lead to its file, and its own
	source   *source
	names    []string // of commands; made by commandNames
	refused  bool     // an error was found, suppressed or not
	state    state
}

// source is the file that is being read; its parent includes it.
type source struct {
	file    *File
	parent  *source
	path    []int    // the lines that include it, from the first file's on
	lines   [][]byte // made when the first finding needs them
	ignored ignored
}

func newLinter(o LintOptions) *linter {
	o.Dialect = cmp.Or(o.Dialect, RHEL10)
	return &linter{options: o, shown: map[shownKey]*shownCount{}, state: state{
		seen: map[string]int{}, defined: map[string]int{}, snapshots: map[string]int{}, broken: map[string]bool{},
	}}
}

// enter makes f the file that findings are about. line is the line of the
// file so far that includes it.
func (l *linter) enter(f *File, line int) {
	s := &source{file: f, parent: l.source}
	if l.source != nil {
		s.path = append(slices.Clone(l.source.path), line)
	}
	l.source = s
	l.source.ignored = l.readIgnored(f)
}

// leave goes back to the file that includes the current one.
func (l *linter) leave() { l.source = l.source.parent }

// lastLine is the number of the section's last line.
func (s *Section) lastLine() int {
	if s.End != nil {
		return s.End.pos.Line
	}
	if len(s.Body) > 0 {
		return s.Body[len(s.Body)-1].Pos().Line
	}
	return s.Header.pos.Line
}

// root lints the file that the caller gave.
func (l *linter) root(f *File) {
	l.enter(f, 0)
	for _, s := range f.Sections("%pre") {
		l.state.hasPre = l.state.hasPre || hasText(s)
	}
	l.walk(f)
	l.checkWhole(f)
	l.leave()
	l.countRest()
	l.sort()
}

// hasText reports whether a section has a line that is not blank.
func hasText(s *Section) bool {
	return slices.ContainsFunc(s.Body, func(n Node) bool {
		t, ok := n.(*Text)
		return ok && strings.TrimFunc(t.Text(), isSpace) != ""
	})
}

// walk lints the lines of the current file.
func (l *linter) walk(f *File) {
	l.checkEncoding(f)
	for i, n := range f.Nodes {
		switch n := n.(type) {
		case *Command:
			l.command(&n.Statement)
		case *Include:
			l.include(&n.Statement, nil)
		case *Append:
			l.append(n)
		case *Section:
			var next *Section
			if i+1 < len(f.Nodes) {
				next, _ = f.Nodes[i+1].(*Section)
			}
			l.section(n, next)
		}
	}
}

// readable reports whether a line could be split in words, and what is odd
// about it.
func (l *linter) readable(s *Statement) bool {
	if s.Err != nil {
		l.add(Error, problem{rule: ruleUnreadable, pos: s.Err.Pos, end: s.Err.Pos, text: s.Err.Text,
			meaning: "the installer stops here with a Python error that names no line",
			hint:    unreadableHint(s.Err.Text)})
		return false
	}
	return true
}

func unreadableHint(text string) string {
	if text == openQuote {
		return `close it, or write \" or \' if a quotation mark is meant`
	}
	return ""
}

// hashInWord warns of a '#' that cuts a word.
func (l *linter) hashInWord(s *Statement) {
	if s.Trailing == "" || len(s.Words) == 0 {
		return
	}
	if last := s.Words[len(s.Words)-1]; last.End == s.TrailingPos {
		end := s.TrailingPos
		end.Column += utf8.RuneCountInString(s.Trailing)
		l.warn(problem{rule: ruleHashInWord, pos: s.TrailingPos, end: end,
			text:    "the # in the middle of a word begins a comment",
			meaning: "the installer reads " + quoteWord(last.Value) + " only",
			hint:    "put the word in quotes; or a blank before the # if a comment is meant"})
	}
}

// command lints a line outside of sections.
func (l *linter) command(s *Statement) {
	if !l.readable(s) {
		l.cannotRead(s)
		return
	}
	if len(s.Words) == 0 {
		return
	}
	l.hashInWord(s)
	if l.typography(s) {
		l.cannotRead(s)
		return
	}
	if spec, ok := LookupCommand(s.Name()); ok {
		if _, again := l.state.seen[spec.Name]; !again {
			l.state.seen[spec.Name] = s.pos.Line
		}
		for _, other := range spec.Conflicts {
			if el := l.options.Dialect.elRelease(); el != 0 && el < spec.ConflictsSinceEL {
				break
			}
			if line, seen := l.state.seen[other]; seen {
				l.add(Error, problem{rule: ruleCommandConflict, pos: s.Words[0].Pos, end: s.Words[0].End,
					text: s.Name() + " and " + other + " (line " + strconv.Itoa(line) + ") exclude each other",
					hint: "remove one of them"})
				break
			}
		}
	}
	l.continued(s)
	a := l.decode(s)
	if a.Spec != nil && !a.failed {
		l.checkCommand(s, a)
	}
	if a.failed {
		l.cannotRead(s)
		return
	}
	l.advise(s, a)
}

// cannotRead notes what a line that cannot be read was meant to be, so that
// nobody is told that it is missing.
func (l *linter) cannotRead(s *Statement) {
	name := s.Name()
	spec, ok := LookupCommand(name)
	if !ok {
		spec, ok = LookupCommand(Nearest(strings.ToLower(plainPunctuation(name)), l.commandNames()))
	}
	if ok {
		l.state.broken[spec.Name] = true
	} else {
		l.state.broken[""] = true
	}
}

// mayHave reports whether a line that cannot be read may be one of these.
func (l *linter) mayHave(names ...string) bool {
	return l.state.broken[""] || slices.ContainsFunc(names, func(name string) bool { return l.state.broken[name] })
}

// continued warns of a backslash at the end of the line. Where it stands
// alone and the command takes no such argument, that is an error of its own.
func (l *linter) continued(s *Statement) {
	last := s.Words[len(s.Words)-1]
	text := strings.TrimRight(last.Value, "\r\n")
	spec, _ := LookupCommand(s.Name())
	if text == last.Value || text == "" && (spec == nil || !spec.Raw) {
		return
	}
	l.warn(problem{rule: ruleContinuation, pos: last.Pos, end: last.End,
		text:    "a backslash at the end of the line does not continue it",
		meaning: "the line end becomes a part of the word, the next line is a command of its own",
		hint:    "write the command on one line"})
}

// duplicate warns when something of a kind is defined a second time.
func (l *linter) duplicate(s *Statement, kind, name string) {
	key := kind + "\x00" + name
	if line, again := l.state.defined[key]; again {
		l.warn(problem{rule: ruleDuplicate, pos: s.Words[0].Pos, end: s.Words[len(s.Words)-1].End,
			text: "the " + kind + " " + quoteWord(name) + " is defined on line " + strconv.Itoa(line) + " already"})
		return
	}
	l.state.defined[key] = s.pos.Line
}
