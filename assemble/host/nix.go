// What this host can do of what images of NixOS need besides.

package host

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
)

// The oldest nix that works, and the oldest that evaluates the nixpkgs of imgasm's
// own flake (its lib/minver.nix), by their minor numbers.
const (
	leastNix    = 8
	leastForOwn = 18
)

// OldNix says why a version of nix is too old, of imgasm's own flake if own is set,
// and what to do; "": it is not.
func OldNix(version string, own bool) (text, do string) {
	do = "install a newer one: https://nixos.org/download"
	switch {
	case older(version, leastNix):
		return fmt.Sprintf("it is too old: imgasm needs nix 2.%d", leastNix), do
	case own && older(version, leastForOwn):
		return fmt.Sprintf("it is too old for the NixOS of imgasm's own flake, which needs nix 2.%d", leastForOwn), do + "\nor build a flake of your own: imgasm nixos {Flake} REF#ATTRIBUTE"
	}
	return "", ""
}

// older reports whether a version such as "2.8.0" or "2.31pre" is older than 2.minor.
// Forks that count in another way are new.
func older(version string, minor int) bool {
	rest, ok := strings.CutPrefix(version, "2.")
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		rest = rest[:i]
	}
	n, err := strconv.Atoi(rest)
	return strings.HasPrefix(version, "1.") || ok && err == nil && n < minor
}

// nix checks what images of NixOS need besides: nix, its store, and who builds for
// each architecture. Other builds do without.
func (c *Checkup) nix(ctx context.Context) {
	n := nixglue.Nix{}
	version, err := n.Version(ctx)
	if err != nil {
		c.add("nix", "", Unused, "only imgasm nixos needs it: "+err.Error(), fault.Hint(err, nil))
		return
	}
	store, err := n.StoreInfo(ctx)
	if err != nil {
		c.add("nix", "", Poor, version+", and "+err.Error(), fault.Hint(err, nil))
		return
	}
	text := fmt.Sprintf("%s, store %s", version, store.URL)
	if old, do := OldNix(version, true); old != "" {
		c.add("nix", "", Poor, text+": "+old, do)
	} else if err := store.CheckTrust(); err != nil {
		c.add("nix", "", Poor, text+", which does not trust this user: neither {On} nor {Builders} is possible", fault.Hint(err, nil))
	} else {
		c.add("nix", "", Good, text, "")
	}
	machines, err := n.Machines(ctx)
	if err != nil {
		c.add("nix builder", "", Poor, err.Error(), fault.Hint(err, nil))
		return
	}
	for _, a := range arch.All() {
		// What nixpkgs' disk images need. It says who is asked, and not that a kvm works.
		m, err := nixglue.Choose(machines, a.Name+"-linux", []string{"kvm"})
		if err != nil {
			c.add("nix builder", a.Name, Unused, strings.ReplaceAll(err.Error(), "\n", "; "), fault.Hint(err, nil))
			continue
		}
		c.add("nix builder", a.Name, Good, m.Name(), "")
	}
}
