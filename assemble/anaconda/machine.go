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

	// Time. awake counts only what was lived through: a gap between inputs adds
	// at most maxGap, so that a suspended host makes no silence.
	started   bool
	at, awake time.Duration
	paused    bool // QEMU has stopped the guest

	phase    Phase
	progress progress
	speaker  speaker
	stamps   bool          // lines with the kernel's time stamp have been seen
	stamp    time.Duration // the last one
	runs     int           // how often the installer has begun
	hubSince time.Duration // awake when the checks began
	checks   int           // lines of theirs that were looked at

	// Evidence of success.
	complete   bool // Anaconda said so
	completeAt time.Duration
	pips       bool   // a task has ended since the last step was announced
	done       bool   // the marker of the last %post
	portSpoke  bool   // the progress port has carried a trusted line
	down       bool   // the kernel said that it goes down
	shutdown   string // reason of QMP SHUTDOWN, "" before it
	shutdownAt time.Duration
	shutText   string
	ended      bool // Exit or End
	askedDown  bool
	poweredOff time.Duration // awake when PowerDown was asked for

	// Evidence of failure.
	findings []*finding // those that decide
	clues    []*finding // those that explain
	fired    map[string]int
	scripts  []ended  // what the log says of the kickstart's scripts
	outline  *outline // of the kickstart, nil if it is not known
	requires bool     // inst.ks= is on the kernel's command line
	block    block
	logBlock block
	next     nextLine
	unsaved  *finding // the partitions that were refused, until it is said why
	recent   recentLines
	previous string // the installer's last line
	edge     bool   // it was a dialog's edge
	verdict  Verdict
	foretold bool // that it has failed has been told before the verdict
	failure  *Failure
	held     []*finding // clues that are not told yet: see warn.go
	mute     bool       // the console says nothing any more
	waits    *finding   // what a complete installation waits for

	heard  heard
	report report
}

// maxGap is the longest time between two inputs that counts as lived through.
const maxGap = 10 * time.Second

// New returns a machine for a guest that has just been started.
func New(c Config) *Machine {
	return &Machine{config: c, fired: map[string]int{}, requires: c.KickstartRequired, outline: outlineOf(c.Kickstart)}
}

// Step takes one observation and says what follows from it. Inputs come in
// order of time. It may be called after a verdict; a failure that later inputs
// refute is then withdrawn, which matters to a replay only.
func (m *Machine) Step(in Input) Output {
	m.out = Output{Events: m.out.Events[:0]}
	m.tell(in.At)
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
		m.heard.blocks(w, m.awake)
	case Exit:
		m.exit(w)
	case Suspended:
		m.event(event.Event{Kind: event.Note, Text: "the host slept for " + rounded(w.For) + "; the guest's silence during it does not count"})
	case End:
		m.ended = true
	}
	m.silence()
	m.conclude()
	if m.verdict == Succeeded || m.verdict == Running && m.ended {
		m.tellHeld(true)
	}
	m.out.Fraction, m.out.Left = m.progress.fraction, m.progress.left(m)
	if m.out.Verdict = m.verdict; m.verdict == Failed {
		m.out.Failure = m.failure
	}
	return m.out
}

// tell advances the clocks.
func (m *Machine) tell(at time.Duration) {
	if !m.started {
		m.started, m.at = true, at
		return
	}
	if gap := at - m.at; gap > 0 {
		m.at = at
		// QEMU also pauses a guest that has ended or panicked; then time goes on.
		if !m.paused || m.shutdown != "" || len(m.findings) > 0 {
			m.awake += min(gap, maxGap)
		}
	}
}

func (m *Machine) event(e event.Event) { m.out.Events = append(m.out.Events, e) }

// Phase returns how far the installation has come.
func (m *Machine) Phase() Phase { return m.phase }

// slow says whether the guest is emulated.
func (m *Machine) slow() bool { return m.config.Accel == "tcg" }
