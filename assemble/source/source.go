// Package source finds, downloads, verifies and keeps installer ISOs.
//
// An ISO is trusted by its SHA-256, and the hash by a clear-signed CHECKSUM
// whose key is pinned, or because the user gave it. What fails is set aside
// with the reason beside it: never used, never deleted silently.
package source

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/pgp"
)

// The names that a caller needs for what this package is given and gives.
type (
	// Keyring holds OpenPGP keys that are trusted; see ReadKeyring.
	Keyring = pgp.Keyring
	// Signature says who signed, and when.
	Signature = pgp.Signature
	// Event is what is told of a download: its progress, notes, warnings.
	Event = event.Event
	// Sink takes events. It must be safe for use by several goroutines.
	Sink = event.Sink
)

// ReadKeyring reads OpenPGP public keys, armored or not. name is what errors call them.
func ReadKeyring(name string, keys []byte) (*Keyring, error) { return pgp.ReadKeyring(name, keys) }

// Request says which installer ISO is wanted. The zero value is the newest
// AlmaLinux 10 boot ISO for x86_64.
type Request struct {
	// URL names an ISO exactly; then Version, Arch, Variant and Mirror say nothing.
	URL string `json:"url,omitempty"`
	// SHA256 is what the file must have, 64 hexadecimal digits. With it no
	// CHECKSUM is asked for. Empty: the CHECKSUM beside the ISO is.
	SHA256 string `json:"sha256,omitempty"`

	// SelfSigned: the file carries its own signature, as an RPM package does,
	// so that no CHECKSUM beside it is asked for or missed.
	SelfSigned bool `json:"selfSigned,omitempty"`

	Version string `json:"version,omitempty"` // "10" (the newest minor), "10.2", "kitten"; "": "10"
	Arch    string `json:"arch,omitempty"`    // "x86_64", "x86_64_v2", "aarch64"; "": "x86_64"
	Variant string `json:"variant,omitempty"` // "boot", "minimal", "dvd"; "": "boot"
	// Mirror stands in place of https://repo.almalinux.org/almalinux, or of
	// https://kitten.repo.almalinux.org for Kitten.
	Mirror string `json:"mirror,omitempty"`
	// Vault stands in place of https://vault.almalinux.org, where superseded
	// minors move.
	Vault string `json:"vault,omitempty"`
}

// File is an installer ISO on this machine.
type File struct {
	Path      string `json:"path"`
	Name      string `json:"name"`
	URL       string `json:"url,omitempty"` // where it came from; "" for a local file
	SHA256    string `json:"sha256"`
	SizeBytes int64  `json:"size"`
	// Signature is that of the CHECKSUM which names the hash; nil if the hash
	// was given, or the file is unverified.
	Signature   *Signature `json:"signature,omitempty"`
	ChecksumURL string     `json:"checksumURL,omitempty"`
	// Unverified: there was neither a given hash nor a CHECKSUM. SHA256 is
	// then only what was found.
	Unverified bool `json:"unverified,omitempty"`
	// Cached: nothing was downloaded for this call.
	Cached bool `json:"cached,omitempty"`
}

// Fetcher gets ISOs. Only Cache must be set.
type Fetcher struct {
	// Cache is the folder that downloads are kept in; made if missing.
	Cache string
	// Transport makes the connections; nil: one with the proxy of the
	// environment (HTTPS_PROXY and its kin).
	Transport http.RoundTripper
	// Keyring holds the keys that may sign CHECKSUM files; nil: AlmaLinux's.
	Keyring *Keyring
	// Offline forbids the network: only the cache is used.
	Offline bool
	// Rehash reads a cached file in full each time, instead of trusting that a
	// file with the size and time of its last verification is the same.
	Rehash bool
	// Sink is told about progress; nil: nobody.
	Sink Sink
	// Step is the name of the build's step in events; "": "source".
	Step string
	// UserAgent of requests; "": "imgasm".
	UserAgent string
	// StallTimeout is how long a server may be silent or slower than
	// 1 KiB/s before the connection is given up and resumed; 0: 30 s.
	StallTimeout time.Duration
	// Tries in a row without progress before a URL is given up; 0: 6.
	Tries int
	// Free tells what can still be written to the file system of a folder, in
	// bytes; nil: as the system says. What does not fit is not begun.
	Free func(dir string) (int64, error)

	// Now and Sleep are the clock; nil: the real one.
	Now   func() time.Time
	Sleep func(context.Context, time.Duration) error
}

// client is the one that all requests go through.
func (f *Fetcher) client() *fetch.Client {
	return &fetch.Client{Transport: f.Transport, UserAgent: f.UserAgent, Stall: f.StallTimeout, Tries: f.Tries, Note: f.note, Free: f.Free, Now: f.Now, Sleep: f.Sleep}
}

func (f *Fetcher) keyring() (*pgp.Keyring, error) {
	if f.Keyring != nil {
		return f.Keyring, nil
	}
	return pgp.AlmaLinux()
}

func (f *Fetcher) now() time.Time {
	if f.Now != nil {
		return f.Now()
	}
	return time.Now()
}

func (f *Fetcher) emit(e event.Event) {
	if f.Sink == nil {
		return
	}
	e.Time, e.Step = f.now(), cmp.Or(f.Step, "source")
	f.Sink(e)
}

func (f *Fetcher) note(text string) { f.emit(event.Event{Kind: event.Note, Text: text}) }
func (f *Fetcher) warn(text, hint string) {
	f.emit(event.Event{Kind: event.Warning, Text: text, Hint: hint})
}
func (f *Fetcher) progress(e event.Event) { e.Kind, e.Unit = event.Progress, "B"; f.emit(e) }
