// Files that are on this machine already: an ISO that the user names, and
// looking over the cache again.

package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Local takes an ISO that is on this machine. With a SHA-256 the file must
// have it; without, it is hashed so that the build's records can name it, and
// File.Unverified is set. The file is never moved or changed.
func (f *Fetcher) Local(ctx context.Context, path, sum string) (*File, error) {
	want := strings.ToLower(strings.TrimPrefix(sum, "sha256:"))
	if want != "" && !digest.Is(want) {
		return nil, badSum(sum)
	}
	st, err := os.Stat(path)
	if err == nil && !st.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("is not a regular file")}
	}
	if err != nil {
		return nil, &fault.Error{Class: ErrRequest, Err: err}
	}
	got, err := f.hashFile(ctx, path, filepath.Base(path))
	if err != nil {
		return nil, err
	}
	if want != "" && got != want {
		return nil, notVerified(path, "", &fetch.SumError{Want: want, Got: got})
	}
	return &File{Path: path, Name: filepath.Base(path), SHA256: got, SizeBytes: st.Size(), Unverified: want == "", Cached: true}, nil
}

// LocalSigned verifies a file that is named as AlmaLinux publishes it against
// the signed CHECKSUM of its release. Of r only Mirror and Vault count.
func (f *Fetcher) LocalSigned(ctx context.Context, path string, r Request) (*File, error) {
	name := filepath.Base(path)
	id, ok := parseISOName(name)
	if !ok {
		return nil, badRequest("", "say what it must have: {SHA256}", "%s is not named as AlmaLinux 10 names its ISOs, so its CHECKSUM can't be found", name)
	}
	r = Request{Mirror: r.Mirror, Vault: r.Vault, Version: id.version, Arch: id.arch, Variant: id.variant}
	switch {
	case id.kitten:
		r.Version = "kitten"
	case id.rank[0] < 0:
		r.Version = "10"
	}
	r, err := r.normal()
	if err != nil {
		return nil, err
	}
	c, err := f.checksum(ctx, r.isoDirs(), checksumKey(r))
	if err != nil {
		return nil, err
	}
	for _, s := range c.sums {
		if s.Name != name {
			continue
		}
		file, err := f.Local(ctx, path, s.SHA256)
		if err != nil {
			return nil, err
		}
		file.Signature, file.ChecksumURL = c.signature, c.url
		return file, nil
	}
	return nil, notVerified(path, "", unnamed(c.url, name))
}

// hashFile returns the SHA-256 of a file, telling how far it is.
func (f *Fetcher) hashFile(ctx context.Context, path, name string) (string, error) {
	file, err := smallfile.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return "", err
	}
	m := meter{f: f, name: "verifying " + name}
	sum, _, err := digest.Reader(ctx, file, func(done int64) { m.at(done, st.Size()) })
	return sum, err
}

func readJSON(path string, v any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
