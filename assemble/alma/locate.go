// Where the installer ISO comes from: a file, or the cache, or the network.

package alma

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/pgp"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// remote reports whether the ISO is not a file that the user named.
func (s Spec) remote() bool {
	u, err := url.Parse(s.ISO)
	return s.ISO == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// fetcher is the cache of installer ISOs of a host.
func (s Spec) fetcher(h Host, sink event.Sink) (*source.Fetcher, error) {
	keys, err := ReadKeyring(s.Keyring)
	return &source.Fetcher{
		Cache: filepath.Join(h.CacheDir, "iso"), Transport: h.Transport, Keyring: keys, Offline: s.Offline, Sink: sink, Now: h.Now, Free: h.Free,
		Rehash:    s.Locked,
		UserAgent: "imgasm/" + h.Version,
	}, err
}

// maxKeyring is far more than the keys of any system.
const maxKeyring = 4 << 20

// ReadKeyring reads the file of --keyring; it is nil, which stands for the
// built-in keys, if the path is "". The error is an *InputError.
func ReadKeyring(path string) (*pgp.Keyring, error) {
	if path == "" {
		return nil, nil
	}
	b, err := smallfile.ReadAgain(context.Background(), path, maxKeyring)
	if err == nil {
		var keys *pgp.Keyring
		if keys, err = pgp.ReadKeyring(path, b); err == nil {
			return keys, nil
		}
	}
	return nil, &InputError{What: "--keyring", Err: err, Do: "give a file of OpenPGP public keys, armored or not, as they are in /etc/pki/rpm-gpg"}
}

// request is what the fetcher is asked for.
func (s Spec) request(arch string) source.Request {
	return source.Request{
		URL: s.ISO, SHA256: s.ISOChecksum, Version: or(s.Version, DefaultVersion), Arch: arch, Variant: s.Variant, Mirror: s.Mirror, Vault: s.Vault,
	}
}

// Release says which ISO Fetch would get, asking the mirror for its CHECKSUM
// but for nothing else. It is nil if the ISO is a file or already here.
func (s Spec) Release(ctx context.Context, h Host) (_ *source.Release, err error) {
	defer s.hide(&err)
	if s, err = s.pin(); err != nil {
		return nil, err
	}
	if !s.remote() {
		return nil, nil
	}
	a, err := s.isoArch()
	if err != nil {
		return nil, err
	}
	f, err := s.fetcher(h, nil)
	if err != nil {
		return nil, err
	}
	f.Offline = true
	if _, err := f.Fetch(ctx, s.request(a)); err == nil || !errors.Is(err, source.ErrOffline) {
		return nil, sourceError(err)
	}
	f.Offline = s.Offline
	if s.ISO != "" {
		return &source.Release{Name: filepath.Base(s.shown(s.ISO)), Arch: a, SHA256: s.ISOChecksum, URLs: []string{s.shown(s.ISO)}}, nil
	}
	r, err := f.Resolve(ctx, s.request(a))
	if err != nil {
		return nil, sourceError(err)
	}
	shown := *r
	shown.URLs = nil
	for _, u := range r.URLs {
		shown.URLs = append(shown.URLs, s.shown(u))
	}
	return &shown, nil
}

// Fetch brings the ISO onto this host, verified, and returns the Spec that
// names it. A Spec that names a file is returned as it is.
func (s Spec) Fetch(ctx context.Context, h Host, sink event.Sink) (_ Spec, err error) {
	defer s.hide(&err)
	if s, err = s.pin(); err != nil {
		return s, err
	}
	if !s.remote() {
		return s, nil
	}
	a, err := s.isoArch()
	if err != nil {
		return s, err
	}
	f, err := s.fetcher(h, s.hidden(sink))
	if err != nil {
		return s, err
	}
	file, err := f.Fetch(ctx, s.request(a))
	if err != nil {
		return s, sourceError(err)
	}
	s.origin, s.ISO, s.fetched = s.ISO, file.Path, file
	return s, nil
}

// isoArch is the architecture as ISO names have it: "x86_64_v2" is one too.
func (s Spec) isoArch() (string, error) {
	if s.Arch == flavourV2 {
		return s.Arch, nil
	}
	a, err := parseArch(s.Arch)
	return a.Name, err
}

// sourceError classes an error of getting the ISO.
func sourceError(err error) error {
	switch {
	case err == nil, errors.Is(err, source.ErrRequest), errors.Is(err, context.Canceled):
		return err
	case fault.KindOf(err) != fault.Other:
		return fmt.Errorf("get the installer ISO: %w", err)
	}
	return &HostError{Err: fmt.Errorf("get the installer ISO: %w", err), Do: or(hint(err), "imgasm source fetch tries again; --iso takes a file that you have")}
}

// locateISO finds the ISO's file.
func (p *Plan) locateISO() error {
	if p.Spec.remote() {
		return &InputError{What: "--iso", Err: errors.New("the ISO has not been fetched yet")}
	}
	path, err := filepath.Abs(p.Spec.ISO)
	if err != nil {
		return &InputError{What: "--iso", Err: err}
	}
	info, err := os.Stat(path)
	if _, _, address := strings.Cut(p.Spec.ISO, "://"); address && errors.Is(err, fs.ErrNotExist) {
		return &InputError{What: "--iso", Err: fmt.Errorf("%s: an ISO is downloaded by http or https only", withoutCredentials(p.Spec.ISO)), Do: "give such an address, or the path of a file"}
	}
	if err != nil {
		return isoError(path, err)
	}
	if info.IsDir() {
		return &InputError{What: "--iso", Err: fmt.Errorf("%s is a folder", path), Do: "give the ISO file"}
	}
	p.Installer.Path = path
	if f := p.Spec.fetched; f != nil {
		p.Installer.URL, p.Installer.SHA256 = withoutCredentials(f.URL), f.SHA256
		if f.Unverified {
			p.Notes = append(p.Notes, f.Name+" is unverified: there was no CHECKSUM beside it; give its hash with --iso-checksum")
		}
	} else {
		p.Installer.SHA256 = strings.ToLower(p.Spec.ISOChecksum)
	}
	return nil
}
