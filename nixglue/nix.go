// Package nixglue is the nix command as Go calls: build, evaluate, copy, and ask
// about stores, flakes and who builds, with nix 2.8 to 2.34. It runs the nix that the user has, so that
// configuration, caches and remote builders are the user's own.
//
// While a build runs, what nix logs (--log-format internal-json) is told as
// events: derivations and bytes that are done, phases, lines of build logs. A
// call that fails gives a class of errors for errors.Is, a hint, and a *[Failure]
// that has nix's own words and the end of the failed derivation's log.
//
// What nix or a builder writes may be damaged, hostile or endless: no line of it
// ends a build, and no more than some 30 MiB of its log, and 64 MiB of nix's stdout,
// are kept at once.
package nixglue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
)

// The names that a caller needs for what this package tells.
type (
	// Event is something that nix has told; see [Log] for what there is. Time is not set.
	Event = event.Event
	// Sink takes events, one at a time. It must not block for long: nix waits for it.
	Sink = event.Sink
)

// Nix is a nix command and what each of its calls is given. The zero value is
// nix of PATH as the user has configured it; nix-command and flakes are enabled
// in any case.
type Nix struct {
	Path string   // the executable; "": nix, from PATH
	Env  []string // its environment; nil: ours

	Features []string // experimental features besides nix-command and flakes
	Store    string   // --store: where to build and look; "": as configured. "ssh-ng://user@host": on that machine
	// EvalStore is --eval-store: where to evaluate, of calls that do; "": in Store.
	// "auto": in this machine's store, whatever Store is.
	EvalStore string
	// Builders is --builders: remote machines as nix.conf(5) has them,
	// "ssh-ng://user@host aarch64-linux - 4 1 kvm"; "": as configured.
	Builders string
	MaxJobs  string   // --max-jobs: builds at a time on this machine, "auto" for one a processor; "0": remote ones only; "": as configured
	System   string   // --system: "aarch64-linux"; "": this machine's
	Options  []Option // further settings of nix.conf(5)
	Offline  bool     // --offline: no substituters, and what was downloaded counts as fresh

	// How flakes are evaluated.
	Impure      bool    // --impure: the environment and the time may be read
	NoWriteLock bool    // --no-write-lock-file: flake.lock stays as it is
	Inputs      []Input // --override-input

	// Events takes what nix tells while Build, Eval and Copy run; nil: nobody does.
	Events Sink
}

// Option is a setting of nix.conf(5).
type Option struct{ Name, Value string }

// Input has a flake's input be another flake.
type Input struct{ Name, Flake string }

// BuildOptions say what to build.
type BuildOptions struct {
	Installables []string // flakes with an attribute, "path:/src#image", or store paths; at least one
	OutLink      string   // where a link to the result is made, which keeps it from garbage collection; "": none is
	DryRun       bool     // nothing is built: only what would be
}

// Built is a derivation that was built, or would be.
type Built struct {
	DrvPath string            `json:"drvPath"`
	Outputs map[string]string `json:"outputs"` // store paths by name; most have "out" alone
}

// Build builds, or fetches what was built elsewhere. The error is a *[Failure]
// where nix has failed, with one of the package's classes.
func (n Nix) Build(ctx context.Context, o BuildOptions) ([]Built, error) {
	if err := n.check(o.Installables...); err != nil {
		return nil, err
	}
	out, _, err := n.run(ctx, n.BuildArgs(o))
	if err != nil {
		return nil, err
	}
	var built []Built
	if err := json.Unmarshal(out, &built); err != nil {
		return nil, n.noAnswer("build", err)
	}
	return built, nil
}

// Eval evaluates an installable, and gives its value as JSON. apply, where not
// empty, is a function in Nix's language that the value is given to.
func (n Nix) Eval(ctx context.Context, installable, apply string) (json.RawMessage, error) {
	if err := n.check(installable); err != nil {
		return nil, err
	}
	out, _, err := n.run(ctx, n.EvalArgs(installable, apply))
	if err != nil {
		return nil, err
	}
	if !json.Valid(out) {
		return nil, n.noAnswer("eval", fmt.Errorf("no JSON: %.80q", out))
	}
	return out, nil
}

// CopyOptions say what to copy.
type CopyOptions struct {
	Installables []string // store paths, or flakes with an attribute, which are built; at least one
	From, To     string   // stores, such as "ssh-ng://user@host" or "file:///cache"; "": Store; not both
	Unsigned     bool     // no signatures are asked for, by stores that trust this user
}

// Copy copies store paths with all that they refer to.
func (n Nix) Copy(ctx context.Context, o CopyOptions) error {
	if err := n.check(o.Installables...); err != nil {
		return err
	}
	if o.From == "" && o.To == "" {
		return bad("To", "no store is named to copy to, nor one to copy from")
	}
	_, _, err := n.run(ctx, n.CopyArgs(o))
	return err
}

// PathInfo tells about store paths, or what installables are built to, and about
// all that they refer to if closure is set; sorted by path. A path that the store
// does not have is an error of the class [ErrAbsent].
func (n Nix) PathInfo(ctx context.Context, closure bool, installables ...string) ([]PathInfo, error) {
	if err := n.check(installables...); err != nil {
		return nil, err
	}
	out, _, err := n.runEither(ctx, n.PathInfoArgs(closure, installables...), "unrecognised flag '--json-format'", n.oldPathInfoArgs(closure, installables...))
	if err != nil {
		return nil, err
	}
	infos, err := n.parsePathInfo(out)
	if err != nil && !errors.Is(err, ErrAbsent) {
		err = n.noAnswer("path-info", err)
	}
	return infos, err
}

// PathInfo is what a store knows of one of its paths.
type PathInfo struct {
	Path       string   `json:"path"`
	NarHash    string   `json:"narHash"` // of the path as an archive of Nix, "sha256-" and base64
	NarSize    int64    `json:"narSize"` // bytes of that archive
	References []string `json:"references"`
	Deriver    string   `json:"deriver,omitempty"`
	Signatures []string `json:"signatures,omitempty"`
}

// parsePathInfo reads what `nix path-info --json` prints: an array up to nix
// 2.18, an object by path in later ones.
func (n Nix) parsePathInfo(out []byte) ([]PathInfo, error) {
	type info struct {
		PathInfo
		Valid *bool `json:"valid"` // false: nix 2.8 does not have the path
	}
	var all []info
	if err := json.Unmarshal(out, &all); err != nil {
		var byPath map[string]*info
		if err := json.Unmarshal(out, &byPath); err != nil {
			return nil, err
		}
		for path, i := range byPath {
			if i == nil {
				i = &info{Valid: new(bool)}
			}
			i.Path = path
			all = append(all, *i)
		}
	}
	slices.SortFunc(all, func(a, b info) int { return cmp.Compare(a.Path, b.Path) })
	var infos []PathInfo
	for _, i := range all {
		if i.Path == "" {
			return nil, errors.New("an entry without a path")
		}
		if i.Valid != nil && !*i.Valid {
			return nil, &fault.Error{Class: ErrAbsent, Err: fmt.Errorf("the store does not have %s", i.Path),
				Do: n.hint(ErrAbsent, &Failure{})}
		}
		infos = append(infos, i.PathInfo)
	}
	return infos, nil
}

// StoreInfo is what a store says of itself.
type StoreInfo struct {
	URL     string `json:"url"`
	Version string `json:"version"`           // of the nix that serves it
	Trusted *bool  `json:"trusted,omitempty"` // whether it trusts this user; nil: nix is too old to tell
}

// CheckTrust is nil if the store trusts this user, or its nix is too old to tell;
// else an error of the class [ErrUntrusted]. Of who is not trusted a daemon ignores
// remote builders, and takes no unsigned paths.
func (s StoreInfo) CheckTrust() error {
	if s.Trusted == nil || *s.Trusted {
		return nil
	}
	return &fault.Error{Class: ErrUntrusted, Err: fmt.Errorf("the store %s does not trust this user", s.URL), Do: Nix{}.hint(ErrUntrusted, &Failure{})}
}

// StoreInfo asks Store whether it can be reached, and what it is.
func (n Nix) StoreInfo(ctx context.Context) (StoreInfo, error) {
	out, log, err := n.runEither(ctx, n.StoreInfoArgs(), "'info' is not a recognised command", n.storePingArgs())
	if err != nil {
		return StoreInfo{}, err
	}
	if len(out) == 0 {
		return parsePing(log.notes), nil
	}
	var answer struct {
		URL, Version string
		Trusted      any // 0 or 1; in nix 2.34 false or true
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return StoreInfo{}, n.noAnswer("store info", err)
	}
	info := StoreInfo{URL: answer.URL, Version: answer.Version}
	if answer.Trusted != nil {
		trusted := answer.Trusted == true || answer.Trusted == 1.0
		info.Trusted = &trusted
	}
	return info, nil
}

// parsePing reads what `nix store ping` says: "Store URL: daemon", "Version: 2.8.0".
func parsePing(lines []string) (info StoreInfo) {
	for _, line := range lines {
		if url, ok := strings.CutPrefix(line, "Store URL: "); ok {
			info.URL = url
		}
		if version, ok := strings.CutPrefix(line, "Version: "); ok {
			info.Version = version
		}
	}
	return info
}

// "nix (Nix) 2.8.0"
var versionLine = regexp.MustCompile(`^nix \(.*\) (\S+)\s*$`)

// Version is nix's: "2.26.3".
func (n Nix) Version(ctx context.Context) (string, error) {
	out, _, err := n.run(ctx, []string{"--version"})
	if err != nil {
		return "", err
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return "", n.noAnswer("--version", fmt.Errorf("no version: %.80q", out))
	}
	return string(m[1]), nil
}

// runEither asks as newer nix wants it and, where nix says that it knows no such
// thing, as older nix does.
func (n Nix) runEither(ctx context.Context, args []string, unknown string, older []string) ([]byte, *Log, error) {
	n.Events = nil // nobody wants to know that the first question was not understood
	out, log, err := n.run(ctx, args)
	var failed *Failure
	if errors.As(err, &failed) && strings.Contains(failed.Message, unknown) {
		return n.run(ctx, older)
	}
	return out, log, err
}

// run runs nix and gives its stdout, with what it has logged.
func (n Nix) run(ctx context.Context, args []string) ([]byte, *Log, error) {
	log := NewLog(n.Events)
	stderr := &guarded{log: log}
	cmd := proc.Cmd{Path: n.path(), Args: args, Env: n.Env, Stderr: stderr}
	out, err := cmd.Output(ctx)
	stderr.end()
	if stderr.err != nil || err == nil {
		return out, log, stderr.err
	}
	return nil, log, n.ended(ctx, cmd.Path, log, err)
}

// ended makes an error of that of a program of nix's, which has logged to log.
func (n Nix) ended(ctx context.Context, program string, log *Log, err error) error {
	var child *proc.Error
	switch {
	case errors.Is(err, fs.ErrPermission):
		return &fault.Error{Class: ErrAnswer, Field: n.pathField(), Err: fmt.Errorf("run %s: %w", program, errors.Unwrap(err)),
			Do: "see who may execute it: " + proc.Quote([]string{"ls", "-l", program})}
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return &fault.Error{Class: ErrMissing, Field: n.pathField(), Err: fmt.Errorf("%s is not installed", program),
			Do: "apt-get install nix-bin   # Debian, Ubuntu\nelsewhere: https://nixos.org/download"}
	case ctx.Err() != nil, !errors.As(err, &child), child.Code < 0:
		return err
	}
	return n.failure(log, child)
}

func (n Nix) path() string { return cmp.Or(n.Path, "nix") }

// pathField is what to name where nix is the wrong program, if it was named.
func (n Nix) pathField() string {
	if n.Path == "" {
		return ""
	}
	return "Path"
}

// guarded makes an error of a panic of whoever takes the events; nix's output is
// read to its end in any case.
type guarded struct {
	log *Log
	err error
}

func (g *guarded) Write(b []byte) (int, error) {
	g.call(func() error { _, err := g.log.Write(b); return err })
	return len(b), nil
}

func (g *guarded) end() { g.call(g.log.Close) }

func (g *guarded) call(f func() error) {
	if g.err == nil {
		g.err = guard.Call(f)
	}
}
