package anaconda

import "github.com/imgasm/imgasm/internal/event"

// Event is what happens in an installation, for whoever shows it.
type Event = event.Event

// Output is what one input led to.
type Output struct {
	// Events to pass on, without Time, Step and Elapsed, which the caller fills
	// in. The next Step overwrites them.
	Events []Event
	// Verdict on the installation as known now.
	Verdict Verdict
	// Failure is set when Verdict is Failed. A failure that is certain while
	// the verdict still waits for the installer's last words is told by
	// Pending instead.
	Failure *Failure
	Pending *Failure
	// Do is something that only the caller can do.
	Do Action
	// Fraction of the installation that is done, 0 to 1, never going back.
	Fraction float64
}

// Verdict says how an installation stands.
type Verdict int

// The verdicts.
const (
	Running   Verdict = iota // nothing is proven yet
	Succeeded                // the installation is complete and the guest has ended as it should
	Failed                   // the installation has failed, or cannot succeed any more
)

// String returns the word that reports use.
func (v Verdict) String() string {
	switch v {
	case Succeeded:
		return "success"
	case Failed:
		return "failure"
	}
	return "running"
}

// Action is what the machine asks its caller to do. Actions are asked for once.
type Action int

// The actions.
const (
	Nothing Action = iota
	// PowerDown: the installation is complete but the guest will wait for ENTER
	// for ever, because its kickstart has no reboot, poweroff or shutdown. Send
	// QMP system_powerdown; the machine takes the SHUTDOWN that follows as the
	// end. The events of the same output tell the user what to add.
	PowerDown
	// WaitForSpace: QEMU has paused the guest because the host's disk is full.
	// Tell the user, wait as long as he asked for, then send QMP cont. When
	// waiting is no longer wanted, feed Exit or stop: the machine itself does
	// not fail for it.
	WaitForSpace
)

// Channel names where a line was seen.
type Channel string

// The channels.
const (
	OnConsole  Channel = "console"
	OnLog      Channel = "log"
	OnProgress Channel = "progress"
	OnQMP      Channel = "qmp"
	OnQEMU     Channel = "qemu" // QEMU's own end and stderr
	OnClock    Channel = "clock"
)

// Line is a line of the guest, kept as evidence.
type Line struct {
	Channel Channel `json:"channel"`
	Line    int     `json:"line,omitempty"` // 1-based, in that channel's kept log; 0 if it has none
	Text    string  `json:"text"`
	File    string  `json:"file,omitempty"` // on the log: another one than that of the port, by its name
}

// Failure says why an installation failed.
type Failure struct {
	Class Class  `json:"class"`
	Rule  string `json:"rule"`  // name of the row in the table of rules
	Phase Phase  `json:"phase"` // where the installation was
	Lines []Line `json:"lines"` // the guest's own words, cleaned, in order; the first one fired the rule
	// Said is the end of what a failed script printed.
	Said []Line `json:"said,omitempty"`
	// Context is what the console said last before it, where the rule's own
	// lines do not say why: for a silence, an early end, a prompt.
	Context []Line `json:"context,omitempty"`
	// Where is the place in the user's kickstart, "FILE:LINE", if there is one
	// and the evidence holds it. Meaning then speaks of "this line", "this %post".
	Where string `json:"where,omitempty"`
	// Source is that line of the kickstart, without secrets, where it is the line
	// itself that is wrong.
	Source  string `json:"source,omitempty"`
	Meaning string `json:"meaning"` // what it means, a sentence
	Hint    string `json:"hint"`    // what to do, a sentence or a command
	// KickstartLine is the 1-based line of the kickstart as the guest saw it,
	// 0 if the failure names none; KickstartText is what the guest said of it.
	KickstartLine int    `json:"kickstart_line,omitempty"`
	KickstartText string `json:"kickstart_text,omitempty"`
	// TimedOut is true for a stall: time ran out, nothing else is known.
	TimedOut bool `json:"timed_out,omitempty"`
	// Others are the failures that other rules saw in the same run, in the
	// order in which they were seen. Their own Others are empty.
	Others []Failure `json:"others,omitempty"`
}

// Says is what has failed, with its place: "FILE:LINE: this %post ended with status 7".
func (f *Failure) Says() string {
	if f.Where == "" {
		return f.Meaning
	}
	return f.Where + ": " + f.Meaning
}
