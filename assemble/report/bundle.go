// The files of a bundle, which a stranger may have made.

package report

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/smallfile"
)

const (
	maxFile   = 32 << 20 // bytes that are read of a file
	maxBundle = 96 << 20 // and of all
	// maxArchive is what an archive may unpack to. Builds keep at most 20 MiB of
	// each channel of a guest.
	maxArchive = 1 << 30
)

// archiveSuffix is the ending of a bundle in one file.
const archiveSuffix = ".tar.zst"

// Name is what was to be made, by the path of its bundle.
func Name(bundle string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(bundle), archiveSuffix), ".failed")
}

// readBundle reads the files of a folder or an archive that a page is made of.
func readBundle(ctx context.Context, bundle string) (map[string][]byte, error) {
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
		return files, readArchive(ctx, bundle, add)
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
		err = add(e.Name(), until{ctx, f})
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func readArchive(ctx context.Context, bundle string, add func(name string, r io.Reader) error) error {
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
	unpacked := &io.LimitedReader{R: until{ctx, z}, N: maxArchive}
	for t := tar.NewReader(unpacked); ; {
		h, err := t.Next()
		if err == nil {
			if name := path.Base(h.Name); h.Typeflag == tar.TypeReg && strings.Count(h.Name, "/") == 1 && wanted(name) {
				err = add(name, t)
			}
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case unpacked.N <= 0:
			return noBundle(fmt.Errorf("%s unpacks to more than %s", bundle, size.Text(maxArchive)))
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, zstd.ErrMagicMismatch):
			return noBundle(fmt.Errorf("%s is no failure bundle", bundle))
		case err != nil:
			return noBundle(fmt.Errorf("%s: %w", bundle, err))
		}
	}
}

// until reads until its context ends.
type until struct {
	ctx context.Context
	io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.Reader.Read(p)
}

func wanted(name string) bool {
	return consoles.MatchString(name) || slices.Contains([]string{EventsFile, FailureFile, ChecksFile, ImageFile, PlanFile, HostFile, ScreenFile}, name)
}
