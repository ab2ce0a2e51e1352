// Package debian fetches packages of Debian 12 from a mirror, on any system and
// for either architecture, and believes nothing but Debian's signatures: a
// suite's InRelease file is signed, names the hash of its index of packages, and
// that the hash of each package. All of it is kept in a folder and checked
// again whenever it is used.
//
// Debian 12 and no newer one, for its kernel 6.1: emulated by QEMU 7.2, which
// Debian 12 has, kernel 6.12 crashes.
package debian

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/pgp"
	"github.com/imgasm/imgasm/internal/publish"
)

// Suites that packages are taken from, the newest version of each.
const (
	mainSuite     = "bookworm"
	securitySuite = "bookworm-security"
)

// Options say where packages come from. Dir and Arch are needed.
type Options struct {
	Dir  string // what was fetched is kept here; made if missing
	Arch string // Debian's name: amd64, arm64
	// Mirrors to ask; empty: Public.
	Mirrors Mirrors
	// Offline uses what is in Dir, and judges no expiry.
	Offline bool
	// Keys may sign the suites; nil: Keys().
	Keys *pgp.Keyring
	// Client makes the requests.
	Client fetch.Client
	// Note is told what is worth knowing, Progress how many bytes of a file are
	// there; nil: nobody.
	Note     func(string)
	Progress func(name string, done, total int64)
	Now      func() time.Time // nil: time.Now
}

// Archive is what Debian has at the moment.
type Archive struct {
	o        Options
	packages map[string]pkg
}

// suite is one of the two.
type suite struct {
	name    string
	mirrors []string // to ask; the one that served comes first once it has
}

// Open asks the mirrors what there is. Only one process at a time may use a
// folder for an architecture.
//
// The error is ErrFetch if no mirror gave what is needed.
func Open(ctx context.Context, o Options) (*Archive, error) {
	if err := o.fill(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	a := &Archive{o: o, packages: map[string]pkg{}}
	for _, s := range []*suite{{mainSuite, o.Mirrors.Archive}, {securitySuite, o.Mirrors.Security}} {
		index, err := a.open(ctx, s)
		if err != nil {
			return nil, err
		}
		err = readIndex(index, func(p pkg) {
			p.suite = s
			if old, found := a.packages[p.name]; !found || compareVersions(old.version, p.version) < 0 {
				a.packages[p.name] = p
			}
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", index, err)
		}
	}
	return a, nil
}

func (o *Options) fill() (err error) {
	if len(o.Mirrors.Archive) == 0 || len(o.Mirrors.Security) == 0 {
		o.Mirrors = Public()
	}
	if o.Keys == nil {
		if o.Keys, err = Keys(); err != nil {
			return err
		}
	}
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if o.Progress == nil {
		o.Progress = func(string, int64, int64) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Client.Now = o.Now
	if o.Client.Note == nil {
		o.Client.Note = o.Note
	}
	return nil
}

// file makes path the file that want describes.
func (a *Archive) file(ctx context.Context, address, path, name string, want hash) error {
	part := path + ".part"
	_, err := a.o.Client.File(ctx, fetch.Job{
		URL: address, Name: name, Part: part, SizeBytes: want.size, SHA256: want.sha256,
		Progress: func(done, total int64) { a.o.Progress(name, done, total) },
	})
	if err != nil {
		return err
	}
	return publish.Rename(part, path)
}

// kernelDepends finds the package that the kernel's metapackage stands for.
var kernelDepends = regexp.MustCompile(`\blinux-image-[0-9][a-z0-9.+-]*`)

// Kernel names the package of the generic kernel: "linux-image-6.1.0-57-amd64".
// The cloud kernel has no i6300esb, no USB storage and, on arm64, no gpio-keys.
func (a *Archive) Kernel() (string, error) {
	meta := "linux-image-" + a.o.Arch
	name := kernelDepends.FindString(a.packages[meta].depends)
	if _, found := a.packages[name]; !found {
		return "", fmt.Errorf("no kernel in Debian 12 for %s: %s depends on %q", a.o.Arch, meta, a.packages[meta].depends)
	}
	return name, nil
}

// keepUnused is how long a package stays in the folder that was not asked for.
const keepUnused = 24 * time.Hour

// Download returns the files of the named packages in the order of the names,
// NAME_VERSION_ARCH.deb. Those that are not in the folder are fetched.
func (a *Archive) Download(ctx context.Context, names ...string) ([]string, error) {
	var files []string
	for _, name := range names {
		p, found := a.packages[name]
		if !found {
			return nil, fmt.Errorf("no package %s in Debian 12 for %s", name, a.o.Arch)
		}
		base, err := p.file(a.o.Arch)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(a.o.Dir, base)
		if !a.whole(ctx, file, p.hash) {
			if err := a.fetch(ctx, p, file); err != nil {
				return nil, err
			}
		}
		_ = os.Chtimes(file, a.o.Now(), a.o.Now()) // or it is fetched again some day
		files = append(files, file)
	}
	old, _ := filepath.Glob(filepath.Join(a.o.Dir, "*_"+a.o.Arch+".deb*")) // the pattern is right
	for _, file := range old {
		if info, err := os.Stat(file); err == nil && a.o.Now().Sub(info.ModTime()) > keepUnused {
			os.Remove(file)
		}
	}
	return files, nil
}

// fetch brings one package.
func (a *Archive) fetch(ctx context.Context, p pkg, file string) error {
	base := filepath.Base(file)
	if a.o.Offline {
		return a.offline(base, p.suite.mirrors)
	}
	failed := &fetch.Attempts{What: base}
	for _, m := range p.suite.mirrors {
		address := m + "/" + p.path
		err := a.file(ctx, address, file, base, p.hash)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		failed.Add(address, err)
	}
	return notFetched(failed)
}
