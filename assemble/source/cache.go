// The cache's layout, and what is recorded beside each ISO.
//
//	CACHE/KEY/NAME.iso                 a whole and verified ISO
//	CACHE/KEY/record.json              what it is, and how it was verified
//	CACHE/KEY/NAME.iso.part            the beginning of one that is being downloaded
//	CACHE/KEY/NAME.iso.part.json       its validators, for resuming
//	CACHE/KEY/NAME.iso.bad-HASH        one that failed; .txt beside it says why
//	CACHE/.locks/KEY.lock              held by whoever downloads
//	CACHE/.checksums/KEY/CHECKSUM      the last accepted one, as signed
//
// KEY is derived from the ISO's SHA-256 where that is known before the
// download, so that mirrors share a copy; else from its address.

package source

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/pgp"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/redact"
)

const recordName = "record.json"

// record is what stands beside a whole ISO.
type record struct {
	Name        string         `json:"name"`
	URL         string         `json:"url"`
	SHA256      string         `json:"sha256"`
	SizeBytes   int64          `json:"size"`
	ETag        string         `json:"etag,omitempty"`
	Signature   *pgp.Signature `json:"signature,omitempty"`
	ChecksumURL string         `json:"checksumURL,omitempty"`
	Unverified  bool           `json:"unverified,omitempty"`
	Fetched     time.Time      `json:"fetched"`
	// The file's modification time when it was last hashed, in nanoseconds
	// since 1970: a file of this time and size is not read again.
	ModNano int64 `json:"modNano"`
}

// entry is one folder of the cache.
type entry struct {
	dir, key, name string
}

func keyOfSum(sum string) string { return "sha256-" + sum[:16] }

func keyOfURL(address string) string {
	h := sha256.Sum256([]byte(address))
	return "url-" + hex.EncodeToString(h[:8])
}

func (f *Fetcher) entry(key, name string) entry {
	return entry{dir: filepath.Join(f.Cache, key), key: key, name: name}
}

func (e entry) iso() string    { return filepath.Join(e.dir, e.name) }
func (e entry) part() string   { return e.iso() + ".part" }
func (e entry) record() string { return filepath.Join(e.dir, recordName) }
func (e entry) lock() string {
	return filepath.Join(filepath.Dir(e.dir), ".locks", e.key+".lock")
}

// read returns the record of a whole ISO; fs.ErrNotExist if there is none.
func (e entry) read() (*record, error) {
	var r record
	if err := readJSON(e.record(), &r); err != nil {
		return nil, err
	}
	r.URL, r.ChecksumURL = redact.Text(r.URL), redact.Text(r.ChecksumURL) // of an older imgasm
	if !plainName(r.Name) || !digest.Is(r.SHA256) {
		return nil, fmt.Errorf("%s: names no file or no SHA-256", e.record())
	}
	return &r, nil
}

func (e entry) write(r *record) error { return writeJSON(e.record(), r) }

// writeJSON replaces the file whole.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	var none *redact.Values
	return publish.Bytes(path, append(none.JSON(b), '\n')) // its addresses may let somebody in
}

// setAside renames a file that failed and writes the reason beside it. The
// name has the file's own hash, so that the same failure does not pile up.
func setAside(path, sum, reason string, now time.Time) (string, error) {
	base := strings.TrimSuffix(path, ".part")
	aside := fmt.Sprintf("%s.bad-%.12s", base, sum)
	if err := publish.Rename(path, aside); err != nil {
		return "", err
	}
	text := fmt.Sprintf("%s: %s\n", now.UTC().Format(time.RFC3339), reason)
	return aside, publish.Bytes(aside+".txt", []byte(text))
}

// exists says whether the path is there; an error other than absence counts as there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// removeAll removes files, of which any may be missing.
func removeAll(paths ...string) error {
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
