package anaconda

import (
	"strings"
	"time"

	"github.com/imgasm/imgasm/qemu/console"
)

// The console's lines: first what belongs to a message that has begun, then the
// steps of a healthy installation, then the table.

func (m *Machine) console(r *console.Record) {
	if !m.config.ConsoleOnly { // a recording has no silences
		m.heard.console(r.Text, m.awake)
	}
	if m.down { // it is over; what comes is another system
		return
	}
	if r.Stamped {
		if m.stamps && r.Stamp < m.stamp-time.Minute {
			m.goesDown() // it has, and this is the next boot
		}
		m.stamps, m.stamp = true, r.Stamp
	}
	if !r.Partial {
		m.learn(r)
	}
	if r.Partial {
		m.scan(r)
		return
	}
	m.line(r, m.isInstaller(r))
	m.recent.add(r.Line, r.Text)
}

// line looks at a line that has ended.
func (m *Machine) line(r *console.Record, installer bool) {
	if m.takeNext(r) {
		return
	}
	if installer {
		if m.block.kind != OneLine && isStart(r.Text) {
			m.endBlock() // the guest was rebooted in the middle of a message
		}
		if m.step(r.Text) {
			m.dropWarnings()
			m.remember(r.Text)
			return
		}
		if m.takeBlock(r) {
			m.remember(r.Text)
			return
		}
		if m.phase == PhaseHub && m.block.kind == OneLine && m.checks < maxChecks {
			m.checks++
			m.checkLine(Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
		}
	}
	m.boot(r)
	m.scan(r)
	if installer {
		m.remember(r.Text)
	}
}

// maxChecks is how many lines of the checks are looked at: a flood is none.
const maxChecks = 1000

// remember keeps what the next line may need to know of this one.
func (m *Machine) remember(text string) {
	m.previous = text
	m.edge = isEdge(text)
}

// isEdge recognizes the line of '=' that simpleline draws above and below a title.
func isEdge(text string) bool {
	if len(text) < 10 {
		return false
	}
	for i := range len(text) {
		if text[i] != '=' {
			return false
		}
	}
	return true
}

// scan tries the table on a line.
func (m *Machine) scan(r *console.Record) {
	if m.down { // this very line has shown it
		return
	}
	for _, rule := range table().on[OnConsole] {
		if !m.said(rule.Who, r) || r.Partial && !rule.prompts() || m.phase < rule.First || rule.Last != 0 && m.phase > rule.Last {
			continue
		}
		if groups := rule.find(r.Text); groups != nil && m.fired[rule.Name] < rule.repeats() && m.applies(rule, r, r.Text) {
			m.fire(rule, groups, r)
		}
	}
}

// prompts reports whether the row is about text that never gets a newline.
func (r *Rule) prompts() bool {
	return r.Prompt || r.Action == Wait
}

// applies checks a row's phases and its further condition. r is nil for what
// was not read off the console.
func (m *Machine) applies(rule *Rule, r *console.Record, text string) bool {
	if m.phase < rule.First || rule.Last != 0 && m.phase > rule.Last {
		return false
	}
	switch rule.When {
	case KickstartRequired:
		return m.requires
	case KickstartFixed:
		return !m.config.PreScripts
	case Incomplete:
		return !m.complete
	case ConsoleAlone: // the kernel may break into a line of another program's
		return m.config.ConsoleOnly && !m.complete && !m.done && !m.mute && (r == nil || m.said(Kernel, r) || strings.Contains(text, "] reboot: "))
	case inDialog:
		return m.edge
	case uncaught:
		return !m.complete && m.previous != "Call stack:"
	case realPanic:
		return r == nil || r.Source == "kernel" || r.Source == "" &&
			(strings.Contains(text, "---[ end Kernel panic") || strings.Contains(text, "] Kernel panic"))
	}
	return true
}

// repeats is how often a row may fire: once, but a kickstart has more than one
// mistake.
func (r *Rule) repeats() int {
	if r.Often || r.Block == NextLine {
		return 10
	}
	return 1
}

// fire makes a finding of a line.
func (m *Machine) fire(rule *Rule, groups []string, r *console.Record) {
	m.fired[rule.Name]++
	proven := rule.Proves
	if rule.Stands == PhaseComplete || rule.Who == Installer && r.Screen {
		proven = PhaseInstaller
	}
	if m.phase < proven { // its first words were lost
		m.phase = proven
		m.announce()
	}
	f := m.add(rule, groups, Line{Channel: OnConsole, Line: r.Line, Text: r.Text})
	if rule.NamesLine {
		m.kickstartLine(f, groups)
	}
	m.mute = m.mute || rule.Mute
	if rule.Completes {
		m.waits = f
		m.finished()
		m.powerDown()
	}
	switch rule.Block {
	case OneLine:
	case NextLine:
		f.open = true
		m.next = nextLine{finding: f, source: r.Source, pid: r.PID}
	case UnitStatus:
		if !strings.Contains(r.Text, seeStatus) {
			m.beginBlock(f, r)
		}
	default:
		m.beginBlock(f, r)
	}
}
