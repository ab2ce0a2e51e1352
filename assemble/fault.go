// The classes of errors that a caller branches on.

package assemble

import (
	"fmt"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
)

// Classes of errors.
var (
	ErrInput = fault.Class(fault.Input, "what was given cannot be used")
	// ErrBusy is an output that another build is writing.
	ErrBusy = fault.Class(fault.Other, "another build is writing this output")
	// ErrForeign is a working folder that somebody else made, may write to, or has
	// put a link in the place of: whoever did so would read the build's secrets,
	// swap its media and its image, or have it remove files of the user's.
	ErrForeign = fault.Class(fault.Input, "this working folder is not imgasm's own")
	// ErrStuck is a step of ours that made no progress: a QEMU that was stopped, a
	// disk or a network file system that does not answer.
	ErrStuck = fault.Class(fault.Timeout, "a step made no progress")
	// ErrPanic is a defect of imgasm itself.
	ErrPanic = fault.Class(fault.Other, "internal error")
)

// bad is an error about a field of Output.
func bad(field string, err error, do string) error {
	return &fault.Error{Class: ErrInput, Field: field, Err: err, Do: do}
}

func busy(out string) error {
	return &fault.Error{
		Class: ErrBusy, Err: fmt.Errorf("%s: another build is writing this output", out),
		Do: "wait for it to end (one that holds a guest for imgasm console ends with Ctrl-C), or give this build another name with {Out}",
	}
}

func foreignFolder(dir, why string) error {
	return &fault.Error{
		Class: ErrForeign, Err: fmt.Errorf("%s: this working folder is not imgasm's own: %s", dir, why),
		Do: "see what it is: ls -ld " + dir + "; move it away, or give another {Out}",
	}
}

func stuck(step string, after time.Duration) error {
	return &fault.Error{
		Class: ErrStuck, Err: fmt.Errorf("the step %s made no progress for %s", step, after),
		Do: "see whether QEMU is stopped or the disk does not answer: ps -eo pid,stat,args; {StallTimeout} and {Timeout} bound how long is waited",
	}
}

// KeptError is a build that failed and of which a bundle was kept.
type KeptError struct {
	Err    error
	Bundle string // the folder or archive
}

func (e *KeptError) Error() string { return e.Err.Error() + "\nlogs: " + e.Bundle }

// Unwrap gives what failed.
func (e *KeptError) Unwrap() error { return e.Err }

// hiddenError says what an error says, without secrets.
type hiddenError struct {
	error
	text, hint string
}

func (e *hiddenError) Error() string { return e.text }
func (e *hiddenError) Unwrap() error { return e.error }
func (e *hiddenError) Hint() string  { return e.hint }

// Hide returns err, or one of the same classes that tells no secret.
func Hide(err error, values *Secrets) error {
	if err == nil {
		return nil
	}
	text, advice := err.Error(), Hint(err)
	clean := &hiddenError{err, values.String(text), values.String(advice)}
	if clean.text != text || clean.hint != advice {
		return clean
	}
	return err
}

// Hint is what an error advises to do. {Field} stays: the program fills it in.
func Hint(err error) string {
	return fault.Hint(err, nil)
}
