package anaconda

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// Anaconda's own log. On the virtio port rsyslog writes
//
//	11:33:24,440 INFO anaconda:anaconda: main: /sbin/anaconda 40.22.3.46
//
// (template anaconda_syslog of lorax), in /tmp the logging module writes
//
//	22:17:01,144 INF main: /sbin/anaconda 40.22.3.57-1.el10
//
// and, for the modules, without a time
//
//	DEBUG:anaconda.modules.payloads:Publish the service.
//
// Lines without a time belong to the one before.

// logText cuts the time off a line of the log.
func logText(line string) (text string, begins bool) {
	const stamp = "11:33:24,440 "
	if level, _, ok := strings.Cut(line, ":"); ok && slices.Contains(levels, level) {
		return line, true
	}
	if len(line) < len(stamp) {
		return line, false
	}
	for i, c := range []byte(stamp) {
		if isDigit := line[i] >= '0' && line[i] <= '9'; c >= '0' && c <= '9' {
			if !isDigit {
				return line, false
			}
		} else if line[i] != c {
			return line, false
		}
	}
	return line[len(stamp):], true
}

// levels are those of Python's logging module.
var levels = []string{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}

func (m *Machine) logLine(l Log) {
	line := strings.TrimRight(strings.ReplaceAll(l.Text, "#012", "\n"), "\r\n ")
	for i, part := range strings.Split(line, "\n") {
		text, begins := part, false
		if i == 0 {
			text, begins = logText(part)
		}
		m.logPart(Line{OnLog, l.Line, short(text, 2000), l.File}, begins)
	}
}

func (m *Machine) logPart(l Line, begins bool) {
	if m.takeLogBlock(l, begins) {
		return
	}
	port := l.File == ""
	if port {
		m.heard.log(l.Text, m.awake)
		m.logStep(l.Text)
	}
	for _, rule := range table().on[OnLog] {
		groups := rule.find(l.Text)
		if groups == nil || !port && rule.Action.decides() || m.fired[rule.Name] >= rule.repeats() || !m.applies(rule, nil, l.Text) {
			continue
		}
		m.fired[rule.Name]++
		f := m.add(rule, groups, l)
		if rule.NamesLine {
			m.kickstartLine(f, groups)
		}
		if rule.Script {
			m.scriptEnded(f, groups)
		}
		if rule.Block != OneLine {
			m.endLogBlock()
			f.open = true
			m.logBlock = block{kind: rule.Block, findings: []*finding{f}, source: logProgram(l.Text), lines: []Line{l}}
		}
	}
}

// logProgram is the level and program of a line: "CRIT anaconda:anaconda".
func logProgram(text string) string {
	level, rest, _ := strings.Cut(text, " ")
	program, _, _ := strings.Cut(rest, ":")
	return level + " " + program
}

// takeLogBlock takes a line that belongs to the message before: one without a
// time, or a further line of a traceback under the same program.
func (m *Machine) takeLogBlock(l Line, begins bool) bool {
	b := &m.logBlock
	if b.kind == OneLine {
		return false
	}
	if begins {
		_, rest, _ := strings.Cut(l.Text, ":")
		if logProgram(l.Text) != b.source || b.kind != LogTraceback || !strings.HasPrefix(strings.TrimPrefix(rest, " "), " ") && !exceptionLine.MatchString(strings.TrimSpace(rest)) {
			m.endLogBlock()
			return false
		}
	}
	if l.Text != "" {
		b.lines = append(b.lines, l)
	}
	if len(b.lines) > maxBlock {
		m.endLogBlock()
	}
	return true
}

func (m *Machine) endLogBlock() {
	b := m.logBlock
	m.logBlock = block{}
	if b.kind == OneLine {
		return
	}
	f := b.findings[0]
	f.open = false
	if len(b.lines) > maxLines {
		b.lines = append(b.lines[:1:1], b.lines[len(b.lines)-maxLines+1:]...)
	}
	f.failure.Lines = b.lines
	if f.rule.NamesLine {
		var said []string
		for _, l := range b.lines[1:] {
			said = append(said, strings.TrimSpace(l.Text))
		}
		f.failure.KickstartText = strings.Join(said, " ")
		if f.failure.KickstartText != "" {
			f.failure.Meaning = strings.TrimSuffix(f.failure.Meaning, ".") + ": " + f.failure.KickstartText
		}
		return
	}
	m.reasons(f, joined(b.lines))
}

// logStep recognizes progress in the log.
func (m *Machine) logStep(text string) {
	if !strings.Contains(text, "installation: ") {
		if strings.Contains(text, "Found a kickstart file: ") {
			m.advance(PhaseInstaller)
		}
		return
	}
	_, text, _ = strings.Cut(text, "installation: ")
	switch {
	case strings.HasPrefix(text, "All tasks in the installation queue are done. Installation successfully finished."):
		m.finished()
	case strings.HasPrefix(text, "Queue started: "):
		name, counts, ok := strings.Cut(strings.TrimPrefix(text, "Queue started: "), " (")
		n, total, counted := fraction(strings.TrimSuffix(counts, ")"))
		if !ok || !counted {
			return
		}
		if phase, known := queues[name]; known {
			m.advance(phase)
		}
		m.progress.tasks(m, name, n, total)
	case strings.HasPrefix(text, "Task started: "):
		name, counts, ok := strings.Cut(strings.TrimPrefix(text, "Task started: "), " (")
		if n, total, counted := fraction(strings.TrimSuffix(counts, ")")); ok && counted && !strings.HasSuffix(name, " queue") {
			m.progress.tasks(m, name, n, total)
		}
	}
}

// readLogs looks for what explains a failure in the ends of the installer's logs
// that have come on the progress port.
func (m *Machine) readLogs() {
	for _, name := range slices.Sorted(maps.Keys(m.report.Logs)) {
		for i, line := range bytes.Split(m.report.Logs[name], []byte("\n")) {
			m.logLine(Log{Line: i + 1, Text: string(line), File: name})
		}
		m.endLogBlock()
	}
}
