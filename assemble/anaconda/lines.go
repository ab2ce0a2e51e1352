package anaconda

import (
	"github.com/imgasm/imgasm/qemu/console"
)

// The console's lines: first what belongs to a message that has begun, then the
// steps of a healthy installation, then the table.

func (m *Machine) console(r *console.Record) {
	if !m.config.ConsoleOnly { // a recording has no silences
		m.heard.console(r.Text, m.clock.awake)
	}
	if m.evidence.down { // it is over; what comes is another system
		return
	}
	if m.speaker.rebooted(r) {
		m.goesDown() // it has, and this is the next boot
	}
	if r.Partial {
		m.scan(r)
		return
	}
	m.speaker.learn(r)
	m.line(r)
	m.collector.remember(r)
}

// line looks at a line that has ended.
func (m *Machine) line(r *console.Record) {
	if whole, taken := m.collector.takeNext(r); len(whole.lines) > 0 {
		m.read(whole)
		if taken {
			return
		}
	}
	installer := m.speaker.said(Installer, r)
	if installer {
		defer func() { m.previous = r.Text }()
		if isStart(r.Text) {
			m.end(&m.collector.console) // the guest was rebooted in the middle of a message
		}
		if m.step(r.Text) {
			m.collector.drop(Warnings) // the installer goes on
			return
		}
	}
	taken, within, ended := m.collector.take(r, &m.speaker)
	if within {
		m.scan(r)
	}
	if ended {
		m.end(&m.collector.console)
	}
	if taken {
		return
	}
	if installer && m.phase == PhaseHub && m.collector.console.kind == OneLine {
		m.checkLine(Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
	}
	m.boot(r)
	m.scan(r)
}

// scan tries the table on a line.
func (m *Machine) scan(r *console.Record) {
	if m.evidence.down { // this very line has shown it
		return
	}
	for row, groups := range m.rows(OnConsole, r.Text, r) {
		m.fire(row, groups, r)
	}
}

// fire makes a finding of a line.
func (m *Machine) fire(row *Rule, groups []string, r *console.Record) {
	proven := row.Proves
	if row.Stands == PhaseComplete || row.Who == Installer && r.Screen {
		proven = PhaseInstaller
	}
	if m.phase < proven { // its first words were lost
		m.phase = proven
		m.announce()
	}
	f := m.add(row, groups, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
	m.mute = m.mute || row.Mute
	if row.Completes {
		m.evidence.waits = f
		m.finished()
		m.powerDown()
	}
	m.read(m.collector.begin(f, r))
}
