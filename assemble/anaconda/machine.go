// Package anaconda reads what a guest that runs Anaconda says, on its serial
// console, on Anaconda's log port, on imgasm's own progress port and through
// QEMU's monitor, and concludes what the installation is doing, that it has
// failed and why, or that it has succeeded.
//
// Machine is pure: no I/O, no clock, no goroutine. Everything that it knows
// came in by Step, so that a recorded console replays to the same verdict.
//
// What a text means stands in one table of rules (see Rule and docs/rules.md);
// what the steps of an installation are called, in milestone.go.
package anaconda

import (
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/console"
)

// Config is what a Machine has to know of the build. The zero value is right
// for the console of an unknown guest.
type Config struct {
	// Arch is the guest's architecture, as in internal/arch ("x86_64"). It is
	// only used in hints.
	Arch string
	// Accel is QEMU's accelerator ("kvm", "hvf", "tcg"). With "tcg" silences
	// may be longer. It is also named in hints.
	Accel string
	// Field is how hints call the field of a Spec that is to be changed, such as
	// "DiskSize": a program's flag. nil leaves it as {DiskSize}.
	Field func(field string) string
	// Nonce is the word that the progress port's lines must carry. Lines with
	// another one are told but not trusted; so are all if it is empty.
	Nonce string
	// DoneMarker is true when the kickstart's last %post sends "done" on the
	// progress port. Then there is no success without it, unless the guest
	// never opened the port.
	DoneMarker bool
	// EndsWithReboot is true when the kickstart reboots: QEMU, run with
	// -no-reboot, then ends with guest-reset and not with guest-shutdown.
	EndsWithReboot bool
	// PreScripts is true when the kickstart has %pre sections, which may
	// rewrite it: what the initramfs dislikes in it is then only noted.
	PreScripts bool
	// KickstartRequired is true when the kernel's arguments have inst.ks=. The
	// machine also sees it when the kernel prints its command line.
	KickstartRequired bool
	// Kickstart is the file that the guest reads, as far as it is known.
	Kickstart Kickstart
	// Installed is true where the guest is the image itself, in its boot test: no
	// installer runs in it.
	Installed bool
	// Stall is the silence after which the installation is given up. 0 means
	// by phase and accelerator; a negative value means never.
	Stall time.Duration
	// ConsoleOnly is true where nothing but a console was recorded: no
	// SHUTDOWN event can be expected, and the console's own words prove success.
	ConsoleOnly bool
}

// Machine follows one installation. The zero value is not usable; see New.
type Machine struct {
	config Config
	out    Output

	clock     clock
	heard     heard     // when each channel last said something new
	speaker   speaker   // whose lines the console shows
	collector collector // of messages of several lines
	report    report    // what the progress port carried

	// How far the installation is.
	phase    Phase
	progress progress
	runs     int           // how often the installer has begun
	resets   int           // how often the guest was reset
	dots     bool          // a task has ended since the last step was announced
	hubSince time.Duration // when the checks began
	previous string        // the installer's last line
	mute     bool          // the console says nothing any more
	ksNeeded bool          // inst.ks= is on the kernel's command line
	places   bool          // inst.ks.all or inst.stage2.all is

	evidence evidence
	verdict  Verdict
	failure  *Failure
	awaiting bool // that the installer's last words are awaited has been said
}

// New returns a machine for a guest that has just been started.
func New(c Config) *Machine {
	m := &Machine{config: c, ksNeeded: c.KickstartRequired}
	m.evidence = evidence{config: &m.config, outline: outlineOf(c.Kickstart), fired: map[string]int{}}
	return m
}

// Step takes one observation and says what follows from it. Inputs come in
// order of time. It may be called after a verdict; a failure that later inputs
// refute is then withdrawn, which matters to a replay only.
func (m *Machine) Step(in Input) Output {
	m.out = Output{Events: m.out.Events[:0]}
	e := &m.evidence
	// QEMU also pauses a guest that has ended or panicked; then time goes on.
	m.clock.advance(in.At, m.clock.paused && e.shutdown == "" && len(e.findings) == 0)
	switch w := in.What.(type) {
	case Console:
		m.console((*console.Record)(&w))
	case Log:
		m.logLine(w)
	case Progress:
		m.progressLine(w)
	case QMP:
		m.qmp(w)
	case Blocks:
		m.heard.blocks(w, m.clock.awake)
	case Exit:
		m.exit(w)
	case Suspended:
		m.note("the host slept for " + rounded(w.For) + "; the guest's silence during it does not count")
	case End:
		e.over = true
	}
	m.silence()
	m.conclude()
	if m.verdict == Succeeded || m.verdict == Running && e.over {
		m.warnOfClues(true)
	}
	m.out.Fraction = m.progress.fraction
	if m.out.Verdict = m.verdict; m.verdict == Failed {
		m.out.Failure = m.failure
	}
	return m.out
}

func (m *Machine) event(e event.Event) { m.out.Events = append(m.out.Events, e) }

func (m *Machine) note(text string) { m.event(event.Event{Kind: event.Note, Text: text}) }

// Phase returns how far the installation has come.
func (m *Machine) Phase() Phase { return m.phase }

// Failure explains the failure with all that is known by now, nil if there is
// none: what comes after the verdict may say more.
func (m *Machine) Failure() *Failure {
	if m.verdict == Failed {
		m.failure = m.evidence.explain(m.phase)
	}
	return m.failure
}

// Waits returns what an installation that is complete waits for, nil if it
// waits for nothing. It is among the remarks too.
func (m *Machine) Waits() *Failure {
	if m.evidence.waits == nil {
		return nil
	}
	return &m.evidence.waits.failure
}

// Remarks returns what rows of the table noticed that decided nothing, in the
// order in which it was seen.
func (m *Machine) Remarks() []Failure {
	var remarks []Failure
	for _, c := range m.evidence.clues {
		remarks = append(remarks, c.failure)
	}
	return remarks
}
