package anaconda

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What is in a message of several lines.

// closeMessages makes what it can of messages that are still being collected. If
// more lines of the console's message come, they are still its own.
func (m *Machine) closeMessages() {
	m.read(m.collector.console)
	m.end(&m.collector.log)
	m.end(&m.collector.next)
}

// end reads a message that has ended, or has been broken off.
func (m *Machine) end(msg *message) {
	m.read(*msg)
	*msg = message{}
}

// read makes what it can of a message.
func (m *Machine) read(msg message) {
	if msg.kind == OneLine {
		return
	}
	lines := msg.kept()
	for _, f := range msg.findings {
		f.open = false
		f.failure.Lines = lines[max(0, slices.Index(lines, f.failure.Lines[0])):]
	}
	f := msg.findings[len(msg.findings)-1]
	switch msg.kind {
	case Refusal, ErrorMessage, WholeMessage:
		m.readTermination(f, lines)
	case Traceback:
		if last := lines[len(lines)-1].Text; isException(last) {
			f.failure.Meaning = "The installer died of an exception that nothing caught: " + short(last, 300)
		}
		m.evidence.reasons(f, joined(lines))
	case HubMarks:
		f.readMarks(joined(lines))
		m.evidence.reasons(f, joined(lines))
	case Dialog:
		m.evidence.reasons(f, joined(slices.DeleteFunc(slices.Clone(lines), func(l Line) bool { return isPrompt(l.Text) })))
	case ScriptDialog:
		said := scriptOutput(msg.lines)
		f.failure.Said = said[max(0, len(said)-maxSaid):]
	case NextLine, LogLines, LogTraceback:
		if f.rule.NamesLine {
			f.readProblem(lines[1:])
		} else {
			m.evidence.reasons(f, joined(lines))
		}
	}
}

// maxSaid is how much of a script's output a failure has, in lines.
const maxSaid = 10

// kept returns the lines that a failure has of the message: of one of which
// the end says most, the first and the last ones.
func (msg *message) kept() []Line {
	most, lines := maxLines, msg.lines
	switch msg.kind {
	case Traceback:
		most = maxLines/2 + 1
	case LogLines, LogTraceback:
	default:
		return lines[:min(len(lines), most)]
	}
	if len(lines) > most {
		lines = append(lines[:1:1], lines[len(lines)-most+1:]...)
	}
	return lines
}

// isException recognizes the end of a Python traceback, "pyanaconda.errors.ScriptError: text".
// What tmux dropped lines from can leave other unindented text in between.
func isException(text string) bool { return exceptionLine.MatchString(text) }

var exceptionLine = regexp.MustCompile(`^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Iteration|Failure)\b(?::.*)?$`)

// readMarks names the parts of the hub that are marked.
func (f *finding) readMarks(text string) {
	var names []string
	for _, title := range marked.FindAllStringSubmatch(text, -1) {
		names = append(names, title[1])
	}
	if len(names) > 0 {
		f.failure.Meaning = "The kickstart leaves open, or gets wrong, what the installer marks with [!]: " + strings.Join(names, ", ") + "."
	}
}

// marked finds the titles that the hub marks.
var marked = regexp.MustCompile(`\[!\] (\S+(?: \S+)*)`)

// readProblem adds what is said of a line of the kickstart.
func (f *finding) readProblem(said []Line) {
	var texts []string
	for _, l := range said {
		texts = append(texts, strings.TrimSpace(l.Text))
	}
	if text := strings.Join(texts, " "); text != "" {
		f.failure.KickstartText = text
		f.adds(text)
	}
}

// adds makes what the guest says more a part of the meaning.
func (f *finding) adds(text string) {
	f.failure.Meaning = strings.TrimSuffix(f.failure.Meaning, ".") + ": " + text
}

// problemLine is how pykickstart names a line (pykickstart/errors.py).
var problemLine = regexp.MustCompile(`problem (?:occurred on|reading from) line (\d+) of the kickstart file|^\(?(?:line |on line )(\d+)\b`)

// readTermination reads the texts that end with "The installer will now terminate."
func (m *Machine) readTermination(f *finding, lines []Line) {
	var reason []string
	started := f.rule.Block != ErrorMessage
	if f.rule.Block == WholeMessage {
		reason = append(reason, lines[0].Text)
	}
	for _, l := range lines[1:] {
		switch {
		case isTermination(l.Text):
		case strings.Contains(l.Text, "The exact error message is:"):
			started = true
		case started:
			reason = append(reason, l.Text)
		}
	}
	text := strings.Join(reason, "\n")
	said := strings.Join(strings.Fields(text), " ")
	if groups := problemLine.FindStringSubmatch(text); groups != nil {
		f.nameLine(groups)
		f.failure.KickstartText = problemText(reason)
	}
	switch {
	case f.rule.Block == Refusal:
		f.failure.KickstartText = cmp.Or(f.failure.KickstartText, said)
		if n := f.failure.KickstartLine; n > 0 {
			f.failure.Meaning = "The installer refuses line " + strconv.Itoa(n) + " of the kickstart: " + f.failure.KickstartText
		} else if f.failure.KickstartText != "" {
			f.failure.Meaning = "The installer refuses the kickstart: " + f.failure.KickstartText
		}
	case text != "":
		said = strings.TrimRight(strings.ReplaceAll(said, "Non interactive installation failed: ", ""), ".")
		f.failure.Meaning = m.config.expand(f.rule.Meaning, nil)
		f.adds(short(said, 500) + ".")
	}
	m.evidence.reasons(f, text)
	m.evidence.quoteWarnings()
}

// quoteWarnings names the warnings of which inst.ksstrict has made errors.
func (e *evidence) quoteWarnings() {
	for _, f := range e.findings {
		for _, c := range e.clues {
			if lines := c.failure.Lines; c.failure.Rule == f.rule.Quotes && len(lines) > 1 {
				f.adds(short(strings.TrimSpace(joined(lines[1:])), 500))
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

// nameLine notes the number of a line, which one of a pattern's groups holds.
func (f *finding) nameLine(groups []string) {
	for _, g := range groups[1:] {
		if n, err := strconv.Atoi(g); err == nil {
			f.failure.KickstartLine = n
			return
		}
	}
}

func joined(lines []Line) string {
	texts := make([]string, len(lines))
	for i, l := range lines {
		texts[i] = l.Text
	}
	return strings.Join(texts, " ")
}
