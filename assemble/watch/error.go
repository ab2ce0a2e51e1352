// How following a guest ends other than by success.

package watch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/fault"
)

// Classes of errors.
var (
	ErrFailed  = fault.Class(fault.Guest, "the guest failed")
	ErrTimeout = fault.Class(fault.Timeout, "the guest took too long")
	ErrHost    = fault.Class(fault.Host, "this host cannot go on")
)

func (g *Guest) timedOut() error {
	return &fault.Error{
		Class: ErrTimeout, Err: fmt.Errorf("%s did not end within %s", g.o.What, g.o.Timeout),
		Do: "give it longer with {Timeout}, or look at the console log for where it stopped",
	}
}

func (g *Guest) diskFull() error {
	return &fault.Error{
		Class: ErrHost, Err: fmt.Errorf("the host's disk is full, and the guest has been paused for it for %s", g.o.SpaceWait),
		Do: "free space beside the output, or give {Out} on another disk; {SpaceWait} waits longer",
	}
}

var errLost = &fault.Error{
	Class: ErrHost, Err: errors.New("QEMU has closed its monitor and runs on: what becomes of the guest cannot be told"),
	Do: "try again; if it happens again, look at what QEMU said in the kept qemu.txt",
}

// Error is a guest that failed, in its own words.
type Error struct {
	What    string // "the installation", "the verification"
	Failure *anaconda.Failure
	// Logs are the names of the files that keep the channels.
	Logs map[anaconda.Channel]string
}

// Failed is e as an error of class ErrFailed, or of ErrTimeout where the guest
// fell silent, with what to do about it.
func Failed(e *Error) error {
	class := ErrFailed
	if e.Failure.TimedOut {
		class = ErrTimeout
	}
	return &fault.Error{Class: class, Err: e, Do: e.Failure.Hint}
}

// Error says what failed, and where in the user's kickstart if that is known, in
// the guest's own words where it said some.
func (e *Error) Error() string {
	f := e.Failure
	text := fmt.Sprintf("%s failed (%s): %s", e.What, f.Phase, f.Meaning)
	if f.Where != "" {
		text = f.Says()
	}
	lines := f.Lines
	if len(f.Said) > 0 { // the script's own last words
		text, lines = strings.TrimSuffix(text, ".")+":", f.Said
	}
	if f.Source != "" {
		text += "\n    " + f.Source
	}
	text += e.quote(lines)
	if len(f.Context) > 0 {
		text += "\n  before that the console said" + e.quote(f.Context[max(0, len(f.Context)-3):])
	}
	return text
}

// mostLines is how many lines of the guest an error quotes.
const mostLines = 6

// quote writes the first and the last of some lines.
func (e *Error) quote(lines []anaconda.Line) (text string) {
	for i, l := range lines {
		switch left := len(lines) - mostLines; {
		case left <= 0 || i == 0 || i > left:
			text += "\n    " + e.Place(l) + l.Text
		case i == 1:
			text += "\n    …"
		}
	}
	return text
}

// InstallerLogs is the folder for the logs that an installer keeps in its /tmp;
// their names come from the guest.
const InstallerLogs = "installer"

// Place says where a line of the guest stands in the kept logs: "serial.log:7: ".
func (e *Error) Place(l anaconda.Line) string {
	name := e.Logs[l.Channel]
	if l.File != "" {
		name = InstallerLogs + "/" + l.File
	}
	if name == "" || l.Line == 0 {
		return string(l.Channel) + ": "
	}
	return fmt.Sprintf("%s:%d: ", name, l.Line)
}
