package nixglue

// What goes wrong: nix's words, in all its generations, and what to do.

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
)

// The classes of errors, for errors.Is.
var (
	// ErrRequest: a call that nix would not understand as it is meant.
	ErrRequest = fault.Class(fault.Input, "a request that cannot be met")
	// ErrMissing: there is no nix.
	ErrMissing = fault.Class(fault.Host, "nix is not installed")
	// ErrAnswer: a program does not answer as nix does, or may not be executed.
	ErrAnswer = fault.Class(fault.Host, "does not answer as nix does")
	// ErrPlatform: no machine that may be used builds for the derivation's system.
	ErrPlatform = fault.Class(fault.Host, "no builder of that system")
	// ErrFeature: the derivation needs a system feature, such as kvm, that the builder does not have.
	ErrFeature = fault.Class(fault.Host, "the builder lacks a feature")
	// ErrMachine: nothing may be built here, and no remote builder fits or answers.
	ErrMachine = fault.Class(fault.Host, "no builder for the derivation")
	// ErrUntrusted: nix's daemon, here or on the builder, does not trust the user.
	ErrUntrusted = fault.Class(fault.Host, "nix does not trust this user")
	// ErrStore: the machine, or the daemon, of a store does not answer.
	ErrStore = fault.Class(fault.Host, "the store does not answer")
	// ErrDownload: a flake, or what it is made of, cannot be fetched.
	ErrDownload = fault.Class(fault.Host, "it cannot be downloaded")
	// ErrAttribute: the flake does not have what was named.
	ErrAttribute = fault.Class(fault.Input, "the flake has no such attribute")
	// ErrBuilder: the derivation's builder has failed.
	ErrBuilder = fault.Class(fault.Guest, "the build failed")
	// ErrAbsent: the store does not have the path.
	ErrAbsent = fault.Class(fault.Input, "no such store path")
	// ErrDamaged: a store path is not what the store has registered.
	ErrDamaged = fault.Class(fault.Host, "a damaged store path")
	// ErrImage: what was built has no disk image, or several.
	ErrImage = fault.Class(fault.Input, "not one disk image")
	// ErrNix: nix has failed in another way.
	ErrNix = fault.Class(fault.Other, "nix failed")
)

// Failure is a nix that ended with an error. Its text is Message, and the end of
// the build's log.
type Failure struct {
	Argv       []string // nix's words
	Code       int      // its exit status
	Message    string   // its last errors, without escape sequences; before those of ErrStore what else stood on stderr, as ssh's words
	Derivation string   // the one that it is about, "" where it names none
	System     string   // that is needed: "aarch64-linux"
	Features   []string // that are needed: "kvm"
	Flake      string   // that lacks an attribute
	Log        []string // the last lines of the derivation's log, at most 100
}

// shownLines of a build's log stand in an error's text.
const shownLines = 20

func (f *Failure) Error() string {
	text := f.Message
	// A daemon's own message has the last lines already.
	if len(f.Log) > 0 && !strings.Contains(text, " log lines:\n") {
		shown := f.Log[max(0, len(f.Log)-shownLines):]
		text = fmt.Sprintf("%s\nlast %d lines of its log:\n> %s", text, len(shown), strings.Join(shown, "\n> "))
	}
	return text
}

// rules classify nix's messages; the first that fits any of them counts, so that
// a cause goes before what it led to. The groups drv, system, features and flake
// are a Failure's fields. Each has a log below testdata.
var rules = []struct {
	class   error
	pattern *regexp.Regexp
}{
	// nix 2.8: "error: you are not privileged to build input-addressed derivations"
	{ErrUntrusted, regexp.MustCompile(`you are not privileged to build`)},
	// nix 2.8: "cannot add path '/nix/store/…' because it lacks a valid signature"
	// nix 2.26, 2.34: "… because it lacks a signature by a trusted key"
	{ErrUntrusted, regexp.MustCompile(`cannot add path '[^']*' because it lacks a (valid signature|signature by a trusted key)`)},
	// nix 2.34: "Cannot build '/nix/store/….drv'.\nReason: local builds are disabled (max-jobs = 0)\nHint: …\nReason: platform mismatch\nRequired system: 'aarch64-linux'\n…"
	{ErrMachine, regexp.MustCompile(`(?s)Cannot build '(?P<drv>[^']*)'\..*Reason: local builds are disabled(?:.*Required system: '(?P<system>[^']*)')?(?:.*Required features: \{(?P<features>[^}]*)\})?`)},
	// nix 2.34: "Cannot build '/nix/store/….drv'.\nReason: platform mismatch\nRequired system: 'aarch64-linux'\nCurrent system: 'x86_64-linux'"
	{ErrPlatform, regexp.MustCompile(`(?s)Cannot build '(?P<drv>[^']*)'\..*Reason: platform mismatch\s+Required system: '(?P<system>[^']*)'`)},
	// nix 2.34: "Cannot build '/nix/store/….drv'.\nReason: missing system features\nRequired features: {kvm}\nAvailable features: {benchmark}"
	{ErrFeature, regexp.MustCompile(`(?s)Cannot build '(?P<drv>[^']*)'\..*Reason: missing system features\s+Required features: \{(?P<features>[^}]*)\}`)},
	// nix 2.8, 2.26: "a 'aarch64-linux' with features {kvm} is required to build '/nix/store/….drv', but I am a 'x86_64-linux' with features {benchmark}";
	// of the same system, it is a feature that is missing: see classify.
	{ErrPlatform, regexp.MustCompile(`a '(?P<system>[^']*)' with features \{(?P<features>[^}]*)\} is required to build '(?P<drv>[^']*)', but I am a '(?P<own>[^']*)'`)},
	// nix 2.8: "Failed to find a machine for remote build!\nderivation: …-foreign.drv\nrequired (system, features): (aarch64-linux, kvm)\n…"
	// nix 2.26, 2.34: "… (aarch64-linux, [kvm])"
	{ErrMachine, regexp.MustCompile(noMachine + `\s+derivation: (?P<drv>\S+)\s+required \(system, features\): \((?P<system>[^,]*), \[?(?P<features>[^\])]*)`)},
	// nix 2.8: "unable to start any build; either increase '--max-jobs' or enable remote builds."
	// nix 2.26: "Unable to start any build;\neither increase …"
	{ErrMachine, regexp.MustCompile(`[Uu]nable to start any build`)},
	// all: "flake 'path:/src' does not provide attribute 'packages.x86_64-linux.nosuch', …"
	{ErrAttribute, regexp.MustCompile(`flake '(?P<flake>[^']*)' does not provide attribute`)},
	// nix 2.8, 2.26: "builder for '/nix/store/….drv' failed with exit code 3"
	{ErrBuilder, regexp.MustCompile(`builder for '(?P<drv>[^']*)' failed`)},
	// nix 2.34: "Cannot build '/nix/store/….drv'.\nReason: builder failed with exit code 3."
	{ErrBuilder, regexp.MustCompile(`Cannot build '(?P<drv>[^']*)'\.\s+Reason: builder failed`)},
	// nix 2.8: "cannot open connection to remote store 'ssh-ng://user@host': error: unexpected end-of-file", of ssh-ng;
	// "cannot connect to 'user@host'", of ssh. nix 2.26, 2.34: "failed to start SSH connection to 'host'"
	{ErrStore, regexp.MustCompile(`cannot open connection to remote store '|failed to start SSH connection|^cannot connect to '`)},
	// all: "unable to download 'https://…': Couldn't resolve host name (6)"
	{ErrDownload, regexp.MustCompile(`^unable to download '`)},
	// nix 2.8: "path '/nix/store/…' is required, but there is no substituter that can build it"
	{ErrAbsent, regexp.MustCompile(`path '[^']*' is required, but there is no substituter that can build it`)},
	// nix 2.8, 2.26, of nix-store: "path '/nix/store/…' is not valid"; 2.34: "… is not a valid store path"
	{ErrAbsent, regexp.MustCompile(`^path '[^']*' is not (valid|a valid store path)$`)},
}

// failure makes an error of a nix that has failed.
func (n Nix) failure(l *Log, child *proc.Error) error {
	f := &Failure{Argv: child.Argv, Code: child.Code, Message: strings.Join(l.errors, "\n")}
	if f.Message == "" {
		f.Message = cmp.Or(strings.Join(l.notes, "\n"), fmt.Sprintf("nix ended with status %d and said nothing", f.Code))
	}
	class := f.classify(l.errors)
	for _, b := range l.builds {
		if errors.Is(class, ErrBuilder) && b.drv == f.Derivation {
			f.Log = b.log
		}
	}
	if errors.Is(class, ErrStore) {
		f.Message = strings.Join(append(slices.Clone(l.strays), f.Message), "\n")
	}
	noBuilder := errors.Is(class, ErrPlatform) || errors.Is(class, ErrFeature) || errors.Is(class, ErrMachine)
	if noBuilder && n.Builders != "" && l.ignored["builders"] {
		class = ErrUntrusted
		f.Message += "\nnix's daemon ignores Builders, because it does not trust this user"
	}
	return &fault.Error{Class: class, Err: f, Do: n.hint(class, f)}
}

// classify finds the class of nix's messages, and what they say.
func (f *Failure) classify(messages []string) error {
	for _, rule := range rules {
		for i, message := range messages {
			m := rule.pattern.FindStringSubmatch(message)
			if m == nil {
				continue
			}
			group := func(name string) string {
				if i := rule.pattern.SubexpIndex(name); i >= 0 {
					return m[i]
				}
				return ""
			}
			f.Derivation, f.System, f.Flake = group("drv"), strings.Join(words(group("system")), ""), group("flake")
			f.Features = words(group("features"))
			if errors.Is(rule.class, ErrMachine) { // what was tried comes before, why nothing is built after
				return ErrMachine
			}
			f.Message = strings.Join(messages[:i+1], "\n")
			if own := group("own"); own != "" && own == group("system") {
				return ErrFeature
			}
			return rule.class
		}
	}
	return ErrNix
}

// words are what systems and features are made of. A flake may say anything
// there, and hints put them into commands and nix.conf.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r != '-' && r != '_' && r != '.' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
	})
}

// noAnswer is a program that ended well, and did not say what nix says.
func (n Nix) noAnswer(command string, err error) error {
	return &fault.Error{Class: ErrAnswer, Field: n.pathField(), Err: fmt.Errorf("what %s %s answers: %w", n.path(), command, err),
		Do: "see whether it is nix, 2.8 to 2.34: " + proc.Quote([]string{n.path(), "--version"})}
}
