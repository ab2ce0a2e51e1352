// The walk through a file that lint makes, with what it remembers on the way.

package kickstart

import (
	"slices"
	"sort"
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
	names    []string                      // of commands; made by commandNames
	active   map[*OptionSpec][]*OptionSpec // by the first row of a table; made by activeOptions
	refused  bool                          // an error was found, suppressed or not
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

// state is what commands leave behind for later ones.
type state struct {
	seen           map[string]int // first line of a command, by its table name
	defined        map[string]int // line of a definition, by kind and name
	snapshots      map[string]int
	ignored        []string // disks
	onlyUse        []string
	autopartType   string
	autopartFstype string
	xlayouts       []string
	logHost        string
	logPort        string
	enabled        []string
	disabled       []string
	realmJoined    bool
	iscsi          *iscsiMode      // of the first iscsi command
	broken         map[string]bool // commands and sections that lines which cannot be read are meant to be; "" for no known one
	swallowed      bool            // a section without end may have taken lines for its own
	unread         bool            // something is included that lint did not see
	hasPre         bool            // a %pre script may write the files to include
	includes       int
	includedBytes  int
	packages       packageState
	facts          facts
}

// iscsiMode is whether iSCSI targets are bound to a network interface.
type iscsiMode struct {
	bound bool
	at    entryPlace
}

func newLinter(o LintOptions) *linter {
	if o.Dialect == "" {
		o.Dialect = RHEL10
	}
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

// byPlace sorts findings by their keys, and by column where they are about
// the same line.
type byPlace struct {
	findings []Finding
	keys     [][]int
}

func (b byPlace) Len() int { return len(b.keys) }

func (b byPlace) Less(i, j int) bool {
	if c := slices.Compare(b.keys[i], b.keys[j]); c != 0 {
		return c < 0
	}
	return b.findings[i].Column < b.findings[j].Column
}

func (b byPlace) Swap(i, j int) {
	b.findings[i], b.findings[j] = b.findings[j], b.findings[i]
	b.keys[i], b.keys[j] = b.keys[j], b.keys[i]
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
func (l *linter) fails(p problem) {
	if l.options.Target != nil {
		l.add(Error, p)
		return
	}
	l.add(Warning, p)
}

// longestLine is the longest line, in bytes, that findings quote: a line may
// have many findings, and each carries it.
const longestLine = 4096

// excerpt is a line of the file as it stands, without its end.
func (s *source) excerpt(n int) string {
	if s.lines == nil {
		for line := range s.file.rawLines() {
			s.lines = append(s.lines, line[:eolStart(line)])
		}
	}
	if n < 1 || n > len(s.lines) || len(s.lines[n-1]) > longestLine {
		return ""
	}
	return string(s.lines[n-1])
}

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
	l.finish(f)
	l.leave()
	l.countRest()
	sort.Stable(byPlace{l.findings, l.keys})
}

// hasText reports whether a section has a line that is not blank.
func hasText(s *Section) bool {
	for _, n := range s.Body {
		if t, ok := n.(*Text); ok && strings.TrimFunc(t.Text(), isSpace) != "" {
			return true
		}
	}
	return false
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
