package debian

import (
	"errors"
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/pgp"
)

// ErrFetch says that no mirror gave a file, or that none was to be asked.
var ErrFetch = fault.Class(fault.Host, "not to be had from Debian")

// offline is what is not in the folder of an archive that must not ask its mirrors.
func (a *Archive) offline(what string, mirrors []string) error {
	return &fault.Error{Class: ErrFetch, Field: "Offline", Do: "run once without {Offline}: what that fetches is kept",
		Err: fmt.Errorf("%s is not in the cache %s, and the network is forbidden: %s is not asked", what, a.o.Dir, strings.Join(mirrors, " or "))}
}

// notFetched is a file that no mirror gave.
func notFetched(failed *fetch.Attempts) error {
	do := "is the network up? behind a proxy set http_proxy"
	if errors.Is(failed, errExpired) || errors.Is(failed, pgp.ErrExpired) {
		do = "is this system's clock right? (date)"
	}
	return &fault.Error{Class: ErrFetch, Err: failed, Do: do + "; another mirror of Debian is chosen with {Mirror}"}
}
