// The classes of errors that a caller branches on.

package alma

import (
	"fmt"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
)

// InputError is something that the user gave and that cannot be used: a
// missing or damaged file, a size, a kickstart.
type InputError struct {
	What string // the flag or file
	Err  error
	Do   string // what to do, as a command where there is one
}

func (e *InputError) Error() string {
	if e.What == "" {
		return e.Err.Error()
	}
	return e.What + ": " + e.Err.Error()
}
func (e *InputError) Unwrap() error { return e.Err }
func (e *InputError) Hint() string  { return e.Do }

// HostError is something that this host lacks.
type HostError struct {
	Err error
	Do  string
}

func (e *HostError) Error() string { return e.Err.Error() }
func (e *HostError) Unwrap() error { return e.Err }
func (e *HostError) Hint() string  { return e.Do }

// InstallError is an installation, or the boot test after it, that failed in the guest.
type InstallError struct {
	What    string // "the installation", "the boot test"
	Failure *anaconda.Failure
	Bundle  string // the folder that holds the logs
}

func (e *InstallError) Error() string { return describe(e.What, e.Failure, e.Bundle) }
func (e *InstallError) Hint() string  { return e.Failure.Hint }

// TimeoutError is a guest that took too long, or fell silent.
type TimeoutError struct {
	What    string // "the installation", "the boot test"
	After   time.Duration
	Failure *anaconda.Failure // what is known of it; may be nil
	Bundle  string
}

func (e *TimeoutError) Error() string {
	if e.Failure != nil {
		return describe(e.What, e.Failure, e.Bundle)
	}
	text := fmt.Sprintf("%s did not end within %s", e.What, e.After)
	if e.Bundle != "" {
		text += "; its logs are in " + e.Bundle
	}
	return text
}

func (e *TimeoutError) Hint() string {
	if e.Failure != nil {
		return e.Failure.Hint
	}
	return "give it longer with --timeout, or look at the console log for where it stopped"
}

// PanicError is a defect of imgasm itself that ended a step.
type PanicError struct {
	Step   string
	Value  any    // what it panicked with
	Bundle string // the folder that holds the stack and the logs
}

func (e *PanicError) Error() string {
	text := fmt.Sprintf("internal error in the step %q: %v", e.Step, e.Value)
	if e.Bundle != "" {
		text += "\nlogs: " + e.Bundle
	}
	return text
}

// Hint asks for a report.
func (e *PanicError) Hint() string {
	return "this is a defect of imgasm: please report it, with " + panicFile + " of the logs"
}
