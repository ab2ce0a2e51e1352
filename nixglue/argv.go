package nixglue

// What nix is called with. Nothing is done here.

import (
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// bad is a request that is refused, for what its field says.
func bad(field, format string, args ...any) error {
	return &fault.Error{Class: ErrRequest, Field: field, Err: fmt.Errorf(format, args...)}
}

// check refuses what nix would take for a flag, or for "the flake of this folder".
func (n Nix) check(installables ...string) error {
	if len(installables) == 0 {
		return bad("Installables", "nothing is named, such as path:/src#image")
	}
	for _, i := range installables {
		if i == "" || strings.HasPrefix(i, "-") {
			return bad("Installables", "%q is neither a flake's attribute nor a store path", i)
		}
	}
	for _, o := range n.Options {
		if o.Name == "" {
			return bad("Options", "a setting without a name, of the value %q", o.Value)
		}
	}
	for _, i := range n.Inputs {
		if i.Name == "" || i.Flake == "" {
			return bad("Inputs", "the input %q is to be the flake %q: both need a name", i.Name, i.Flake)
		}
	}
	return nil
}

// flag is a flag with its value, or nothing without one.
func flag(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{name, value}
}

// global are the flags before nix's command.
func (n Nix) global() []string {
	features := append([]string{"nix-command", "flakes"}, n.Features...)
	args := []string{"--extra-experimental-features", strings.Join(features, " "), "--log-format", "internal-json"}
	args = append(args, flag("--store", n.Store)...)
	args = append(args, flag("--builders", n.Builders)...)
	args = append(args, flag("--max-jobs", n.MaxJobs)...)
	args = append(args, flag("--system", n.System)...)
	for _, o := range n.Options {
		args = append(args, "--option", o.Name, o.Value)
	}
	return args
}

// evaluating are the flags of a command that evaluates flakes.
func (n Nix) evaluating(command ...string) []string {
	args := append(n.global(), command...)
	args = append(args, flag("--eval-store", n.EvalStore)...)
	for _, f := range []struct {
		set  bool
		name string
	}{{n.Offline, "--offline"}, {n.Impure, "--impure"}, {n.NoWriteLock, "--no-write-lock-file"}} {
		if f.set {
			args = append(args, f.name)
		}
	}
	for _, i := range n.Inputs {
		args = append(args, "--override-input", i.Name, i.Flake)
	}
	return args
}

// BuildArgs are the arguments that Build gives nix.
func (n Nix) BuildArgs(o BuildOptions) []string {
	// --print-out-paths is unknown to nix 2.8; --json has them as well.
	args := n.evaluating("build", "--json")
	if o.DryRun {
		args = append(args, "--dry-run")
	}
	if o.OutLink == "" {
		args = append(args, "--no-link")
	}
	args = append(args, flag("--out-link", o.OutLink)...)
	return append(args, o.Installables...)
}

// EvalArgs are the arguments that Eval gives nix.
func (n Nix) EvalArgs(installable, apply string) []string {
	args := append(n.evaluating("eval", "--json"), flag("--apply", apply)...)
	return append(args, installable)
}

// PathInfoArgs are the arguments that PathInfo gives nix first.
func (n Nix) PathInfoArgs(closure bool, installables ...string) []string {
	return n.pathInfoArgs([]string{"--json-format", "1"}, closure, installables)
}

// oldPathInfoArgs are for a nix that does not know --json-format; nix 2.34
// warns that it will insist on it.
func (n Nix) oldPathInfoArgs(closure bool, installables ...string) []string {
	return n.pathInfoArgs(nil, closure, installables)
}

func (n Nix) pathInfoArgs(format []string, closure bool, installables []string) []string {
	args := append(n.evaluating("path-info", "--json"), format...)
	if closure {
		args = append(args, "--recursive")
	}
	return append(args, installables...)
}

// CopyArgs are the arguments that Copy gives nix.
func (n Nix) CopyArgs(o CopyOptions) []string {
	args := append(n.evaluating("copy"), flag("--from", o.From)...)
	args = append(args, flag("--to", o.To)...)
	if o.Unsigned {
		args = append(args, "--no-check-sigs")
	}
	return append(args, o.Installables...)
}

// StoreInfoArgs are the arguments that StoreInfo gives nix first.
func (n Nix) StoreInfoArgs() []string { return append(n.global(), "store", "info", "--json") }

// storePingArgs are for a nix that does not know `store info`. Its --json came
// later than the command (nix 2.8 has none).
func (n Nix) storePingArgs() []string { return append(n.global(), "store", "ping") }

// ArchivesArgs are the arguments that Archives gives nix-store.
func (n Nix) ArchivesArgs() []string { return append(n.global(), "--serve") }

// MetadataArgs are the arguments that Metadata gives nix.
func (n Nix) MetadataArgs(flake string) []string {
	return append(n.evaluating("flake", "metadata", "--json"), flake)
}

// ConfigArgs are the arguments that Machines gives nix first.
func (n Nix) ConfigArgs() []string { return append(n.global(), "config", "show", "--json") }

// oldConfigArgs are for a nix that does not know `config show`: 2.8.
func (n Nix) oldConfigArgs() []string { return append(n.global(), "show-config", "--json") }
