package nixglue

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/internal/proc"
)

// classes that the recorded logs end with, by the log's name without the version.
var classes = map[string]error{
	"fail": ErrBuilder, "foreign": ErrPlatform, "kvm": ErrFeature, "noattr": ErrAttribute,
	"nomachine": ErrMachine, "nojobs": ErrMachine,
	"unreachable": ErrMachine, "untrusted-copy": ErrUntrusted, "untrusted-build": ErrUntrusted, "untrusted-options": ErrBuilder,
	"unanswered": ErrStore, "unanswered-ssh": ErrStore, "absent": ErrAbsent, "download": ErrDownload,
}

func failureOf(t *testing.T, n Nix, raw []byte) (*Failure, error) {
	t.Helper()
	l, _ := read(t, raw, 0)
	err := n.failure(l, &proc.Error{Argv: []string{"nix", "build"}, Code: 1})
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("%T is no Failure", err)
	}
	return f, err
}

func TestErrorsOfRealLogs(t *testing.T) {
	var told strings.Builder
	used := map[string]bool{}
	for _, version := range []string{"2.8", "2.26", "2.34"} {
		for name, want := range classes {
			if raw, ok := recorded(t)[version+"-"+name]; ok {
				used[name] = true
				f, err := failureOf(t, Nix{}, raw)
				if !errors.Is(err, want) {
					t.Errorf("nix %s, %s: %v", version, name, err)
				}
				if fault.Hint(err, nil) == "" || strings.Contains(err.Error(), "\x1b") || f.Code != 1 {
					t.Errorf("nix %s, %s: %q, hint %q", version, name, err, fault.Hint(err, nil))
				}
			}
		}
		for _, name := range []string{"fail", "foreign", "kvm", "noattr", "nomachine", "nojobs", "untrusted-copy"} {
			if recorded(t)[version+"-"+name] == nil {
				t.Errorf("nix %s: no log of %s", version, name)
			}
		}
	}
	for _, name := range sortedKeys(recorded(t)) {
		_, kind, _ := strings.Cut(name, "-")
		if classes[kind] != nil {
			f, err := failureOf(t, Nix{}, recorded(t)[name])
			fmt.Fprintf(&told, "== %s: %v\n%v\nhint: %s\nderivation %q, system %q, features %q, flake %q, %d lines of log\n\n",
				name, classes[kind], err, fault.Hint(err, nil), f.Derivation, f.System, f.Features, f.Flake, len(f.Log))
		}
	}
	golden.Check(t, "errors.txt", []byte(told.String()))
	if len(used) != len(classes) {
		t.Errorf("logs of %d of %d errors", len(used), len(classes))
	}
}

// Cut anywhere, a log gives an error with a class and a text.
func TestErrorOfCutLog(t *testing.T) {
	for _, name := range []string{"2.8-fail", "2.26-nomachine", "2.34-foreign"} {
		raw := recorded(t)[name]
		for i := range raw {
			if f, err := failureOf(t, Nix{}, raw[:i]); f.Message == "" || fault.KindOf(err) == fault.Input {
				t.Fatalf("%s, %d bytes of it: %v", name, i, err)
			}
		}
	}
}

// A daemon that ignores the Builders it was given is the cause, not what this machine is.
func TestIgnoredBuilders(t *testing.T) {
	raw := append(recorded(t)["2.26-untrusted-options"][:0:0], recorded(t)["2.26-untrusted-options"]...)
	raw = append(raw[:strings.LastIndex(string(raw), "@nix")], recorded(t)["2.26-foreign"]...)
	if _, err := failureOf(t, Nix{Builders: "ssh://x aarch64-linux"}, raw); !errors.Is(err, ErrUntrusted) {
		t.Error(err)
	}
	if _, err := failureOf(t, Nix{}, raw); !errors.Is(err, ErrPlatform) {
		t.Error(err)
	}
}

func TestFailureText(t *testing.T) {
	f := &Failure{Message: "it failed"}
	for i := range ringLines {
		f.Log = append(f.Log, fmt.Sprint("line ", i))
	}
	if text := f.Error(); !strings.HasPrefix(text, "it failed\nlast 20 lines of its log:\n> line 80\n> line 81\n") || !strings.HasSuffix(text, "\n> line 99") {
		t.Error(text)
	}
	f.Message = "it failed;\nlast 2 log lines:\n> a\n> b" // of a daemon
	if diff := cmp.Diff(f.Message, f.Error()); diff != "" {
		t.Error(diff)
	}
}

// A derivation's log is where it was built; two shells read what ssh is given.
func TestHintOfBuildLog(t *testing.T) {
	for store, want := range map[string]string{
		"":                               "nix-store --read-log /nix/store/a.drv",
		"local?root=/x":                  "nix-store --store 'local?root=/x' --read-log /nix/store/a.drv",
		"ssh://arm":                      "ssh arm 'nix-store --read-log /nix/store/a.drv'",
		"ssh-ng://me@arm?ssh-key=/a":     "ssh me@arm 'nix-store --read-log /nix/store/a.drv'",
		"ssh-ng://me@arm:2222/nix/store": "ssh ssh://me@arm:2222 'nix-store --read-log /nix/store/a.drv'",
	} {
		if got := (Nix{Store: store}).hint(ErrBuilder, &Failure{Derivation: "/nix/store/a.drv"}); got != want {
			t.Errorf("store %q: %s, want %s", store, got, want)
		}
	}
	got := (Nix{Store: "ssh://arm"}).hint(ErrBuilder, &Failure{Derivation: "$(id)"})
	if want := `ssh arm 'nix-store --read-log '\''$(id)'\'''`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What another machine builds is evaluated here.
func TestHintOfPlatformWithStore(t *testing.T) {
	if got := (Nix{Store: "ssh-ng://x86"}).hint(ErrPlatform, &Failure{}); !strings.Contains(got, "{Store} ssh-ng://USER@HOST, {EvalStore} auto\n") {
		t.Error(got)
	}
}

// A hint is pasted into a shell, and into nix.conf: a flake has no say there.
func TestHintOfHostileNames(t *testing.T) {
	raw := `@nix {"action":"msg","level":0,"msg":"x","raw_msg":"a 'x\nssh://evil $(id)' with features {kvm, '; rm -rf /; '\nsandbox = false} is required to build '/nix/store/a.drv', but I am a 'y' with features {}"}`
	f, err := failureOf(t, Nix{}, []byte(raw))
	if !errors.Is(err, ErrPlatform) || len(f.Features) != 5 {
		t.Errorf("%v, %q", err, f.Features)
	}
	if want := "name a machine of that system: {Builders} 'ssh-ng://USER@HOST xsshevilid - 4 1 kvm,rm,-rf,sandbox,false'\n"; !strings.HasPrefix(fault.Hint(err, nil), want) {
		t.Error(fault.Hint(err, nil))
	}
}
