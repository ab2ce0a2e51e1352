package nixglue

// Who builds: this machine, and the remote builders that nix knows.

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"

	"github.com/imgasm/imgasm/internal/smallfile"
)

// Machine builds derivations.
type Machine struct {
	URL       string   `json:"url"`      // "ssh-ng://user@host"; "": this machine
	Systems   []string `json:"systems"`  // that it builds for
	Features  []string `json:"features"` // that it has
	Mandatory []string `json:"mandatory,omitempty"`
	None      bool     `json:"none,omitempty"` // nothing is built there: max-jobs is 0
}

// Refuses says why a machine does not build what is for a system
// ("aarch64-linux") and needs features ("kvm"); "": it does.
func (m Machine) Refuses(system string, features []string) string {
	lacks := func(have []string) func(string) bool {
		return func(f string) bool { return !slices.Contains(have, f) }
	}
	missing := slices.DeleteFunc(slices.Clone(features), func(f string) bool { return !lacks(slices.Concat(m.Features, m.Mandatory))(f) })
	switch {
	case m.None:
		return "nothing is built there (max-jobs = 0)"
	case !slices.Contains(m.Systems, system):
		return "it builds for " + strings.Join(m.Systems, ", ")
	case len(missing) > 0:
		return "it lacks the feature " + strings.Join(missing, ", ")
	case slices.ContainsFunc(m.Mandatory, lacks(features)):
		return "it builds only what needs " + strings.Join(m.Mandatory, ", ")
	}
	return ""
}

// Name is what people call a machine: its URL, or "this machine".
func (m Machine) Name() string { return cmp.Or(m.URL, "this machine") }

// Choose is the first machine that builds what is for a system and needs features.
// The error, of the class [ErrMachine], says why none does.
func Choose(machines []Machine, system string, features []string) (Machine, error) {
	text := "nobody builds for " + system
	if len(features) > 0 {
		text += " with " + strings.Join(features, ", ")
	}
	for _, m := range machines {
		refusal := m.Refuses(system, features)
		if refusal == "" {
			return m, nil
		}
		text += "\n" + m.Name() + ": " + refusal
	}
	if len(machines) < 2 {
		text += "\nno remote builders are configured"
	}
	return Machine{}, &fault.Error{Class: ErrMachine, Err: errors.New(text), Do: Nix{}.hint(ErrMachine, &Failure{System: system, Features: features})}
}

// Machines lists who builds, as nix is configured here and by Builders, MaxJobs
// and System: this machine first. What is declared of a remote machine need not be
// so. A list of builders that may not be read is left out: nix's daemon may know
// more than we do.
func (n Nix) Machines(ctx context.Context) ([]Machine, error) {
	out, _, err := n.runEither(ctx, n.ConfigArgs(), "'config' is not a recognised command", n.oldConfigArgs())
	if err != nil {
		return nil, err
	}
	var settings struct {
		System, Builders configured[string]
		ExtraPlatforms   configured[[]string] `json:"extra-platforms"`
		SystemFeatures   configured[[]string] `json:"system-features"`
		MaxJobs          configured[any]      `json:"max-jobs"`
	}
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, n.noAnswer("config show", err)
	}
	system := settings.System.Value
	if system == "" {
		return nil, n.noAnswer("config show", fmt.Errorf("no system: %.80q", out))
	}
	all := []Machine{{
		Systems: append([]string{system}, settings.ExtraPlatforms.Value...), Features: settings.SystemFeatures.Value,
		None: fmt.Sprint(settings.MaxJobs.Value) == "0",
	}}
	return append(all, parseBuilders(ctx, settings.Builders.Value, system, 0)...), nil
}

// configured is a setting of `nix config show --json`.
type configured[T any] struct {
	Value T `json:"value"`
}

// Bounds of lists of builders, which may name further ones.
const (
	maxBuilders     = 1 << 20 // bytes of a file
	maxBuilderFiles = 8       // that name one another
)

// parseBuilders reads nix.conf's "builders": machines by lines or semicolons, and
// "@FILE" for those of a file. A machine is words: its store, systems, key of ssh,
// jobs at a time, speed, features, mandatory features, host key; "-" is none.
func parseBuilders(ctx context.Context, text, system string, depth int) (all []Machine) {
	for line := range strings.SplitSeq(strings.ReplaceAll(text, ";", "\n"), "\n") {
		line, _, _ = strings.Cut(line, "#")
		line = strings.TrimSpace(line)
		if file, ok := strings.CutPrefix(line, "@"); ok {
			if depth < maxBuilderFiles && filepath.IsAbs(file) {
				if more, err := smallfile.ReadAgain(ctx, file, maxBuilders); err == nil {
					all = append(all, parseBuilders(ctx, string(more), system, depth+1)...)
				}
			}
			continue
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		list := func(i int) []string {
			if i >= len(words) || words[i] == "-" {
				return nil
			}
			return strings.Split(words[i], ",")
		}
		m := Machine{URL: words[0], Systems: list(1), Features: list(5), Mandatory: list(6)}
		if !strings.Contains(m.URL, "://") {
			m.URL = "ssh://" + m.URL // as nix takes a name alone
		}
		if m.Systems == nil {
			m.Systems = []string{system}
		}
		all = append(all, m)
	}
	return all
}
