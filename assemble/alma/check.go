// The step that looks at the installed disk from outside, before the image is
// made of it.

package alma

import (
	"context"
	"errors"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/event"
)

// check looks for what firmware will start. It ends the build only for what it
// has seen to be wrong: a disk that it cannot read may boot all the same, which
// the boot test shows.
func (b *build) check(context.Context) (string, error) {
	f, err := b.ws.root.Open(diskFile)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	found, err := inspect.Boot(f, info.Size(), b.Arch.Name, b.bootMode() != "bios")
	switch {
	case errors.Is(err, inspect.ErrCannotBoot):
		f.Close()
		b.makeRoom()
		return "", b.keepFailure(theCheck, &CheckError{Err: err}, nil, map[string][]byte{})
	case err != nil:
		return "", err
	case found.Unread == nil:
		return found.Found, nil
	case b.Spec.NoBootTest:
		b.emit(event.Event{
			Kind: event.Warning, Text: "nobody has seen that this image boots: " + found.Unread.Error() + ", and there is no boot test",
			Hint: "leave --no-boot-test out, or boot the image yourself before you use it",
		})
	default:
		b.emit(event.Event{Kind: event.Note, Text: found.Unread.Error() + "; the boot test will show whether it boots"})
	}
	return "could not be read", nil
}

// CheckError is an installation that says it is complete and a disk that it is not on.
type CheckError struct {
	Err    error
	Bundle string // the folder that holds the logs
}

func (e *CheckError) Error() string {
	text := "the installer reported success, but its disk cannot boot: " + e.Err.Error()
	if e.Bundle != "" {
		text += "\nlogs: " + e.Bundle
	}
	return text
}
func (e *CheckError) Unwrap() error { return e.Err }

// Hint names the likely reason.
func (e *CheckError) Hint() string {
	return "the kickstart probably installs to another disk or makes no boot partition: imgasm kickstart lint shows what this machine offers"
}
