package debian

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/pgp"
)

// FetchError says that no mirror gave a file.
type FetchError struct {
	What  string // "bookworm's index of packages"
	Tried []Attempt
	// Offline are the mirrors that were not to be asked; the file is not in Dir.
	Offline []string
	Dir     string
}

// Attempt is one address and what came of it.
type Attempt struct {
	URL string
	Err error
}

func (e *FetchError) add(address string, err error) {
	e.Tried = append(e.Tried, Attempt{address, err})
}

func (e *FetchError) Error() string {
	if len(e.Tried) == 0 {
		return fmt.Sprintf("%s is not in the cache %s, and --offline forbids to ask %s", e.What, e.Dir, strings.Join(e.Offline, " or "))
	}
	var tried []string
	for _, t := range e.Tried {
		tried = append(tried, t.URL+": "+t.Err.Error())
	}
	return e.What + ": no mirror of Debian gave it: " + strings.Join(tried, "; ")
}

// Unwrap gives every attempt's error.
func (e *FetchError) Unwrap() []error {
	var errs []error
	for _, t := range e.Tried {
		errs = append(errs, t.Err)
	}
	return errs
}

// Hint says what to do.
func (e *FetchError) Hint() string {
	if len(e.Tried) == 0 {
		return "run once without --offline: what that fetches is kept"
	}
	for _, t := range e.Tried {
		if errors.Is(t.Err, errExpired) || errors.Is(t.Err, pgp.ErrExpired) {
			return "is this system's clock right? (date); another mirror of Debian is chosen with --mirror URL"
		}
	}
	return "is the network up? behind a proxy set http_proxy; another mirror of Debian is chosen with --mirror URL"
}
