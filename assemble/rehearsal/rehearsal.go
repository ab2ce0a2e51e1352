// Package rehearsal makes an installer ISO laid out as AlmaLinux's whose
// installer is the project's own small guest (cmd/imgasm-guest). With it the
// whole road of an image build can be walked on any machine in seconds, and
// each way in which an installation fails can be seen on demand (package
// failures).
//
// The kernel, shim and GRUB are a distribution's, signed as they were; only
// the installer and the system that it installs are imgasm's. Everything the
// rehearsal makes says that it is a rehearsal.
package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
)

// Step is the name under which Build tells what it does.
const Step = "rehearsal"

// Release is the version that the rehearsal's ISO and system give themselves,
// in the form of an AlmaLinux release.
const Release = "10.0"

// Options say what installer to build. Arch and CacheDir are needed.
type Options struct {
	Arch     arch.Arch
	CacheDir string // downloads and finished ISOs are kept below it; made if missing
	// KernelFrom is where kernel, shim and GRUB come from: the path of an
	// installer ISO, or FromHost for this system's own. Empty: the
	// distribution's packages by apt, else the host's own.
	KernelFrom string
	// Offline uses what the cache has and asks no package mirror.
	Offline bool
	// ProgramDir is where a packed guest may lie (the executable's folder) and
	// SourceDir a folder that may be in imgasm's source tree (the working
	// folder). Empty ones are not looked at. A guest that is embedded is preferred.
	ProgramDir, SourceDir string
	// Refresh asks apt for newer packages even if the cache has some. Without
	// it they are used for a week.
	Refresh bool
	// Now is the clock of the events, and tells the cache's age; nil: time.Now.
	Now func() time.Time
}

// Installer is a finished installer ISO.
type Installer struct {
	ISO    string   // path in the cache
	Label  string   // volume label: "AlmaLinux-10-0-x86_64-rehearsal"
	Kernel string   // release of its kernel: "6.1.0-56-amd64"
	Origin []string // where kernel, shim and GRUB come from: package names with versions, or paths
	Cached bool     // nothing had to be built
}

// FromHost is the value of Options.KernelFrom for this system's own kernel.
const FromHost = "host"

// ErrNoKernel says that no kernel, shim and GRUB could be found. The error
// text names each place that was looked at and what to do.
var ErrNoKernel = errors.New("no kernel for the rehearsal")

// ErrNoTools says that the tools which make the guest's disk could not be found.
var ErrNoTools = errors.New("no tools that make file systems for the rehearsal")

// Build returns an installer ISO, out of the cache if it has one of the same
// guest and the same kernel. Several builds may run at once on one cache.
func Build(ctx context.Context, o Options, sink event.Sink) (*Installer, error) {
	if o.CacheDir == "" {
		return nil, errors.New("rehearsal: no cache folder given")
	}
	if o.Arch.Name == "" {
		o.Arch = arch.Host()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	say := func(e event.Event) {
		if sink != nil {
			e.Time, e.Step = o.Now(), Step
			sink(e)
		}
	}
	began := o.Now()
	say(event.Event{Kind: event.StepStart, Text: "prepare the rehearsal's installer ISO"})
	in, err := prepare(ctx, o, say)
	if err != nil {
		return nil, err
	}
	text := "installer ISO with the kernel " + in.Kernel
	if in.Cached {
		text += ", from the cache"
	}
	say(event.Event{Kind: event.StepDone, Text: text, Elapsed: o.Now().Sub(began).Seconds()})
	return in, nil
}

// prepare is Build with its options filled in.
func prepare(ctx context.Context, o Options, say func(event.Event)) (*Installer, error) {
	dir := filepath.Join(o.CacheDir, "rehearsal")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	guest, err := guestProgram(ctx, o.Arch, o.ProgramDir, o.SourceDir)
	if err != nil {
		return nil, err
	}
	s, err := findSupply(ctx, o, dir, say)
	if err != nil {
		return nil, err
	}
	if s.tools, err = findTools(ctx, o, dir, say); err != nil {
		return nil, err
	}
	return buildISO(ctx, o, dir, guest, s, say)
}

// findTools gets the programs that the guest runs, out of the cache or of the
// distribution's packages, wherever the kernel comes from.
func findTools(ctx context.Context, o Options, dir string, say func(event.Event)) (tools, error) {
	stored := filepath.Join(dir, "tools-"+o.Arch.GOARCH+".tar")
	if info, err := os.Stat(stored); err == nil && !o.Refresh && (o.Offline || o.Now().Sub(info.ModTime()) < maxAge) {
		// A damaged cache, or one of other tools, is made anew.
		if t, err := loadTools(stored, o.Arch); err == nil {
			return t, nil
		}
	}
	if o.Offline {
		return nil, fmt.Errorf("%w: the cache %s has none for %s yet: run once without --offline", ErrNoTools, dir, o.Arch.Name)
	}
	t, err := aptTools(ctx, filepath.Join(dir, "apt"), o.Arch, say)
	if isNoApt(err) {
		return nil, fmt.Errorf("%w: they come from packages, and this system has no apt", ErrNoTools)
	}
	if err != nil {
		return nil, err
	}
	return t, t.store(stored)
}

// findSupply gets kernel, shim and GRUB: from where o.KernelFrom says, or by
// the first way that is open. The error of the last one names them all.
func findSupply(ctx context.Context, o Options, dir string, say func(event.Event)) (*supply, error) {
	switch o.KernelFrom {
	case "":
	case FromHost:
		s, err := hostSupply(ctx, "/", o.Arch)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoKernel, err)
		}
		return s, nil
	default:
		s, err := isoSupply(ctx, o.KernelFrom, o.Arch)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoKernel, err)
		}
		return s, nil
	}
	stored := filepath.Join(dir, "packages-"+o.Arch.GOARCH+".tar")
	if info, err := os.Stat(stored); err == nil && !o.Refresh && (o.Offline || o.Now().Sub(info.ModTime()) < maxAge) {
		s := newSupply(o.Arch)
		if err := s.load(stored); err == nil {
			return s, nil
		}
		// A damaged cache is made anew.
	}
	if o.Offline {
		return nil, fmt.Errorf("%w: the cache %s has none for %s yet: run once without --offline", ErrNoKernel, dir, o.Arch.Name)
	}
	s, err := aptSupply(ctx, filepath.Join(dir, "apt"), o.Arch, say)
	if err == nil {
		return s, s.store(stored)
	}
	if !isNoApt(err) {
		return nil, err
	}
	// A system without apt has a kernel of its own, for its own architecture.
	s, hostErr := hostSupply(ctx, "/", o.Arch)
	if hostErr == nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: this system has no apt, and its own cannot be used (%w): take one from an installer ISO with --iso", ErrNoKernel, hostErr)
}
