// What a flake has, and what would be built where.

package nixos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/nixglue"
)

// Survey is what a flake has to build.
type Survey struct {
	Flake   nixglue.Metadata `json:"flake"`
	Nix     string           `json:"nix"` // its version
	Outputs []Planned        `json:"outputs"`
}

// Planned is an output of a flake, and what would become of it.
type Planned struct {
	Attribute string   `json:"attribute"` // "packages.x86_64-linux.nixos-x86_64-image"
	System    string   `json:"system"`
	Features  []string `json:"features,omitempty"`
	Output    string   `json:"output,omitempty"` // its store path
	Built     bool     `json:"built"`            // the store has it
	Builder   string   `json:"builder"`          // who would build it: "this machine", a store's URL; "": nobody
	Problem   string   `json:"problem,omitempty"`
}

// Check evaluates the flake of a Spec, the attribute that it names or else all of
// its packages for Linux, and says what would be built where. Nothing is built;
// what nix tells meanwhile goes to sink.
//
// Errors: of class ErrInput, and nixglue's.
func Check(ctx context.Context, h host.Host, s Spec, sink assemble.Sink) (_ *Survey, err error) {
	hidden := s.secrets()
	defer func() { err = assemble.Hide(err, hidden) }()
	s, a, err := s.complete()
	if err != nil {
		return nil, err
	}
	p := &Plan{Spec: s, Host: h, arch: a, hidden: hidden}
	if err := p.resolveFlake(); err != nil {
		return nil, err
	}
	var v Survey
	n := s.nix()
	if v.Nix, err = p.version(ctx, n); err != nil {
		return nil, err
	}
	n.Events = quieter(sink, h.Now)
	if p.Own != "" {
		if err := writeOwnFlake(p.Own); err != nil {
			return nil, err
		}
		if len(s.Inputs) == 0 {
			if err := lockOwnFlake(ctx, n, p.Own, s.Update); err != nil {
				return nil, err
			}
		}
	}
	n.NoWriteLock = true // somebody looks, and changes nothing
	if v.Flake, err = n.Metadata(ctx, p.ref); err != nil {
		return nil, p.noFlake(err)
	}
	if v.Outputs, err = p.evaluateAll(ctx, n); err != nil {
		return nil, err
	}
	return &v, p.place(ctx, n, v.Outputs)
}

// evaluateAll are the outputs that were asked for, by attribute.
func (p *Plan) evaluateAll(ctx context.Context, n nixglue.Nix) ([]Planned, error) {
	if strings.Contains(p.Spec.Flake, "#") {
		out, err := n.Eval(ctx, p.ref+"#"+p.Attribute, derivationOf)
		if err != nil {
			return nil, err
		}
		return planned(p.Attribute, out), nil
	}
	var wanted string
	for _, a := range arch.All() {
		wanted += system(a) + " = null; "
	}
	// tryEval takes what throws for itself; what fails otherwise ends nix.
	out, err := n.Eval(ctx, p.ref+"#packages", `ps: builtins.mapAttrs (s: builtins.mapAttrs (n: d:
		let v = (`+derivationOf+`) d; t = builtins.tryEval (builtins.deepSeq v v); in if t.success then t.value else "failed"))
		(builtins.intersectAttrs { `+wanted+`} ps)`)
	if err != nil {
		return nil, err
	}
	var all map[string]map[string]json.RawMessage
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("what nix says of the flake's packages: %w", err)
	}
	var outputs []Planned
	for system, packages := range all {
		for name, value := range packages {
			outputs = append(outputs, planned("packages."+system+"."+name, value)...)
		}
	}
	slices.SortFunc(outputs, func(a, b Planned) int { return cmp.Compare(a.Attribute, b.Attribute) })
	return outputs, nil
}

// planned is an output as derivationOf tells of it.
func planned(attribute string, value json.RawMessage) []Planned {
	var d *derivation
	switch err := json.Unmarshal(value, &d); {
	case err != nil:
		return []Planned{{Attribute: attribute, Problem: "it does not evaluate: nix eval says why"}}
	case d == nil:
		return []Planned{{Attribute: attribute, Problem: "it is no derivation"}}
	}
	return []Planned{{Attribute: attribute, System: d.System, Features: d.Features, Output: d.Out}}
}

// place says of each output whether it is there, or who would build it.
func (p *Plan) place(ctx context.Context, n nixglue.Nix, outputs []Planned) (err error) {
	machines, err := n.Machines(ctx)
	if err != nil {
		return err
	}
	n.Inputs = nil
	if n.Store, err = p.Spec.store(); err != nil {
		return err
	}
	for i := range outputs {
		o := &outputs[i]
		if o.Output == "" {
			continue
		}
		_, err := n.PathInfo(ctx, false, o.Output)
		if o.Built = err == nil; err != nil && !errors.Is(err, nixglue.ErrAbsent) {
			return err
		}
		if n.Store != "" {
			o.Builder = n.Store
		} else if m, err := nixglue.Choose(machines, o.System, o.Features); err != nil {
			o.Problem = err.Error()
		} else {
			o.Builder = m.Name()
		}
	}
	return nil
}
