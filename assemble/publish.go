// Publishing: an output appears whole, under its name, or not at all.

package assemble

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// metadataName is the file that describes an image, beside it.
func metadataName(image string) string { return image + ".json" }

// record is a further file beside an image.
type record struct {
	path string
	text []byte
}

// publish moves the finished image, its description and further records to
// their names. All are on disk before any is renamed; the image goes first, so
// that nothing ever speaks of an image that is not there.
func publish(image, out string, meta *Image, records []record) error {
	if err := syncFile(image); err != nil {
		return err
	}
	text, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return err
	}
	records = append([]record{{metadataName(out), append(text, '\n')}}, records...)
	partial := func(r record) string { return filepath.Join(filepath.Dir(image), filepath.Base(r.path)) }
	for _, r := range records {
		if err := os.WriteFile(partial(r), r.text, 0o644); err != nil {
			return err
		}
		if err := syncFile(partial(r)); err != nil {
			return err
		}
	}
	if err := os.Rename(image, out); err != nil {
		return err
	}
	for _, r := range records {
		if err := os.Rename(partial(r), r.path); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(out))
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// fileHash returns the SHA-256 and the size of a file.
func fileHash(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// replaceable reports whether out may be written: it does not exist, or it is
// an image that imgasm published and that nobody has changed since.
func replaceable(out string) error {
	info, err := os.Lstat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s exists and is not a regular file", out)
	}
	var meta Image
	text, err := os.ReadFile(metadataName(out))
	if err != nil || json.Unmarshal(text, &meta) != nil || meta.Output.SHA256 == "" {
		return fmt.Errorf("%s exists, and imgasm did not make it", out)
	}
	if info.Size() == meta.Output.Size {
		if sum, _, err := fileHash(out); err != nil {
			return err
		} else if sum == meta.Output.SHA256 {
			return nil
		}
	}
	return fmt.Errorf("%s exists and has changed since imgasm made it", out)
}

// bytesHash is the SHA-256 of b.
func bytesHash(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
