package anaconda

import (
	"regexp"
	"strings"
	"sync"

	"github.com/imgasm/imgasm/qemu/console"
)

// Rule is one row of the table of what a guest, QEMU or a silence can say about
// an installation that is failing. docs/rules.md tells how to add one.
type Rule struct {
	Name    string  // unique, "kickstart-syntax"; users see it, so it stays
	Channel Channel // where it is seen
	Who     Who     // on the console: whose line it has to be
	// Pattern is matched against a cleaned line; on the channels qmp, qemu and
	// clock against the machine's rendering of the event; on the channel reason
	// against an installer's error text, its blanks and line breaks made single
	// blanks. Some of its words must be fixed: it is tried only on lines that
	// have them (see fixed).
	Pattern string
	Sample  string // what it looks like; the tests replay it
	Seen    string // where: a recorded console of testdata/serial, or the source that prints it
	// First and Last bound the phases in which the text means what the row
	// says. The zero Last means any.
	First, Last Phase
	Class       Class
	// Rank says how much the row explains: of several that fired, the highest
	// explains the failure. 90 names the line to change, 10 says only that it is over.
	Rank   int
	Action Effect
	// Stands is the last phase that does not refute the row: when the
	// installation comes visibly further, it is withdrawn. The zero value is
	// the phase in which it fired.
	Stands Phase
	// Proves is the phase that the guest has reached at least when the row fires:
	// its words on the way there may have been lost. A row whose Stands is
	// PhaseComplete proves that the installer runs.
	Proves Phase
	Block  Block // what to collect after the line
	// Often: it may fire up to ten times, not once.
	Often bool
	// Script: it is about a script of the kickstart. The first group, if it is a
	// number, is the line that the installer names; on the log that is the second,
	// and the first is the script's status.
	Script bool
	// Detail: it explains only what another row of the same Class has found, and
	// is not told by itself.
	Detail bool
	// Every: all that the pattern's first group finds is told, not only the first.
	Every bool
	// Address: an address that stands in the same text is told.
	Address bool
	// NamesLine: the pattern's first group is a line of the kickstart.
	NamesLine bool
	// Quotes is the name of a row whose lines this one is about.
	Quotes string
	// Prompt: the text never gets a newline. Rows that Wait are so anyway.
	Prompt bool
	// Late: what explains it is on its way through another channel.
	Late bool
	// Mute: the console says nothing from here on.
	Mute bool
	// Completes: the installer has said that the installation is complete.
	Completes bool
	// Ask is what the caller has to do.
	Ask Action
	// Vague: as a warning it is told only if no other of its Class says more.
	Vague   bool
	When    When // what else has to be true
	Meaning string
	// Hint says what to change, in terms of imgasm's flags or of the kickstart.
	// $1 is the pattern's first group, here and in Meaning; {arch} is the
	// guest's architecture, {retry} what to try against the host's own faults,
	// {DiskSize} and the like a field of a Spec: see Config.Field.
	Hint string
	// Booted are the words where the guest is the image itself, in its boot test.
	// Without them the others hold there too.
	Booted Words

	pattern *regexp.Regexp
	fixed   []string // see func fixed
}

// Who says a line of the console.
type Who int

// Speakers. Anaconda's own lines are told from those of other programs by
// journald's prefix, once it has been seen to use one.
const (
	Anyone    Who = iota
	Firmware      // before Linux
	Kernel        // with the kernel's time stamp
	Stage1        // dracut, with journald's prefix or, in its shell, without
	Dracut        // dracut, with journald's prefix
	Systemd       // PID 1, with or without prefix
	Installer     // Anaconda
)

// Effect is what a row does when it fires.
type Effect int

// The effects.
const (
	Note Effect = iota // remember it, it may be among the others
	// Clue: remember it and warn. It explains a failure that other rows find,
	// and decides nothing.
	Clue
	Warn // tell at once; decides and explains nothing
	// Collect: the installation has failed; give the installer ten seconds for
	// its last words (%onerror), then say so.
	Collect
	Fail // the installation has failed
	// Wait: the guest waits for an answer. It has failed if nothing else
	// happens for half a second.
	Wait
)

func (d Effect) decides() bool { return d >= Collect }

// Block names what is collected after a line.
type Block int

// The blocks.
const (
	OneLine Block = iota
	// Up to "The installer will now terminate.": what refuses the kickstart,
	// what follows "The exact error message is:", and the line itself and all
	// that follows.
	Refusal
	ErrorMessage
	WholeMessage
	Dialog       // a simpleline dialog, up to its prompt
	ScriptDialog // one with a script's output
	Traceback    // up to the line that names the exception
	HubMarks     // what the hub marks with [!], and the states below
	Warnings     // warnings about the kickstart, up to the error that inst.ksstrict makes of them
	DracutErrors // up to "Anaconda installer errors end", stage 1's own lines only
	NextLine     // the next line of the same program
	UnitStatus   // systemd's two lines about a unit that failed
	LogLines     // lines of the log without a time
	LogTraceback // those, and what the same program says indented
)

// When is a further condition. r is nil on other channels than the console.
type When func(m *Machine, r *console.Record) bool

// kickstartRequired: the kernel's arguments say inst.ks=, the boot cannot go on without.
func kickstartRequired(m *Machine, _ *console.Record) bool { return m.ksNeeded }

// installs: an installer is awaited.
func installs(m *Machine, _ *console.Record) bool { return !m.config.Installed }

// onlyPlace: the kernel's arguments name no more places of which the next is tried
// (inst.ks.all, inst.stage2.all).
func onlyPlace(m *Machine, _ *console.Record) bool { return !m.places }

// kickstartFixed: no %pre can rewrite the kickstart.
func kickstartFixed(m *Machine, _ *console.Record) bool { return !m.config.PreScripts }

// incomplete: the installation is not complete.
func incomplete(m *Machine, _ *console.Record) bool { return !m.evidence.complete }

// consoleAlone: it is not, and no SHUTDOWN event will say more. The kernel may break
// into a line of another program's.
func consoleAlone(m *Machine, r *console.Record) bool {
	e := &m.evidence
	return m.config.ConsoleOnly && !e.complete && !e.done && !m.mute && (m.speaker.said(Kernel, r) || strings.Contains(r.Text, "] reboot: "))
}

// uncaught: it is not, and the line is no part of what Python's logging prints when
// it fails.
func uncaught(m *Machine, _ *console.Record) bool {
	return !m.evidence.complete && m.previous != "Call stack:"
}

// inDialog: the line before was a dialog's upper edge.
func inDialog(m *Machine, _ *console.Record) bool { return isEdge(m.previous) }

// realPanic: the kernel said it itself, with its time stamp or with the line that
// ends a panic.
func realPanic(_ *Machine, r *console.Record) bool {
	return r.Source == "kernel" || r.Source == "" &&
		(strings.Contains(r.Text, "---[ end Kernel panic") || strings.Contains(r.Text, "] Kernel panic"))
}

// OnReason is the channel of error texts that were put together from several lines.
const OnReason Channel = "reason"

// Rules returns a copy of the table.
func Rules() []Rule { return append([]Rule(nil), table().rules...) }

// ruleTable is the table made ready.
type ruleTable struct {
	rules  []Rule
	on     map[Channel][]*Rule
	asking map[Action]*Rule // the row that asks for it
}

var table = sync.OnceValue(func() *ruleTable {
	t := &ruleTable{on: map[Channel][]*Rule{}, asking: map[Action]*Rule{}}
	for _, part := range [][]Rule{bootRules, stage1Rules, installerRules, promptRules, reasonRules, logRules, hostRules} {
		t.rules = append(t.rules, part...)
	}
	for i := range t.rules {
		r := &t.rules[i]
		r.pattern, r.fixed = regexp.MustCompile(r.Pattern), fixed(r.Pattern)
		if r.Ask != Nothing {
			t.asking[r.Ask] = r
		}
		t.on[r.Channel] = append(t.on[r.Channel], r)
	}
	return t
})
