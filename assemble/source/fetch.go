// From a Request to a verified file: the CHECKSUM, the cache, the download.

package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/pgp"
	"github.com/imgasm/imgasm/internal/publish"
)

// wanted is a Request that was resolved: what to download and what it must be.
type wanted struct {
	name        string
	urls        []string
	sha256      string // "" only with unverified
	size        int64  // 0: not known
	most        int64  // bytes, if size is not known
	signature   *pgp.Signature
	checksumURL string
	exact       bool // the user gave the address
}

// Resolve finds out which ISO the request means, by its CHECKSUM, without
// downloading it. Not for requests with a URL.
func (f *Fetcher) Resolve(ctx context.Context, r Request) (*Release, error) {
	r, err := r.normal()
	if err != nil {
		return nil, err
	}
	if r.URL != "" {
		return nil, badRequest("URL", "", "%s is an exact address; there is nothing to resolve", r.URL)
	}
	rel, _, err := f.resolve(ctx, r)
	return rel, err
}

// Available lists everything that the CHECKSUM for the request's version and
// architecture names.
func (f *Fetcher) Available(ctx context.Context, r Request) ([]Sum, error) {
	r, err := r.normal()
	if err != nil {
		return nil, err
	}
	c, err := f.checksum(ctx, r.isoDirs(), checksumKey(r))
	if err != nil {
		return nil, err
	}
	return c.sums, nil
}

func checksumKey(r Request) string { return r.Version + "-" + r.Arch }

func (f *Fetcher) resolve(ctx context.Context, r Request) (*Release, *signedSums, error) {
	c, err := f.checksum(ctx, r.isoDirs(), checksumKey(r))
	if err != nil {
		return nil, nil, err
	}
	rel, err := choose(r, c.dir, c.sums)
	return rel, c, err
}

// Fetch returns the wanted ISO, from the cache if it is there. The file is
// verified; see File.Unverified for the one exception.
func (f *Fetcher) Fetch(ctx context.Context, r Request) (*File, error) {
	r, err := r.normal()
	if err != nil {
		return nil, err
	}
	w, err := f.want(ctx, r)
	if err != nil {
		return nil, err
	}
	key := keyOfURL(r.URL)
	if w.sha256 != "" {
		key = keyOfSum(w.sha256)
	}
	e := f.entry(key, w.name)
	var file *File
	err = f.withLock(ctx, e, w.size, func() (err error) {
		file, err = f.cached(ctx, e, w)
		if err != nil || file != nil {
			return err
		}
		if f.Offline {
			return offline(w.name)
		}
		file, err = f.download(ctx, e, w)
		return err
	})
	return file, err
}

func (f *Fetcher) want(ctx context.Context, r Request) (*wanted, error) {
	if r.URL == "" {
		rel, c, err := f.resolve(ctx, r)
		if err != nil {
			return nil, err
		}
		w := &wanted{name: rel.Name, urls: rel.URLs, most: maxISOBytes, sha256: rel.SHA256, size: rel.SizeBytes, signature: c.signature, checksumURL: c.url}
		if r.SHA256 != "" && r.SHA256 != rel.SHA256 {
			return nil, notVerified(rel.Name, "", fmt.Errorf("the signed CHECKSUM at %s says SHA-256 %s, but %s is demanded", c.url, rel.SHA256, r.SHA256))
		}
		return w, nil
	}
	w := &wanted{name: nameOfURL(r.URL), urls: alternatives(r.URL, r), sha256: r.SHA256, most: maxISOBytes, exact: true}
	if r.SelfSigned {
		w.most = maxPackageBytes
	}
	if w.sha256 != "" || r.SelfSigned {
		return w, nil
	}
	dir, err := url.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	dir.RawQuery, dir.Fragment = "", ""
	dir.Path = strings.TrimSuffix(path.Dir(dir.Path), "/") + "/"
	dir.RawPath = ""
	c, err := f.checksum(ctx, []string{dir.String()}, keyOfURL(dir.String()))
	var status *fetch.StatusError
	switch {
	case errors.As(err, &status) && status.Missing():
	case errors.Is(err, ErrOffline):
	case err != nil:
		return nil, err
	default:
		for _, s := range c.sums {
			if s.Name == w.name {
				w.sha256, w.size, w.signature, w.checksumURL = s.SHA256, s.SizeBytes, c.signature, c.url
				return w, nil
			}
		}
		return nil, notVerified(r.URL, "", unnamed(c.url, w.name))
	}
	f.warn(r.URL+" has no CHECKSUM beside it: what is downloaded can't be verified", "give its SHA-256 beforehand: then it is compared")
	return w, nil
}

// nameOfURL is a name for the cache: the last part of the address if that will do.
func nameOfURL(address string) string {
	if u, err := url.Parse(address); err == nil {
		if name := path.Base(u.Path); plainName(name) && name != recordName {
			return name
		}
	}
	return "installer.iso"
}

// cached returns the entry's ISO if it is whole and right, nil if it must be
// downloaded.
func (f *Fetcher) cached(ctx context.Context, e entry, w *wanted) (*File, error) {
	rec, err := e.read()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		// A record that can't be read says nothing: verify the file, if any, anew.
		rec = &record{Name: e.name}
	}
	if rec.Name != e.name && exists(filepath.Join(e.dir, rec.Name)) {
		e.name = rec.Name // the same file under the name of another mirror
	}
	right, err := f.hasItsHash(ctx, e, rec, w.sha256)
	if !right || err != nil {
		return nil, err
	}
	if w.sha256 == "" && !f.Offline {
		if current, err := f.isCurrent(ctx, e, rec, w.urls[0]); !current || err != nil {
			return nil, err
		}
	}
	if w.signature != nil { // may be newer than what was recorded
		rec.Signature, rec.ChecksumURL, rec.Unverified = w.signature, w.checksumURL, false
	} else if w.sha256 != "" {
		rec.Unverified = false
	}
	out := rec.file(e.iso())
	out.Cached = true
	if out.URL == "" {
		out.URL = w.urls[0]
	}
	return out, nil
}

// hasItsHash reports whether the entry's file is there and has the wanted
// SHA-256; "": the recorded one. A file of the size and time of its last
// verification is not read again, unless Rehash is set. One that was changed is
// set aside.
func (f *Fetcher) hasItsHash(ctx context.Context, e entry, rec *record, want string) (bool, error) {
	st, err := os.Stat(e.iso())
	if err != nil {
		return false, nil
	}
	want = cmp.Or(want, rec.SHA256)
	if !f.Rehash && rec.SizeBytes == st.Size() && rec.ModNano == st.ModTime().UnixNano() && rec.SHA256 == want {
		return true, nil
	}
	if want == "" {
		return false, nil
	}
	sum, err := f.hashFile(ctx, e.iso(), e.name)
	if err != nil {
		return false, err
	}
	if sum != want {
		aside, err := setAside(e.iso(), sum, (&fetch.SumError{Want: want, Got: sum}).Error(), f.now())
		if err == nil {
			f.warn(fmt.Sprintf("%s in the cache was changed and is set aside as %s", e.name, aside), "")
		}
		return false, err
	}
	rec.SHA256, rec.SizeBytes, rec.ModNano = sum, st.Size(), st.ModTime().UnixNano()
	return true, e.write(rec)
}

// isCurrent asks the server whether a file of which nobody knows the hash is
// still the one that was fetched. One that was superseded is set aside; a
// server that does not answer is told, and the copy counts.
func (f *Fetcher) isCurrent(ctx context.Context, e entry, rec *record, address string) (bool, error) {
	same, err := f.client().Same(ctx, address, rec.ETag, rec.SizeBytes)
	switch {
	case err != nil:
		f.warn(fmt.Sprintf("%s can't be asked whether it changed (%v): using the copy of %s", address, err, rec.Fetched.UTC().Format("2006-01-02")), "")
		return true, nil
	case same:
		return true, nil
	}
	aside, err := setAside(e.iso(), rec.SHA256, "superseded: "+address+" has changed", f.now())
	if err == nil {
		f.note(fmt.Sprintf("%s has changed; the copy that was here is kept as %s", address, aside))
	}
	return false, err
}

func (r *record) file(at string) *File {
	return &File{Path: at, Name: filepath.Base(at), URL: r.URL, SHA256: r.SHA256, SizeBytes: r.SizeBytes,
		Signature: r.Signature, ChecksumURL: r.ChecksumURL, Unverified: r.Unverified}
}

// download tries the addresses in turn and puts the verified file in place.
func (f *Fetcher) download(ctx context.Context, e entry, w *wanted) (*File, error) {
	failed := &attempts{fetch.Attempts{What: w.name}, w.exact}
	for i, address := range w.urls {
		file, err := f.downloadFrom(ctx, e, w, address)
		if err == nil {
			return file, nil
		}
		var disk *fetch.DiskError
		if ctx.Err() != nil || errors.As(err, &disk) {
			return nil, fmt.Errorf("download %s: %w", w.name, err)
		}
		failed.Add(address, err)
		if i+1 < len(w.urls) {
			f.note(fmt.Sprintf("%s: %v; trying %s", address, err, w.urls[i+1]))
		}
	}
	return nil, failed.fault()
}

// Most bytes of a file whose size is not known beforehand: an installer ISO is
// at most a dual-layer Blu-ray, a package that has its signature inside much smaller.
const (
	maxISOBytes     = 50 << 30
	maxPackageBytes = 1 << 30
)

func (f *Fetcher) downloadFrom(ctx context.Context, e entry, w *wanted, address string) (*File, error) {
	m := meter{f: f, name: w.name}
	var aside string
	got, err := f.client().File(ctx, fetch.Job{
		URL: address, Name: w.name, Part: e.part(), SizeBytes: w.size, MaxBytes: w.most, SHA256: w.sha256, Progress: m.at,
		Aside: func(part string, bad *fetch.SumError) (err error) {
			aside, err = setAside(part, bad.Got, address+": "+bad.Error(), f.now())
			return err
		},
	})
	var bad *fetch.SumError
	switch {
	case errors.As(err, &bad):
		return nil, notVerified(address, aside, err)
	case err != nil:
		return nil, err
	case aside != "":
		f.warn(fmt.Sprintf("%s: the parts of the first download did not fit together; it is set aside as %s", w.name, aside), "")
	}
	return f.place(e, w, address, got)
}

// place moves a verified part to its final name and records it.
func (f *Fetcher) place(e entry, w *wanted, address string, got *fetch.Got) (*File, error) {
	if err := publish.Rename(e.part(), e.iso()); err != nil {
		return nil, err
	}
	st, err := os.Stat(e.iso())
	if err != nil {
		return nil, err
	}
	rec := &record{Name: e.name, URL: address, SHA256: got.SHA256, SizeBytes: st.Size(), ETag: got.ETag,
		Signature: w.signature, ChecksumURL: w.checksumURL, Unverified: w.sha256 == "", Fetched: f.now().UTC(), ModNano: st.ModTime().UnixNano()}
	if err := e.write(rec); err != nil {
		return nil, err
	}
	return rec.file(e.iso()), nil
}
