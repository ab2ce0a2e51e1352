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

// publish moves the finished image and its description to their names. Both
// are on disk before either is renamed; the image goes first, so that a
// description never speaks of an image that is not there.
func publish(image, out string, meta *Image) error {
	if err := syncFile(image); err != nil {
		return err
	}
	text, err := json.MarshalIndent(meta, "", "  ")
	if err != nil {
		return err
	}
	metaPartial := metadataName(image)
	if err := os.WriteFile(metaPartial, append(text, '\n'), 0o644); err != nil {
		return err
	}
	if err := syncFile(metaPartial); err != nil {
		return err
	}
	if err := os.Rename(image, out); err != nil {
		return err
	}
	if err := os.Rename(metaPartial, metadataName(out)); err != nil {
		return err
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
