// Writing a failure bundle: first as a folder in the working folder, free of
// secrets; then, whole or not at all, to where the user finds it.

package assemble

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// stagedBundle is where a bundle is made, in the working folder.
const stagedBundle = "bundle"

// stage writes the bundle's files: copies of the logs, and files by name.
func (j *Job) stage(files map[string][]byte) error {
	if err := j.Folder.RemoveAll(stagedBundle); err != nil {
		return err
	}
	if err := j.Folder.Mkdir(stagedBundle, 0o755); err != nil {
		return err
	}
	for _, name := range append(slices.Sorted(maps.Keys(j.Logs)), eventsFile) {
		if err := j.stageLog(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for name, text := range files {
		switch path.Ext(name) {
		case ".png": // a screen, which no text can be found in
		case ".json":
			text = j.Secrets.JSON(text)
		default:
			text = j.Secrets.Bytes(text)
		}
		name = path.Join(stagedBundle, name)
		if err := j.Folder.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := j.Folder.WriteFile(name, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// stageLog copies a log of any size without the secrets.
func (j *Job) stageLog(name string) (err error) {
	in, err := j.Folder.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := j.Folder.OpenFile(path.Join(stagedBundle, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if path.Ext(name) == ".png" { // in which no text can be found
		_, err := io.Copy(out, in)
		return err
	}
	clean := j.Secrets.Writer(out)
	var r io.Reader = in
	if filter := j.Logs[name].Filter; filter != nil {
		text, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		r = bytes.NewReader(filter(text))
	}
	if _, err := io.Copy(clean, r); err != nil {
		return err
	}
	return clean.Close()
}

// PlaceBundle puts a staged bundle, a folder with a summary, where it stays: at
// archive, or else at BundleDir(out). Where an archive cannot be written the folder
// is, and the error says why. A bundle that was packed is still where it was staged.
func PlaceBundle(staged, out, archive string, now time.Time) (kept string, err error) {
	dir := BundleDir(out)
	if archive == "" {
		return placeFolder(staged, dir)
	}
	if err = archiveBundle(staged, archive, filepath.Base(dir), now); err == nil {
		return archive, nil
	}
	kept, err2 := placeFolder(staged, dir)
	return kept, errors.Join(fmt.Errorf("the archive %s: %w", archive, err), err2)
}

// placeFolder moves a staged bundle to dir. An older bundle there makes room;
// anything else does not.
func placeFolder(staged, dir string) (string, error) {
	if err := checkBundleDir(dir); err != nil {
		return "", err
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := whole.Rename(staged, dir); err != nil {
		return "", err
	}
	return dir, nil
}

// checkBundleDir refuses a path at which something else stands than a bundle of ours.
func checkBundleDir(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		if info, err = os.Lstat(filepath.Join(dir, SummaryFile)); err == nil && info.Mode().IsRegular() {
			return nil
		}
	}
	return fmt.Errorf("%s exists and is no failure bundle", dir)
}

// bundleSuffix is the ending of a bundle in one file.
const bundleSuffix = ".tar.zst"

// archiveBundle writes the staged bundle as a zstd-compressed tar whose entries
// stand in the folder top, the summary first.
func archiveBundle(staged, archive, top string, now time.Time) error {
	return whole.File(archive, func(f *os.File) error {
		z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		t := tar.NewWriter(z)
		add := func(name string) error {
			in, err := smallfile.Open(filepath.Join(staged, name))
			if err != nil {
				return err
			}
			defer in.Close()
			info, err := in.Stat()
			if err != nil {
				return err
			}
			h := &tar.Header{Name: top + "/" + filepath.ToSlash(name), Mode: 0o644, Size: info.Size(), ModTime: now.Truncate(time.Second), Format: tar.FormatPAX}
			if err := t.WriteHeader(h); err != nil {
				return err
			}
			_, err = io.CopyN(t, in, info.Size())
			return err
		}
		if err := add(SummaryFile); err != nil {
			return err
		}
		err = filepath.WalkDir(staged, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(staged, file)
			if err != nil || name == SummaryFile {
				return err
			}
			return add(name)
		})
		return errors.Join(err, t.Close(), z.Close())
	})
}

// CheckBundle refuses a path at which no archive can be written; "" is none.
func CheckBundle(archive string) error {
	if archive == "" {
		return nil
	}
	wrong := func(do, format string, args ...any) error {
		return bad("Bundle", fmt.Errorf(format, args...), do)
	}
	if !strings.HasSuffix(archive, bundleSuffix) {
		return wrong("such as {Bundle} failed"+bundleSuffix, "%s does not end in %s", archive, bundleSuffix)
	}
	if err := checkFolder("Bundle", filepath.Dir(archive)); err != nil {
		return err
	}
	if info, err := os.Lstat(archive); err == nil && (!info.Mode().IsRegular() || !isBundle(archive)) {
		return wrong("move it away, or give another name", "%s exists and is no failure bundle", archive)
	}
	return nil
}

// isBundle reports whether an archive is one of ours, which a later failure may
// replace: its first entry is a summary.
func isBundle(archive string) bool {
	f, err := smallfile.Open(archive)
	if err != nil {
		return false
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return false
	}
	defer z.Close()
	h, err := tar.NewReader(z).Next()
	return err == nil && strings.HasSuffix(h.Name, "/"+SummaryFile)
}
