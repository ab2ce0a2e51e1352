package anaconda

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/qemu/console"
)

// Messages of several lines: where they end, and what is in them.

// block is the message that is being collected.
type block struct {
	kind     Block      // OneLine: none
	findings []*finding // the one that began it, and those that lines within it made
	source   string
	lines    []Line
}

const (
	maxBlock    = 200 // lines
	maxWarnings = 20  // lines
)

// beginBlock begins to collect a message. One that it breaks off is read as it is.
func (m *Machine) beginBlock(f *finding, r *console.Record) {
	f.open = true
	if m.block.kind.isDialog() && f.rule.Block.isDialog() { // a row for a line within it
		m.block.findings = append(m.block.findings, f)
		m.block.kind = f.rule.Block
		return
	}
	m.endBlock()
	m.block = block{kind: f.rule.Block, findings: []*finding{f}, source: r.Source, lines: f.failure.Lines[:1:1]}
}

// takeBlock takes a line of Anaconda's that belongs to the message that has
// begun, and reports whether it is to be looked at no further.
func (m *Machine) takeBlock(r *console.Record) bool {
	b := &m.block
	line := Line{Channel: OnConsole, Line: r.Line, Text: r.Text}
	switch b.kind {
	case Refusal, ErrorMessage, WholeMessage:
		b.lines = append(b.lines, line)
		if strings.Contains(r.Text, "The installer will now terminate.") || len(b.lines) > maxBlock {
			m.endBlock()
		}
		return true
	case Dialog, ScriptDialog:
		// What follows a script's failure is the script's output: edges in it
		// are those of dnf's tables, and nothing in it is the installer's.
		script := b.kind == ScriptDialog
		if !script && (isEdge(r.Text) || len(b.lines) > maxBlock) {
			m.endBlock()
			return false
		}
		if len(b.lines) > maxBlock { // the end of what a script says tells most
			b.lines = slices.Delete(b.lines, 3, 3+maxBlock/2)
		}
		b.lines = append(b.lines, line)
		if !script {
			m.scan(r)
		}
		if isPrompt(r.Text) {
			m.endBlock()
		}
		return true
	case HubMarks:
		if !strings.Contains(r.Text, "[!] ") && !strings.HasPrefix(r.Text, "       ") {
			if isHubLine(r.Text) {
				return true
			}
			m.endBlock()
			return false
		}
		b.lines = append(b.lines, line)
		return len(b.lines) < maxBlock
	case Warnings: // mostly the installer goes on: then the lines are any lines
		if len(b.lines) > maxWarnings {
			m.dropWarnings()
			return false
		}
		if strings.HasPrefix(r.Text, "An error occurred during reading the kickstart file:") {
			m.endBlock()
			return false
		}
		b.lines = append(b.lines, line)
		return false
	case Traceback:
		b.lines = append(b.lines, line)
		if exceptionLine.MatchString(r.Text) || len(b.lines) > maxBlock {
			m.scan(r)
			m.endBlock()
		}
		return true
	}
	return false
}

// dropWarnings ends the collecting of warnings about the kickstart: the installer goes on.
func (m *Machine) dropWarnings() {
	if m.block.kind == Warnings {
		m.block = block{}
	}
}

// isHubLine recognizes "3) [x] Installation source".
func isHubLine(text string) bool {
	number, rest, ok := strings.Cut(text, ") [")
	return ok && len(number) <= 2 && len(rest) > 2 && rest[1] == ']'
}

// seeStatus ends what systemd says of a unit that failed.
const seeStatus = "See 'systemctl status"

// takeUnit does the same for systemd's lines.
func (m *Machine) takeUnit(r *console.Record) {
	if b := &m.block; b.kind == UnitStatus && strings.Contains(r.Text, seeStatus) {
		b.lines = append(b.lines, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
		m.endBlock()
	}
}

// takeStage1 does the same for dracut's lines.
func (m *Machine) takeStage1(r *console.Record) {
	b := &m.block
	if b.kind != DracutErrors || r.Source != b.source {
		return
	}
	b.lines = append(b.lines, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
	if strings.Contains(r.Text, "Anaconda installer errors end") || len(b.lines) > maxBlock {
		m.endBlock()
	}
}

// exceptionLine is the end of a Python traceback, "pyanaconda.errors.ScriptError: text".
// What tmux dropped lines from can leave other unindented text in between.
var exceptionLine = regexp.MustCompile(`^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Iteration|Failure)\b(?::.*)?$`)

// closeBlocks makes what it can of messages that are still being collected. If
// more of them comes, it is still theirs.
func (m *Machine) closeBlocks() {
	m.readBlock()
	m.endLogBlock()
	if m.next.finding != nil {
		m.next.finding.open = false
		m.next = nextLine{}
	}
}

func (m *Machine) endBlock() {
	m.readBlock()
	m.block = block{}
}

// readBlock makes what it can of the message.
func (m *Machine) readBlock() {
	b := m.block
	if b.kind == OneLine {
		return
	}
	lines := b.lines
	if b.kind == Traceback && len(lines) > maxLines/2 { // the end says most
		lines = append(lines[:1:1], lines[len(lines)-maxLines/2:]...)
	}
	lines = lines[:min(len(lines), maxLines)]
	for _, f := range b.findings {
		f.open = false
		f.failure.Lines = from(lines, f.failure.Lines[0])
	}
	f := b.findings[len(b.findings)-1]
	switch b.kind {
	case Refusal, ErrorMessage, WholeMessage:
		m.explainTermination(f, lines)
	case Traceback:
		if last := lines[len(lines)-1].Text; exceptionLine.MatchString(last) {
			f.failure.Meaning = "The installer died of an exception that nothing caught: " + short(last, 300)
		}
		m.reasons(f, joined(lines))
	case HubMarks:
		if titles := incomplete.FindAllStringSubmatch(joined(lines), -1); len(titles) > 0 {
			var names []string
			for _, t := range titles {
				names = append(names, strings.TrimSpace(t[1]))
			}
			f.failure.Meaning = "The kickstart leaves open, or gets wrong, what the installer marks with [!]: " + strings.Join(names, ", ") + "."
		}
		m.reasons(f, joined(lines))
	case Dialog:
		m.reasons(f, joined(slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return isPrompt(l.Text) })))
	case ScriptDialog:
		f.failure.Said = scriptOutput(b.lines)
		if n := len(f.failure.Said); n > maxSaid {
			f.failure.Said = f.failure.Said[n-maxSaid:]
		}
	}
}

// isDialog reports whether simpleline's dialog is what is collected.
func (b Block) isDialog() bool { return b == Dialog || b == ScriptDialog }

// terminates reports whether the message ends with "The installer will now terminate."
func (b Block) terminates() bool { return b == Refusal || b == ErrorMessage || b == WholeMessage }

// isPrompt recognizes what ends a dialog.
func isPrompt(text string) bool {
	return strings.HasPrefix(text, "Press ENTER to") || strings.HasPrefix(text, "Please respond")
}

// maxSaid is how much of a script's output a failure has, in lines.
const maxSaid = 10

// incomplete finds the titles that the hub marks.
var incomplete = regexp.MustCompile(`\[!\] (\S+(?: \S+)*)`)

// from returns the lines from one on.
func from(lines []Line, first Line) []Line {
	if i := slices.Index(lines, first); i > 0 {
		return lines[i:]
	}
	return lines
}

// problemLine is how pykickstart names a line (pykickstart/errors.py).
var problemLine = regexp.MustCompile(`problem (?:occurred on|reading from) line (\d+) of the kickstart file|^\(?(?:line |on line )(\d+)\b`)

// explainTermination reads the texts that end with "The installer will now terminate."
func (m *Machine) explainTermination(f *finding, lines []Line) {
	var reason []string
	started := f.rule.Block != ErrorMessage
	if f.rule.Block == WholeMessage {
		reason = append(reason, lines[0].Text)
	}
	for _, l := range lines[1:] {
		switch {
		case strings.Contains(l.Text, "The installer will now terminate."):
		case strings.Contains(l.Text, "The exact error message is:"):
			started = true
		case started:
			reason = append(reason, l.Text)
		}
	}
	text := strings.Join(reason, "\n")
	if groups := problemLine.FindStringSubmatch(text); groups != nil {
		m.kickstartLine(f, groups)
		f.failure.KickstartText = problemText(reason)
	}
	if f.rule.Block == Refusal {
		if f.failure.KickstartText == "" {
			f.failure.KickstartText = strings.Join(strings.Fields(text), " ")
		}
		if n := f.failure.KickstartLine; n > 0 {
			f.failure.Meaning = "The installer refuses line " + strconv.Itoa(n) + " of the kickstart: " + f.failure.KickstartText
		} else if f.failure.KickstartText != "" {
			f.failure.Meaning = "The installer refuses the kickstart: " + f.failure.KickstartText
		}
	}
	if text != "" && f.rule.Block != Refusal {
		said := strings.Join(strings.Fields(text), " ")
		said = strings.TrimRight(strings.ReplaceAll(said, "Non interactive installation failed: ", ""), ".")
		f.failure.Meaning = strings.TrimSuffix(m.expand(f.rule.Meaning, nil), ".") + ": " + short(said, 500) + "."
	}
	m.reasons(f, text)
	m.nameWarnings()
}

// nameWarnings tells which warnings inst.ksstrict has made errors of.
func (m *Machine) nameWarnings() {
	for _, f := range m.findings {
		if f.rule.Quotes == "" {
			continue
		}
		for _, c := range m.clues {
			if lines := c.failure.Lines; c.failure.Rule == f.rule.Quotes && len(lines) > 1 {
				f.failure.Meaning = strings.TrimSuffix(f.failure.Meaning, ".") + ": " + short(strings.TrimSpace(joined(lines[1:])), 500)
				f.failure.Lines = slices.Concat(lines, f.failure.Lines)
			}
		}
	}
}

// problemText is what pykickstart says of the first line that it names.
func problemText(reason []string) string {
	var said []string
	for _, text := range reason {
		if strings.Contains(text, "problem occurred on line") {
			if len(said) > 0 {
				break
			}
			continue
		}
		said = append(said, strings.TrimSpace(text))
	}
	return strings.Join(said, " ")
}

// kickstartLine notes the line number that a row's first group holds.
func (m *Machine) kickstartLine(f *finding, groups []string) {
	for _, g := range groups[1:] {
		if n, err := strconv.Atoi(g); err == nil {
			f.failure.KickstartLine = n
			return
		}
	}
}

func joined(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Text)
		b.WriteByte(' ')
	}
	return b.String()
}

// nextLine waits for the line that follows, of the same process.
type nextLine struct {
	finding *finding
	source  string
	pid     int
}

func (m *Machine) takeNext(r *console.Record) bool {
	f := m.next.finding
	if f == nil || r.Source != m.next.source || r.PID != m.next.pid {
		return false
	}
	m.next = nextLine{}
	f.open = false
	if strings.Contains(r.Text, "The following problem occurred") { // it said nothing of the first
		return false
	}
	f.failure.Lines = append(f.failure.Lines, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
	f.failure.KickstartText = strings.TrimSpace(r.Text)
	f.failure.Meaning = strings.TrimSuffix(f.failure.Meaning, ".") + ": " + f.failure.KickstartText
	return true
}
