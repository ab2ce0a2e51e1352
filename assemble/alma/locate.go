// Where the installer ISO comes from: a file, or the cache, or the network.

package alma

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Installer is an installer ISO on this host, and what it says of itself.
type Installer struct {
	Path     string `json:"path"` // absolute
	URL      string `json:"url,omitempty"`
	Label    string `json:"label"`
	Product  string `json:"product"`
	Version  string `json:"version"`
	Flavour  string `json:"flavour"` // the architecture as repositories spell it: "x86_64_v2"
	Variant  string `json:"variant"` // "boot", "minimal", "dvd"
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256,omitempty"` // if it is known beforehand
	Packages bool   `json:"packages"`         // carries repositories
	// Rehearsal is true for an ISO whose installer is imgasm's own guest.
	Rehearsal bool `json:"rehearsal,omitempty"`

	medium  iso.Installer
	fetched *source.File // nil: a file that the user named
}

// remote reports whether the ISO is not a file that the user named.
func (s Source) remote() bool {
	u, err := url.Parse(s.ISO)
	return s.ISO == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// Locate brings the ISO onto this host, verified, and identifies it. A file that
// the Spec names is taken as it is.
//
// Errors: of class ErrInput, ErrHost, source's and iso's.
func (s Spec) Locate(ctx context.Context, h host.Host, sink assemble.Sink) (_ *Installer, err error) {
	defer s.hide(&err)
	if s, err = s.pin(); err != nil {
		return nil, err
	}
	if !s.remote() {
		return s.named(ctx)
	}
	f, want, err := s.fetcher(h, s.hidden(sink))
	if err != nil {
		return nil, err
	}
	file, err := f.Fetch(ctx, want)
	if err != nil {
		return nil, sourceError(err)
	}
	return identify(ctx, Installer{Path: file.Path, URL: withoutCredentials(file.URL), SHA256: file.SHA256, fetched: file})
}

// Find is the ISO if it is on this host, identified; else the release that
// Locate would fetch: the mirror is asked for its CHECKSUM, but for nothing else.
// Errors are those of Locate.
func (s Spec) Find(ctx context.Context, h host.Host) (_ *Installer, _ *source.Release, err error) {
	defer s.hide(&err)
	wish := s.Offline
	s.Offline = true
	in, err := s.Locate(ctx, h, nil)
	if err == nil || !errors.Is(err, source.ErrOffline) {
		return in, nil, err
	}
	s.Offline = wish
	if s, err = s.pin(); err != nil {
		return nil, nil, err
	}
	f, want, err := s.fetcher(h, nil)
	if err != nil {
		return nil, nil, err
	}
	if s.ISO != "" {
		from := s.shown(s.ISO)
		return nil, &source.Release{Name: filepath.Base(from), Arch: want.Arch, SHA256: s.ISOChecksum, URLs: []string{from}}, nil
	}
	r, err := f.Resolve(ctx, want)
	if err != nil {
		return nil, nil, sourceError(err)
	}
	shown := *r
	shown.URLs = nil
	for _, u := range r.URLs {
		shown.URLs = append(shown.URLs, s.shown(u))
	}
	return nil, &shown, nil
}

// fetcher is the cache of installer ISOs of a host, and what it is asked for.
func (s Spec) fetcher(h host.Host, sink assemble.Sink) (*source.Fetcher, source.Request, error) {
	want := source.Request{
		URL: s.ISO, SHA256: s.ISOChecksum, Version: cmp.Or(s.Version, DefaultVersion), Arch: s.Arch, Variant: s.Variant, Mirror: s.Mirror, Vault: s.Vault,
	}
	if s.Arch != flavourV2 { // which ISO names have too
		a, err := parseArch(s.Arch)
		if err != nil {
			return nil, want, err
		}
		want.Arch = a.Name
	}
	keys, err := ReadKeyring(s.Keyring)
	return &source.Fetcher{
		Cache: filepath.Join(h.CacheDir, host.ISOCache), Transport: h.Transport, Keyring: keys, Offline: s.Offline, Sink: sink, Now: h.Now, Free: h.Free,
		Rehash:    s.Locked,
		UserAgent: "imgasm/" + h.Version,
	}, want, err
}

// maxKeyring is far more than the keys of any system.
const maxKeyring = 4 << 20

// ReadKeyring reads a file of OpenPGP keys; it is nil, which stands for the
// built-in keys, if the path is "". The error is of class ErrInput.
func ReadKeyring(path string) (*source.Keyring, error) {
	if path == "" {
		return nil, nil
	}
	b, err := smallfile.ReadAgain(context.Background(), path, maxKeyring)
	if err == nil {
		var keys *source.Keyring
		if keys, err = source.ReadKeyring(path, b); err == nil {
			return keys, nil
		}
	}
	return nil, bad("Keyring", err, "give a file of OpenPGP public keys, armored or not, as they are in /etc/pki/rpm-gpg")
}

// pin makes a locked Spec ask for the ISO that the lock names.
func (s Spec) pin() (Spec, error) {
	s.Out = s.WithDefaults(DefaultOut).Out
	if !s.Locked {
		return s, nil
	}
	locked, err := s.ReadLock()
	if err != nil {
		return s, err
	}
	in := locked.Inputs[roleInstaller]
	s.ISOChecksum, s.ISO = cmp.Or(s.ISOChecksum, in.SHA256), cmp.Or(s.ISO, in.URL)
	return s, nil
}

// sourceError classes an error of getting the ISO, and calls what was given by the
// names that a Spec has for it.
func sourceError(err error) error {
	var wrong *fault.Error
	if errors.As(err, &wrong) {
		wrong.Do = strings.NewReplacer("{SHA256}", "{ISOChecksum}", "{URL}", "{ISO}").Replace(wrong.Do)
		if errors.Is(wrong.Class, source.ErrOffline) || errors.Is(wrong.Class, source.ErrDownload) {
			wrong.Do += "; {ISO} takes a file that you have"
		}
		switch wrong.Field {
		case "SHA256":
			wrong.Field = "ISOChecksum"
		case "URL":
			wrong.Field = "ISO"
		}
	}
	switch {
	case err == nil, errors.Is(err, source.ErrRequest), errors.Is(err, context.Canceled):
		return err
	case fault.KindOf(err) != fault.Other:
		return fmt.Errorf("the installer ISO cannot be had: %w", err)
	}
	return lacking(fmt.Errorf("the installer ISO cannot be had: %w", err), cmp.Or(assemble.Hint(err), "imgasm source fetch tries again; {ISO} takes a file that you have"))
}

// named identifies the ISO's file that the user named.
func (s Source) named(ctx context.Context) (*Installer, error) {
	path, err := filepath.Abs(s.ISO)
	if err != nil {
		return nil, bad("ISO", err, "")
	}
	info, err := os.Stat(path)
	if _, _, address := strings.Cut(s.ISO, "://"); address && errors.Is(err, fs.ErrNotExist) {
		return nil, bad("ISO", fmt.Errorf("%s: an ISO is downloaded by http or https only", withoutCredentials(s.ISO)), "give such an address, or the path of a file")
	}
	if err != nil {
		return nil, isoError(path, err)
	}
	if info.IsDir() {
		return nil, bad("ISO", fmt.Errorf("%s is a folder", path), "give the ISO file")
	}
	return identify(ctx, Installer{Path: path, SHA256: strings.ToLower(s.ISOChecksum)})
}

// identify reads what an ISO says of itself.
func identify(ctx context.Context, i Installer) (*Installer, error) {
	image, err := iso.Open(ctx, i.Path)
	if err != nil {
		return nil, isoError(i.Path, err)
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return nil, isoError(i.Path, err)
	}
	i.Label, i.Product, i.Version, i.Variant, i.Packages = in.Label, in.Product, in.Version, in.Variant, in.HasRepos
	if i.Variant == "dvd" && i.named("minimal") { // it may have a part of AppStream
		i.Variant = "minimal"
	}
	i.Size, i.Rehearsal, i.medium = image.SizeBytes, in.Rehearsal, *in
	return &i, nil
}

// isoError classes an error of reading the ISO.
func isoError(path string, err error) error {
	do := assemble.Hint(err)
	if errors.Is(err, fs.ErrNotExist) {
		do = "imgasm alma without {ISO} finds and fetches one"
	}
	return bad("ISO", err, do)
}

// named reports whether the ISO's label, product or file name has a word in it.
func (i Installer) named(word string) bool {
	return strings.Contains(strings.ToLower(i.Label+" "+i.Product+" "+filepath.Base(i.Path)), word)
}
