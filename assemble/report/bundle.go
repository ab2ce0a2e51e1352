// The files of a bundle, which a stranger may have made.

package report

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/internal/smallfile"
)

const (
	maxFile   = 32 << 20 // bytes that are read of a file
	maxBundle = 96 << 20 // and of all
)

// archiveSuffix is the ending of a bundle in one file.
const archiveSuffix = ".tar.zst"

// Name is what was to be made, by the path of its bundle.
func Name(bundle string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(bundle), archiveSuffix), ".failed")
}

// readBundle reads the files of a folder or an archive that a page is made of.
func readBundle(bundle string) (map[string][]byte, error) {
	files := map[string][]byte{}
	left := int64(maxBundle)
	add := func(name string, r io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(r, min(maxFile, left)))
		left -= int64(len(text))
		files[name] = text
		return err
	}
	if info, err := os.Stat(bundle); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return files, readArchive(bundle, add)
	}
	entries, err := os.ReadDir(bundle)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !wanted(e.Name()) || !e.Type().IsRegular() { // a stranger's link leads to a file of this host's
			continue
		}
		f, err := smallfile.Open(filepath.Join(bundle, e.Name()))
		if err != nil {
			return nil, err
		}
		err = add(e.Name(), f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func readArchive(bundle string, add func(name string, r io.Reader) error) error {
	f, err := smallfile.Open(bundle)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return err
	}
	defer z.Close()
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return noBundle(fmt.Errorf("%s: %w", bundle, err))
		}
		if name := path.Base(h.Name); h.Typeflag == tar.TypeReg && strings.Count(h.Name, "/") == 1 && wanted(name) {
			if err := add(name, t); err != nil {
				return noBundle(fmt.Errorf("%s: %s: %w", bundle, name, err))
			}
		}
	}
}

func wanted(name string) bool {
	return strings.HasSuffix(name, consoleFile) || slices.Contains([]string{EventsFile, FailureFile, ImageFile, PlanFile, HostFile, ScreenFile}, name)
}
