package anaconda

import (
	"bytes"
	"maps"
	"regexp"
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

// logBegins recognizes the first line of a record, and the time before its text.
// The levels are those of Python's logging module.
var logBegins = regexp.MustCompile(`^(?:(\d\d:\d\d:\d\d,\d{3} )|(?:DEBUG|INFO|WARNING|ERROR|CRITICAL):)`)

func (m *Machine) logLine(l Log) {
	line := strings.TrimRight(strings.ReplaceAll(l.Text, "#012", "\n"), "\r\n ")
	for i, text := range strings.Split(line, "\n") {
		begin := logBegins.FindStringSubmatch(text)
		begins := i == 0 && begin != nil
		if begins {
			text = text[len(begin[1]):]
		}
		m.logPart(Line{OnLog, l.Line, short(text, 2000), l.File}, begins)
	}
}

func (m *Machine) logPart(l Line, begins bool) {
	taken, ended := m.collector.takeLog(l, begins)
	if ended {
		m.end(&m.collector.log)
	}
	if taken {
		return
	}
	port := l.File == ""
	if port {
		m.heard.log(l.Text, m.clock.awake)
		m.logStep(l.Text)
	}
	for row, groups := range m.rows(OnLog, l.Text, nil) {
		if !port && row.Action.decides() {
			continue
		}
		f := m.add(row, groups, l)
		if row.Script {
			m.evidence.scriptEnded(f, groups)
		}
		if row.Block != OneLine {
			m.end(&m.collector.log)
			f.open = true
			m.collector.log = message{kind: row.Block, findings: []*finding{f}, source: logProgram(l.Text), lines: []Line{l}}
		}
	}
}

// logProgram is the level and program of a line: "CRIT anaconda:anaconda".
func logProgram(text string) string {
	level, rest, _ := strings.Cut(text, " ")
	program, _, _ := strings.Cut(rest, ":")
	return level + " " + program
}

// logTask is how Anaconda's log counts its work.
var logTask = regexp.MustCompile(`installation: (Queue|Task) started: (.*?) \((\d{1,9})/(\d{1,9})\)?$`)

// logStep recognizes progress in the log.
func (m *Machine) logStep(text string) {
	switch {
	case strings.Contains(text, "Found a kickstart file: "):
		m.advance(PhaseInstaller)
	case strings.Contains(text, "installation: All tasks in the installation queue are done. Installation successfully finished."):
		m.finished()
	}
	g := logTask.FindStringSubmatch(text)
	if g == nil || count(g[4]) == 0 {
		return
	}
	queue := g[1] == "Queue"
	if phase, known := queues[g[2]]; queue && known {
		m.advance(phase)
	}
	if queue || !strings.HasSuffix(g[2], " queue") {
		m.progress.tasks(m, g[2], count(g[3]), count(g[4]))
	}
}

// readLogs looks for what explains a failure in the ends of the installer's logs
// that have come on the progress port.
func (m *Machine) readLogs() {
	for _, name := range slices.Sorted(maps.Keys(m.report.Logs)) {
		for i, line := range bytes.Split(m.report.Logs[name], []byte("\n")) {
			m.logLine(Log{Line: i + 1, Text: string(line), File: name})
		}
		m.end(&m.collector.log)
	}
}
