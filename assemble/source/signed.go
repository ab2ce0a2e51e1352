// The signed CHECKSUM: gets it, checks it, and keeps the last good one for
// when the network is away.

package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/pgp"
	"github.com/imgasm/imgasm/internal/publish"
)

// signedSums is a CHECKSUM whose signature was accepted.
type signedSums struct {
	url, dir  string
	sums      []Sum
	signature *pgp.Signature
}

// keptChecksum is what the cache holds of one.
type keptChecksum struct {
	URL string `json:"url"`
}

// checksum gets CHECKSUM from the first of dirs that has one.
func (f *Fetcher) checksum(ctx context.Context, dirs []string, key string) (*signedSums, error) {
	kept := filepath.Join(f.Cache, ".checksums", key, "CHECKSUM")
	if f.Offline {
		c, err := f.keptChecksum(kept)
		if errors.Is(err, os.ErrNotExist) {
			return nil, offline("CHECKSUM of " + dirs[0])
		}
		return c, err
	}
	failed := &attempts{Attempts: fetch.Attempts{What: "CHECKSUM"}}
	for _, dir := range dirs {
		address := dir + "CHECKSUM"
		b, err := f.client().Bytes(ctx, address, maxChecksumBytes)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			failed.Add(address, err)
			continue
		}
		c, err := f.openChecksum(address, b)
		if err != nil {
			return nil, f.rejectChecksum(kept, address, b, err)
		}
		if old, err := f.keptChecksum(kept); err == nil && old.signature.Created.After(c.signature.Created) {
			f.warn(fmt.Sprintf("%s was signed %s, before the one that was seen last (%s): is this mirror behind?",
				address, c.signature.Created.Format("2006-01-02"), old.signature.Created.Format("2006-01-02")), "")
		} else if err := f.keepChecksum(kept, address, b); err != nil {
			return nil, err
		}
		return c, nil
	}
	// Nobody can be reached: the last CHECKSUM is still properly signed.
	if unreachable(failed) {
		if c, err := f.keptChecksum(kept); err == nil {
			f.warn(fmt.Sprintf("%v; using the CHECKSUM signed %s from the cache", failed, c.signature.Created.Format("2006-01-02")), "")
			return c, nil
		}
	}
	return nil, failed.fault()
}

// unreachable says that no server gave an answer of its own.
func unreachable(failed *attempts) bool {
	for _, err := range failed.Unwrap() {
		var status *fetch.StatusError
		if errors.As(err, &status) && status.Code < 500 { // about the file; from 500 on: the server's own trouble
			return false
		}
	}
	return true
}

func (f *Fetcher) openChecksum(address string, b []byte) (*signedSums, error) {
	keys, err := f.keyring()
	if err != nil {
		return nil, err
	}
	text, sig, err := keys.ClearSigned(b, f.now())
	if err != nil {
		return nil, err
	}
	sums, err := ParseChecksum(text)
	if err != nil {
		return nil, err
	}
	return &signedSums{url: address, dir: strings.TrimSuffix(address, "CHECKSUM"), sums: sums, signature: sig}, nil
}

// rejectChecksum keeps a CHECKSUM that failed where it can be looked at.
func (f *Fetcher) rejectChecksum(kept, address string, b []byte, why error) error {
	aside := ""
	if os.MkdirAll(filepath.Dir(kept), 0o755) == nil && publish.Bytes(kept+".part", b) == nil {
		aside, _ = setAside(kept+".part", digest.Bytes(b), address+": "+why.Error(), f.now()) // "": it could not be kept
	}
	return notVerified(address, aside, why)
}

func (f *Fetcher) keepChecksum(kept, address string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(kept), 0o755); err != nil {
		return err
	}
	return errors.Join(publish.Bytes(kept, b), writeJSON(kept+".json", keptChecksum{URL: address}))
}

// keptChecksum opens the cached one; its signature is checked again each time.
func (f *Fetcher) keptChecksum(kept string) (*signedSums, error) {
	b, err := os.ReadFile(kept)
	if err != nil {
		return nil, err
	}
	var k keptChecksum
	if err := readJSON(kept+".json", &k); err != nil {
		return nil, err
	}
	c, err := f.openChecksum(k.URL, b)
	if err != nil {
		return nil, notVerified(kept, "", err)
	}
	return c, nil
}
