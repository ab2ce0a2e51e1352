// The classes of errors that a caller branches on.

package alma

import (
	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/internal/fault"
)

// Classes of errors. Those of a guest that failed or took too long are watch's
// and verify's.
var (
	// ErrInput is something that the user gave and that cannot be used: a missing
	// or damaged file, a size, a kickstart.
	ErrInput = assemble.ErrInput
	// ErrLint is a kickstart that the installer would refuse.
	ErrLint = fault.Class(fault.Input, "the installer would refuse this kickstart")
	// ErrHost is something that this host lacks.
	ErrHost = guest.ErrHost
	// ErrCannotBoot is an installation that says it is complete and a disk that it is not on.
	ErrCannotBoot = fault.Class(fault.Guest, "the installed disk cannot boot")
)

// bad is an error about a field of a Spec.
func bad(field string, err error, do string) error {
	return &fault.Error{Class: ErrInput, Field: field, Err: err, Do: do}
}

func lacking(err error, do string) error {
	return &fault.Error{Class: ErrHost, Err: err, Do: do}
}
