// What Nix can do here, seen before it is asked to build: its version, the store
// that is built in, and a machine that builds for the architecture.

package nixos

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/nixglue"
)

// Builder is the nix of this host, and who will build.
type Builder struct {
	Version string            `json:"version"` // nix's
	Store   nixglue.StoreInfo `json:"store"`   // that is built in
	// Machine builds, as far as is known before; nil: nobody does.
	Machine *nixglue.Machine `json:"machine,omitempty"`
}

// Who says who builds, for a person.
func (b Builder) Who() string {
	if b.Machine == nil {
		return "nobody but binary caches"
	}
	return b.Machine.Name()
}

// ownFeatures are what the derivations of make-disk-image.nix need.
var ownFeatures = []string{"kvm"}

// resolveNix looks at nix, at the store, and for a machine that builds.
func (p *Plan) resolveNix(ctx context.Context) (err error) {
	n := p.Spec.nix()
	if p.Nix.Version, err = p.version(ctx, n); err != nil {
		return err
	}
	store := n
	if store.Store, err = p.Spec.store(); err != nil {
		return err
	}
	if p.Nix.Store, err = store.StoreInfo(ctx); err != nil {
		return err
	}
	if p.Spec.On != "" || p.Spec.Builders != "" {
		if err := p.Nix.Store.CheckTrust(); err != nil {
			return err
		}
	}
	if p.Spec.On != "" {
		p.Nix.Machine = &nixglue.Machine{URL: store.Store} // what it builds for shows when it does
		return nil
	}
	var features []string
	if p.Own != "" && !p.Spec.Assemble {
		features = ownFeatures
	}
	p.Nix.Machine, err = findBuilder(ctx, n, system(p.arch), features)
	if p.Spec.Assemble && errors.Is(err, nixglue.ErrMachine) {
		p.caution(err.Error()+"\nwhat no binary cache has of the system cannot be had", fault.Hint(err, nil))
		return nil
	}
	if err != nil {
		return err
	}
	return p.askBuilder(ctx, n)
}

// version is nix's, if it is not too old.
func (p *Plan) version(ctx context.Context, n nixglue.Nix) (string, error) {
	version, err := n.Version(ctx)
	if err != nil {
		return "", err
	}
	if old, do := host.OldNix(version, p.Own != "" && len(p.Spec.Inputs) == 0); old != "" {
		return "", &fault.Error{Class: ErrHost, Err: fmt.Errorf("nix %s: %s", version, old), Do: do}
	}
	return version, nil
}

// askBuilder sees whether a remote builder answers. Nix's daemon may reach it by
// another key than ours, so that a silence only warns.
func (p *Plan) askBuilder(ctx context.Context, n nixglue.Nix) error {
	if p.Nix.Machine.URL == "" {
		return nil
	}
	n.Store, n.Builders = p.Nix.Machine.URL, ""
	_, err := n.StoreInfo(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != nil {
		p.caution(fmt.Sprintf("the builder %s does not answer this user: %v", p.Nix.Machine.URL, err), "Nix's daemon may have a key of its own; else: "+fault.Hint(err, nil))
	}
	return nil
}

// findBuilder is who builds what is for a system and needs features. The error is
// of class nixglue.ErrMachine.
func findBuilder(ctx context.Context, n nixglue.Nix, system string, features []string) (*nixglue.Machine, error) {
	machines, err := n.Machines(ctx)
	if err != nil {
		return nil, err
	}
	m, err := nixglue.Choose(machines, system, features)
	if err != nil {
		return nil, &fault.Error{Class: nixglue.ErrMachine, Err: err, Do: "build on a machine of that system: {On} ssh://USER@HOST\n" + fault.Hint(err, nil)}
	}
	return &m, nil
}
