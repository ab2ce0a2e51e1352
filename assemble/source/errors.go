// The errors that a caller tells apart.

package source

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/fetch"
)

// ErrOffline is wrapped where a file would have to be downloaded but Fetcher.Offline is set.
var ErrOffline = errors.New("is not in the cache, and --offline forbids the network")

// VerifyError says that a file is not what it should be. The file was set
// aside and is not used.
type VerifyError struct {
	What  string // the file's name or address
	Aside string // where it was put; "" if it stands where the user put it
	Err   error
}

func (e *VerifyError) Error() string {
	s := fmt.Sprintf("%s: %v", e.What, e.Err)
	if e.Aside != "" {
		s += "; set aside as " + e.Aside
	}
	return s
}

func (e *VerifyError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *VerifyError) Hint() string {
	var sum *fetch.SumError
	var unnamed *unnamedError
	switch {
	case errors.As(e.Err, &unnamed):
		return "is its name right? a hash that you trust is given with --iso-checksum SHA256 (imgasm source: --checksum)"
	case errors.As(e.Err, &sum):
		return "fetch it again, or from another --mirror; if the hash stays the same, the CHECKSUM or --iso-checksum is for another file"
	default:
		return "try another --mirror; a key of another distribution is given with --keyring FILE, a hash that you trust with --iso-checksum SHA256 (imgasm source: --checksum)"
	}
}

// unnamedError is a signed CHECKSUM that says nothing about a file.
type unnamedError struct{ checksum, name string }

func (e *unnamedError) Error() string {
	return fmt.Sprintf("the signed CHECKSUM at %s does not name %s", e.checksum, e.name)
}

// DownloadError says that no address gave the file.
type DownloadError struct {
	Name  string
	Tried []Attempt
	// Exact: the user gave the address.
	Exact bool
}

// Attempt is one address and what came of it.
type Attempt struct {
	URL string
	Err error
}

func (e *DownloadError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "download %s: ", e.Name)
	if len(e.Tried) == 1 {
		b.WriteString(e.Tried[0].String())
		return b.String()
	}
	b.WriteString("no address has it:")
	for _, a := range e.Tried {
		b.WriteString("\n  " + a.String())
	}
	return b.String()
}

func (a Attempt) String() string {
	text := a.Err.Error()
	if strings.HasPrefix(text, a.URL+": ") {
		return text
	}
	return a.URL + ": " + text
}

// Unwrap gives every attempt's error.
func (e *DownloadError) Unwrap() []error {
	var errs []error
	for _, a := range e.Tried {
		errs = append(errs, a.Err)
	}
	return errs
}

// Hint says what to do about it.
func (e *DownloadError) Hint() string {
	for _, a := range e.Tried {
		var wrong *VerifyError
		if errors.As(a.Err, &wrong) {
			return wrong.Hint() // the network brought something
		}
	}
	for _, a := range e.Tried {
		var status *fetch.StatusError
		if !errors.As(a.Err, &status) {
			return "is the network up? behind a proxy set HTTPS_PROXY; another server is chosen with --mirror URL, an ISO that is here already with --iso PATH"
		}
	}
	if e.Exact {
		return "is the address right?"
	}
	return "imgasm source list --available shows what there is; another server is chosen with --mirror URL"
}
