package debian

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/pgp"
)

// ErrFetch says that no mirror gave a file, or that none was to be asked.
var ErrFetch = fault.Class(fault.Host, "not to be had from Debian")

// offline is what is not in the folder of an archive that must not ask its mirrors.
func (a *Archive) offline(what string, mirrors []string) error {
	return &fault.Error{Class: ErrFetch, Field: "Offline", Do: "run once without {Offline}: what that fetches is kept",
		Err: fmt.Errorf("%s is not in the cache %s, and the network is forbidden: %s is not asked", what, a.o.Dir, strings.Join(mirrors, " or "))}
}

// attempts are the addresses that did not give a file.
type attempts struct {
	what  string // "bookworm's index of packages"
	tried []error
}

func (a *attempts) add(address string, err error) {
	a.tried = append(a.tried, fmt.Errorf("%s: %w", address, err))
}

func (a *attempts) Error() string {
	var tried []string
	for _, err := range a.tried {
		tried = append(tried, err.Error())
	}
	return a.what + ": no mirror of Debian gave it: " + strings.Join(tried, "; ")
}

func (a *attempts) Unwrap() []error { return a.tried }

// fault is what came of them all.
func (a *attempts) fault() error {
	do := "is the network up? behind a proxy set http_proxy"
	if errors.Is(a, errExpired) || errors.Is(a, pgp.ErrExpired) {
		do = "is this system's clock right? (date)"
	}
	return &fault.Error{Class: ErrFetch, Err: a, Do: do + "; another mirror of Debian is chosen with {Mirror}"}
}
