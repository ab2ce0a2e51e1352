// What goes wrong: the classes of errors.

package source

import (
	"errors"
	"fmt"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/fetch"
)

// The classes of errors, for errors.Is.
var (
	// ErrRequest: the Request, or a file that is named, asks for what does not exist.
	ErrRequest = fault.Class(fault.Input, "a request that cannot be met")
	// ErrVerify: a file is not what it should be. It was set aside and is not used.
	ErrVerify = fault.Class(fault.Input, "not the file that it should be")
	// ErrOffline: a file would have to be downloaded, but Fetcher.Offline is set.
	ErrOffline = fault.Class(fault.Host, "not in the cache")
	// ErrDownload: no address gave the file.
	ErrDownload = fault.Class(fault.Host, "cannot be downloaded")
)

// badRequest is a field of a Request that asks for what does not exist. do may be "".
func badRequest(field, do, format string, args ...any) error {
	return &fault.Error{Class: ErrRequest, Field: field, Err: fmt.Errorf(format, args...), Do: do}
}

// offline is a file that would have to be downloaded.
func offline(what string) error {
	return &fault.Error{Class: ErrOffline, Field: "Offline", Err: fmt.Errorf("%s is not in the cache, and the network is forbidden", what),
		Do: "imgasm source fetch gets it beforehand, where there is a network"}
}

// notVerified is a file that is not what it should be: its name or address,
// where it was put ("" if it stands where the user put it), and why.
func notVerified(what, aside string, why error) error {
	e := &fault.Error{Class: ErrVerify, Err: fmt.Errorf("%s: %w", what, why)}
	if aside != "" {
		e.Err = fmt.Errorf("%w; set aside as %s", e.Err, aside)
	}
	var sum *fetch.SumError
	switch {
	case errors.Is(why, errUnnamed):
		e.Do = "is its name right? a hash that you trust is given with {SHA256}"
	case errors.As(why, &sum):
		e.Do = "fetch it again, or from another {Mirror}; if the hash stays the same, the CHECKSUM or {SHA256} is for another file"
	default:
		e.Do = "try another {Mirror}; a key of another distribution is given with {Keyring}, a hash that you trust with {SHA256}"
	}
	return e
}

// errUnnamed is a signed CHECKSUM that says nothing about a file.
var errUnnamed = errors.New("does not name")

func unnamed(checksum, name string) error {
	return fmt.Errorf("the signed CHECKSUM at %s %w %s", checksum, errUnnamed, name)
}

// attempts are the addresses that did not give a file.
type attempts struct {
	fetch.Attempts
	exact bool // the user gave the address
}

// fault is what came of them all. Where one brought a file that is not what it
// should be, that is what it is about.
func (a *attempts) fault() error {
	e := &fault.Error{Class: ErrDownload, Err: a, Do: a.advice()}
	if errors.Is(a, ErrVerify) {
		e.Class = ErrVerify
	}
	return e
}

func (a *attempts) advice() string {
	tried := a.Unwrap()
	status := 0
	for _, err := range tried {
		var wrong *fault.Error
		if errors.As(err, &wrong) && errors.Is(wrong.Class, ErrVerify) {
			return wrong.Do // the network brought something
		}
		var s *fetch.StatusError
		if errors.As(err, &s) {
			status++
		}
	}
	switch {
	case status < len(tried):
		return "is the network up? behind a proxy set HTTPS_PROXY; another server is chosen with {Mirror}"
	case a.exact:
		return "is the address right?"
	}
	return "imgasm source list --available shows what there is; another server is chosen with {Mirror}"
}
