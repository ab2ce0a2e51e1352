// The errors that a caller tells apart.

package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// ErrStalled says that a connection was given up because next to nothing came.
var ErrStalled = errors.New("the server sent nothing, or next to nothing, for too long")

// ErrNoLength says that nobody says how long the file is, so that its end could not be
// told from a broken connection, nor an endless body from a long one.
var ErrNoLength = errors.New("the server does not say how long the file is")

// errChanged: the server's file is not the one that the part is of.
var errChanged = errors.New("the file on the server has changed since the download began")

// StatusError is an HTTP status that is not the one of success.
type StatusError struct {
	Code       int
	retryAfter time.Duration
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server says %d %s", e.Code, http.StatusText(e.Code))
}

// Missing reports whether the server says that there is no such file, or that
// it shows none to us (some answer 403 for what is not there).
func (e *StatusError) Missing() bool {
	return e.Code == http.StatusNotFound || e.Code == http.StatusGone || e.Code == http.StatusForbidden
}

// RedirectError is a redirect that is not followed.
type RedirectError struct {
	To  string // without a password
	why string
}

func (e *RedirectError) Error() string { return fmt.Sprintf("%s: %.200q", e.why, e.To) }

// LengthError is a file of another length than the one that is wanted.
type LengthError struct {
	Want int64 // bytes; at most so many if Most
	Got  int64
	Most bool
}

func (e *LengthError) Error() string {
	switch {
	case e.Most:
		return fmt.Sprintf("the server has %d bytes or more of it, but at most %d are taken", e.Got, e.Want)
	case e.Got == 0:
		return "the server's file is empty"
	}
	return fmt.Sprintf("the server has %d bytes of it, but it should have %d", e.Got, e.Want)
}

// SumError is a file with another SHA-256 than the one that is wanted.
type SumError struct{ Want, Got string }

func (e *SumError) Error() string {
	return fmt.Sprintf("has SHA-256 %s, not %s", e.Got, e.Want)
}

// DiskError is a part that cannot be read or written here: neither another try
// nor another server will help.
type DiskError struct {
	Err error
	// MissingBytes were still to come; 0: not known.
	MissingBytes int64
}

func (e *DiskError) Error() string {
	if e.MissingBytes > 0 {
		return fmt.Sprintf("%v, with %.1f MiB still to come", e.Err, float64(e.MissingBytes)/(1<<20))
	}
	return e.Err.Error()
}

func (e *DiskError) Unwrap() error { return e.Err }
