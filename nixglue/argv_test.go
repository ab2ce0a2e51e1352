package nixglue

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/internal/proc"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// everything is a Nix of which every field is set.
var everything = Nix{
	Path: "/opt/nix", Features: []string{"ca-derivations"}, Store: "ssh-ng://user@host", EvalStore: "auto",
	Builders: "ssh-ng://user@arm aarch64-linux - 4 1 kvm", MaxJobs: "0", System: "aarch64-linux",
	Options: []Option{{"sandbox", "false"}, {"substituters", ""}}, Offline: true,
	Impure: true, NoWriteLock: true, Inputs: []Input{{"nixpkgs", "path:/src/nixpkgs"}},
}

func TestArgs(t *testing.T) {
	var text strings.Builder
	for _, n := range []Nix{{}, everything} {
		o := BuildOptions{Installables: []string{".#image"}}
		all := BuildOptions{Installables: []string{".#image", "/nix/store/x"}, OutLink: "result image", DryRun: true}
		for _, args := range [][]string{
			n.BuildArgs(o), n.BuildArgs(all), n.EvalArgs(".#image", ""), n.EvalArgs(".#image", "x: x.name"),
			n.PathInfoArgs(false, "/nix/store/x"), n.PathInfoArgs(true, "/nix/store/x", ".#image"),
			n.CopyArgs(CopyOptions{Installables: o.Installables, To: "file:///cache"}), n.CopyArgs(CopyOptions{Installables: o.Installables, From: "ssh-ng://user@host", Unsigned: true}),
			n.oldPathInfoArgs(true, "/nix/store/x"), n.StoreInfoArgs(), n.storePingArgs(),
			n.MetadataArgs("path:/src"), n.ConfigArgs(), n.oldConfigArgs(),
		} {
			fmt.Fprintln(&text, proc.Quote(append([]string{n.path()}, args...)))
		}
		fmt.Fprintln(&text)
	}
	golden.Check(t, "argv.txt", []byte(text.String()))
}

// What is named cannot be a flag of nix.
func TestRefusedRequests(t *testing.T) {
	n := Nix{Path: "/nonexistent/nix"} // is not run
	ctx := t.Context()
	for _, name := range []string{"--store=/", "-f", ""} {
		_, build := n.Build(ctx, BuildOptions{Installables: []string{".#a", name}})
		_, eval := n.Eval(ctx, name, "")
		_, info := n.PathInfo(ctx, false, name)
		for what, err := range map[string]error{"build": build, "eval": eval, "path-info": info, "copy": n.Copy(ctx, CopyOptions{Installables: []string{name}, To: "file:///x"})} {
			if !errors.Is(err, ErrRequest) {
				t.Errorf("%s %q: %v", what, name, err)
			}
		}
	}
	if _, err := n.Build(ctx, BuildOptions{}); !errors.Is(err, ErrRequest) {
		t.Error(err)
	}
	if err := n.Copy(ctx, CopyOptions{Installables: []string{"/nix/store/x"}}); !errors.Is(err, ErrRequest) {
		t.Error(err)
	}
	for _, n := range []Nix{{Options: []Option{{"", "x"}}}, {Inputs: []Input{{"", "path:/src"}}}, {Inputs: []Input{{"nixpkgs", ""}}}} {
		n.Path = "/nonexistent/nix"
		if _, err := n.Eval(ctx, ".#a", ""); !errors.Is(err, ErrRequest) {
			t.Error(err)
		}
	}
}
