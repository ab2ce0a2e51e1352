// The kernel, shim and GRUB from Debian's packages, which package debian
// fetches: the same ones on every system, and for either architecture.

package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/imgasm/imgasm/assemble/rehearsal/debian"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// pool is where packages come from. A mirror is asked at most once in a build,
// and only if the cache does not do.
type pool struct {
	o       Options
	dir     string
	say     func(event.Event)
	once    sync.Once
	archive *debian.Archive
	err     error
}

func (p *pool) open(ctx context.Context) error {
	p.once.Do(func() { p.archive, p.err = p.ask(ctx) })
	return p.err
}

func (p *pool) ask(ctx context.Context) (*debian.Archive, error) {
	mirrors := debian.SystemMirrors(os.DirFS("/etc/apt"))
	if p.o.Mirror != "" {
		mirrors = debian.MirrorAt(p.o.Mirror)
	}
	if !p.o.Offline {
		p.say(event.Event{Kind: event.Note, Text: "asking " + mirrors.Archive[0] + " for the newest packages for " + p.o.Arch.Name})
	}
	var told atomic.Int64 // milliseconds of the clock
	return debian.Open(ctx, debian.Options{
		Dir: p.dir, Arch: p.o.Arch.GOARCH, Mirrors: mirrors, Offline: p.o.Offline, Keys: p.o.keys, Now: p.o.Now,
		Client: fetch.Client{Transport: p.o.Transport, Tries: 3, Sleep: p.o.sleep},
		Note:   func(text string) { p.say(event.Event{Kind: event.Note, Text: text}) },
		Progress: func(name string, done, total int64) {
			if now := p.o.Now().UnixMilli(); now-told.Load() > 200 || done == total {
				told.Store(now)
				p.say(event.Event{Kind: event.Progress, Text: "downloading " + name, Done: done, Total: total, Unit: "B"})
			}
		},
	})
}

// download returns the files of packages, fetched or out of the cache.
func (p *pool) download(ctx context.Context, names ...string) ([]string, error) {
	if err := p.open(ctx); err != nil {
		return nil, err
	}
	return p.archive.Download(ctx, names...)
}

// kernel names the package with today's kernel.
func (p *pool) kernel(ctx context.Context) (string, error) {
	if err := p.open(ctx); err != nil {
		return "", err
	}
	return p.archive.Kernel()
}

// poolSupply fetches and unpacks what the rehearsal needs from packages. If
// they are the ones that have is of, nothing is unpacked; have may be nil.
func poolSupply(ctx context.Context, p *pool, have *supply) (*supply, error) {
	kernel, err := p.kernel(ctx)
	if err != nil {
		return nil, err
	}
	files, err := p.download(ctx, kernel, "shim-signed", "grub-efi-"+p.o.Arch.GOARCH+"-signed")
	if err != nil {
		return nil, err
	}
	s := newSupply(p.o.Arch)
	for _, f := range files {
		s.Origin = append(s.Origin, strings.TrimSuffix(filepath.Base(f), ".deb"))
	}
	if have != nil && slices.Equal(have.Origin, s.Origin) {
		return have, nil
	}
	for i, f := range files {
		p.say(event.Event{Kind: event.Note, Text: "unpacking " + s.Origin[i]})
		if err := takeDeb(ctx, f, s.take); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return s, s.complete()
}

// takeDeb shows each file of a package to take.
func takeDeb(ctx context.Context, file string, take visitor) error {
	f, err := smallfile.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return walkDeb(f, func(name, link string, content io.Reader) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return take(name, link, content)
	})
}

// poolTools fetches and unpacks the tools that the guest runs.
func poolTools(ctx context.Context, p *pool) (tools, error) {
	names := toolPackages()
	files, err := p.download(ctx, names...)
	if err != nil {
		return nil, err
	}
	p.say(event.Event{Kind: event.Note, Text: "unpacking " + strings.Join(names, ", ")})
	t := tools{}
	for k, f := range files {
		take := func(name, link string, content io.Reader) error { return t.take(names[k], name, link, content) }
		if err := takeDeb(ctx, f, take); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
	}
	return t.wanted(p.o.Arch)
}

// notFetched tells whether an error is that no mirror gave what is needed.
func notFetched(err error) bool { return errors.Is(err, debian.ErrFetch) }
