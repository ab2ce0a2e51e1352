package anaconda

import (
	"slices"
	"strings"

	"github.com/imgasm/imgasm/qemu/console"
)

// Messages of several lines, such as dialogs and tracebacks: which lines belong
// to one. What is in them is read in message.go.

// collector puts lines together to the messages that they are parts of.
type collector struct {
	console message // of one program, mostly the installer
	next    message // a line and the next one of the same process
	log     message
	recent  []Line // the last lines of the console that say something
}

// message is one that is being collected, as far as it has come.
type message struct {
	kind     Block      // OneLine: nothing is collected
	findings []*finding // the one that began it, and those that lines within it made
	source   string
	pid      int
	lines    []Line
}

const (
	maxBlock    = 200 // lines
	maxWarnings = 20  // lines
	maxRecent   = 8   // lines
)

// shape says which lines of the console belong to a kind of message: those that who
// says, up to the last one.
type shape struct {
	who     Who
	last    func(text string) bool // the last line
	behind  func(text string) bool // the message has ended before this line
	omitted func(text string) bool // a line in between that is left out
	shared  bool                   // its lines are looked at as others are, too
}

// shapes has a row for each kind of message on the console but NextLine.
var shapes = map[Block]shape{
	Refusal:      {who: Installer, last: isTermination},
	ErrorMessage: {who: Installer, last: isTermination},
	WholeMessage: {who: Installer, last: isTermination},
	Dialog:       {who: Installer, last: isPrompt, behind: isEdge},
	// What follows a script's failure is the script's output: edges in it are those
	// of dnf's tables, and nothing in it is the installer's.
	ScriptDialog: {who: Installer, last: isPrompt},
	Traceback:    {who: Installer, last: isException},
	HubMarks: {who: Installer, omitted: func(text string) bool { return !isMark(text) },
		behind: func(text string) bool { return !isMark(text) && !isHubLine(text) }},
	Warnings:     {who: Installer, shared: true, behind: isRefusal}, // mostly the installer goes on
	DracutErrors: {who: Stage1, shared: true, last: func(text string) bool { return strings.Contains(text, "Anaconda installer errors end") }},
	UnitStatus:   {who: Systemd, shared: true, last: seesStatus, omitted: func(text string) bool { return !seesStatus(text) }},
}

// begin begins to collect the message whose first line made a finding, if it has
// more lines. The one that it breaks off is returned.
func (c *collector) begin(f *finding, r *console.Record) (broken message) {
	kind := f.rule.Block
	if last := shapes[kind].last; kind == OneLine || last != nil && last(r.Text) {
		return message{}
	}
	f.open = true
	if c.console.kind.isDialog() && kind.isDialog() { // a row for a line within it
		c.console.findings, c.console.kind = append(c.console.findings, f), kind
		return message{}
	}
	begun := message{kind: kind, findings: []*finding{f}, source: r.Source, pid: r.PID, lines: f.failure.Lines[:1:1]}
	if kind == NextLine {
		c.next = begun
		return message{}
	}
	broken, c.console = c.console, begun
	return broken
}

// take takes a line that belongs to the message that has begun. taken: it is to be
// looked at no further, unless within: then as a line of the message. ended: the
// message has.
func (c *collector) take(r *console.Record, who *speaker) (taken, within, ended bool) {
	msg := &c.console
	s, ok := shapes[msg.kind]
	switch {
	case !ok || !who.said(s.who, r) || msg.kind == DracutErrors && r.Source != msg.source:
		return false, false, false
	case msg.kind == Warnings && len(msg.lines) > maxWarnings: // any lines
		c.drop(Warnings)
		return false, false, false
	case s.behind != nil && s.behind(r.Text):
		return false, false, true
	}
	ended = s.last != nil && s.last(r.Text)
	if s.omitted == nil || !s.omitted(r.Text) {
		msg.lines = append(msg.lines, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
	}
	if len(msg.lines) > maxBlock {
		if msg.kind == ScriptDialog { // the end of what a script says tells most
			msg.lines = slices.Delete(msg.lines, 3, 3+maxBlock/2)
		} else {
			ended = true
		}
	}
	return !s.shared, msg.kind == Dialog || msg.kind == Traceback && ended, ended
}

// takeNext takes the line behind the first one of a message of two.
func (c *collector) takeNext(r *console.Record) (whole message, taken bool) {
	if c.next.kind == OneLine || r.Source != c.next.source || r.PID != c.next.pid {
		return message{}, false
	}
	whole, c.next = c.next, message{}
	if strings.Contains(r.Text, "The following problem occurred") { // it said nothing of the first
		return whole, false
	}
	whole.lines = append(whole.lines, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
	return whole, true
}

// takeLog takes a line of the log that belongs to the message before: one without
// a time, or a further line of a traceback under the same program.
func (c *collector) takeLog(l Line, begins bool) (taken, ended bool) {
	msg := &c.log
	if msg.kind == OneLine {
		return false, false
	}
	if begins {
		_, rest, _ := strings.Cut(l.Text, ":")
		indented := strings.HasPrefix(strings.TrimPrefix(rest, " "), " ")
		if logProgram(l.Text) != msg.source || msg.kind != LogTraceback || !indented && !isException(strings.TrimSpace(rest)) {
			return false, true
		}
	}
	if l.Text != "" {
		msg.lines = append(msg.lines, l)
	}
	return true, len(msg.lines) > maxBlock
}

// drop forgets a message of a kind.
func (c *collector) drop(kind Block) {
	if c.console.kind == kind {
		c.console = message{}
	}
}

// remember keeps one of the last lines, but none of dots or edges alone.
func (c *collector) remember(r *console.Record) {
	if strings.Trim(r.Text, ".=") == "" {
		return
	}
	if len(c.recent) == maxRecent {
		c.recent = append(c.recent[:0], c.recent[1:]...)
	}
	c.recent = append(c.recent, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
}

// before returns the last lines, without the one that is told anyway.
func (c *collector) before(but Line) (lines []Line) {
	for _, l := range c.recent {
		if l != but {
			l.Text = short(l.Text, 500)
			lines = append(lines, l)
		}
	}
	return lines
}

// isDialog reports whether simpleline's dialog is what is collected.
func (b Block) isDialog() bool { return b == Dialog || b == ScriptDialog }

// terminates reports whether the message ends with "The installer will now terminate."
func (b Block) terminates() bool { return b == Refusal || b == ErrorMessage || b == WholeMessage }

// isTermination recognizes what ends the installer's last message.
func isTermination(text string) bool {
	return strings.Contains(text, "The installer will now terminate.")
}

// isPrompt recognizes what ends a dialog.
func isPrompt(text string) bool {
	return strings.HasPrefix(text, "Press ENTER to") || strings.HasPrefix(text, "Please respond")
}

// isEdge recognizes the line of '=' that simpleline draws above and below a title.
func isEdge(text string) bool { return len(text) >= 10 && strings.Trim(text, "=") == "" }

// isMark recognizes a line of the hub with something marked, or with the states
// of the parts above.
func isMark(text string) bool {
	return strings.Contains(text, "[!] ") || strings.HasPrefix(text, "       ")
}

// isHubLine recognizes "3) [x] Installation source".
func isHubLine(text string) bool {
	number, rest, ok := strings.Cut(text, ") [")
	return ok && len(number) <= 2 && len(rest) > 2 && rest[1] == ']'
}

// isRefusal recognizes the end of warnings of which inst.ksstrict makes an error.
func isRefusal(text string) bool {
	return strings.HasPrefix(text, "An error occurred during reading the kickstart file:")
}

// seesStatus recognizes the second line of what systemd says of a unit that failed.
func seesStatus(text string) bool { return strings.Contains(text, "See 'systemctl status") }
