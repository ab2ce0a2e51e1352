// Package rehearsal makes an installer ISO laid out as AlmaLinux's whose
// installer is the project's own: the shell scripts in guest/, which the
// distribution's bash runs. With it the whole road of an image build can be
// walked on any machine in seconds, and each way in which an installation fails
// can be seen on demand (package failures).
//
// The kernel, shim and GRUB are a distribution's, signed as they were; only
// the installer and the system that it installs are imgasm's. Everything the
// rehearsal makes says that it is a rehearsal.
package rehearsal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/pgp"
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
	// KernelFrom is the path of an installer ISO, from which kernel, shim and GRUB
	// come. Empty: Debian's packages.
	KernelFrom string
	// Mirror is the address of a mirror of Debian; empty: those of this system's
	// apt, and Debian's own.
	Mirror string
	// Transport makes the connections; nil: one with the proxy of the environment.
	Transport http.RoundTripper
	// Offline uses what the cache has and asks no mirror.
	Offline bool
	// Now is the clock of the events, and tells the cache's age; nil: time.Now.
	Now func() time.Time

	keys  *pgp.Keyring                               // that sign Debian's suites; nil: the built-in ones
	sleep func(context.Context, time.Duration) error // between tries; nil: it is slept
}

// Installer is a finished installer ISO.
type Installer struct {
	ISO    string   // path in the cache
	Label  string   // volume label: "AlmaLinux-10-0-x86_64-rehearsal"
	Kernel string   // release of its kernel: "6.1.0-56-amd64"
	Origin []string // where kernel, shim and GRUB come from: package names with versions, or paths
	Cached bool     // nothing had to be built
}

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
	var one sync.Mutex
	say := func(e event.Event) {
		one.Lock()
		defer one.Unlock()
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
	done, err := hold(ctx, filepath.Join(dir, "lock-"+o.Arch.GOARCH), say)
	if err != nil {
		return nil, err
	}
	defer done()
	p := &pool{o: o, dir: filepath.Join(dir, "debian"), say: say}
	s, err := findAll(ctx, p, dir)
	if err != nil {
		return nil, err
	}
	return buildISO(ctx, o, dir, s, say)
}

// findAll gets kernel and tools at the same time: most of it is unpacking.
func findAll(ctx context.Context, p *pool, dir string) (*supply, error) {
	forTools, cancel := context.WithCancel(ctx)
	defer cancel()
	var t tools
	var toolsErr error
	var both sync.WaitGroup
	both.Go(guard.Func(func() { t, toolsErr = findTools(forTools, p, dir) }, func(err error) { toolsErr = err }))
	s, err := findSupply(ctx, p, dir)
	if err != nil {
		cancel()
	}
	both.Wait()
	if err != nil || toolsErr != nil {
		return nil, cmp.Or(err, toolsErr)
	}
	s.tools = t
	return s, nil
}

// hold waits until no other process prepares a rehearsal for the same
// architecture. The system forgets the lock of a process that dies.
func hold(ctx context.Context, path string, say func(event.Event)) (done func(), err error) {
	l := flock.New(path)
	ok, err := l.TryLock()
	if errors.Is(err, fs.ErrPermission) {
		return func() {}, nil // another user's cache: nothing is written to it
	}
	if err == nil && !ok {
		say(event.Event{Kind: event.Note, Text: "another imgasm is preparing a rehearsal; waiting for it"})
		_, err = l.TryLockContext(ctx, time.Second/5)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { l.Unlock() }, nil
}

// findSupply gets kernel, shim and GRUB: from where KernelFrom says, out of
// the cache, or from packages.
func findSupply(ctx context.Context, p *pool, dir string) (*supply, error) {
	var s *supply
	var err error
	switch p.o.KernelFrom {
	case "":
		s, err = packagedSupply(ctx, p, filepath.Join(dir, "packages-"+p.o.Arch.GOARCH+".tar"))
	default:
		s, err = isoSupply(ctx, p.o.KernelFrom, p.o.Arch)
	}
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrNoKernel, err)
	}
	return s, err
}

// packagedSupply is what packages have, kept in the file stored.
func packagedSupply(ctx context.Context, p *pool, stored string) (*supply, error) {
	load := func() (*supply, error) {
		s := newSupply(p.o.Arch)
		return s, s.load(stored)
	}
	return kept(ctx, p, stored, load, func(have *supply) (*supply, error) {
		s, err := poolSupply(ctx, p, have)
		switch {
		case err != nil:
			return nil, err
		case s == have:
			return s, os.Chtimes(stored, p.o.Now(), p.o.Now())
		}
		return s, s.store(ctx, stored)
	})
}

// findTools gets the programs that the guest runs, out of the cache or of
// packages, wherever the kernel comes from.
func findTools(ctx context.Context, p *pool, dir string) (tools, error) {
	stored := filepath.Join(dir, "tools-"+p.o.Arch.GOARCH+".tar")
	load := func() (tools, error) { return loadTools(stored, p.o.Arch) }
	t, err := kept(ctx, p, stored, load, func(tools) (tools, error) {
		t, err := poolTools(ctx, p)
		if err == nil {
			err = t.store(ctx, stored)
		}
		return t, err
	})
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrNoTools, err)
	}
	return t, err
}

// kept is what load reads in the file stored, if it is whole and not too old,
// or else what fresh gets and stores. fresh is given what load has read, zero
// if that is damaged; where no mirror has anything better, that is used.
func kept[T any](ctx context.Context, p *pool, stored string, load func() (T, error), fresh func(have T) (T, error)) (T, error) {
	var none T
	var age time.Duration
	if info, err := os.Stat(stored); err == nil {
		age = p.o.Now().Sub(info.ModTime())
	}
	have, err := load()
	damaged := err != nil
	switch {
	case damaged:
		have = none
	case p.o.Offline || age < maxAge:
		return have, nil
	}
	t, err := fresh(have)
	switch {
	case err == nil:
		return t, nil
	case !damaged && notFetched(err) && ctx.Err() == nil:
		p.say(event.Event{Kind: event.Warning, Text: fmt.Sprintf("the packages of %d days ago are used: %v", int(age.Hours()/24), err)})
		return have, nil
	}
	return none, err
}
