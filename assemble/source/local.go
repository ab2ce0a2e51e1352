// Files that are on this machine already: an ISO that the user names, and
// looking over the cache again.

package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Local takes an ISO that is on this machine. With a SHA-256 the file must
// have it; without, it is hashed so that the build's records can name it, and
// File.Unverified is set. The file is never moved or changed.
func (f *Fetcher) Local(ctx context.Context, path, sum string) (*File, error) {
	want := strings.ToLower(strings.TrimPrefix(sum, "sha256:"))
	if want != "" && !isSHA256(want) {
		return nil, &RequestError{fmt.Sprintf("checksum %q is not a SHA-256 of 64 hexadecimal digits", sum), ""}
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	got, err := f.hashFile(ctx, path, filepath.Base(path))
	if err != nil {
		return nil, err
	}
	if want != "" && got != want {
		return nil, &VerifyError{What: path, Err: &sumError{want, got}}
	}
	return &File{Path: path, Name: filepath.Base(path), SHA256: got, SizeBytes: st.Size(), Unverified: want == "", Cached: true}, nil
}

// hashFile returns the SHA-256 of a file, telling how far it is.
func (f *Fetcher) hashFile(ctx context.Context, path, name string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return "", err
	}
	m := meter{f: f, name: "verifying " + name, total: st.Size()}
	h := sha256.New()
	buf := make([]byte, 1<<20)
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := file.Read(buf)
		h.Write(buf[:n])
		if n > 0 {
			m.add(n)
		}
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(h.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
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
