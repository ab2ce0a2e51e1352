// The paths that a build writes: each is looked at before the first step, so
// that nothing is replaced that imgasm did not make, and no installation is lost
// to a path at which nothing can be put.

package alma

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/provenance"
	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// output is a path that a build writes.
type output struct {
	flag, path string
	// ours says why the file that is there may not be replaced; nil: it may.
	ours func(path string) error
	// shared is a file that holds other builds' lines too: they are kept, and so
	// it is never replaced unread, not even with --force.
	shared bool
}

// outputs lists what a build writes, the image last.
func (p *Plan) outputs() ([]output, error) {
	all := []output{{flag: "--out", path: metadataName(p.Out), ours: isDescription}}
	if p.Spec.Provenance {
		all = append(all, output{flag: "--provenance", path: provenanceName(p.Out), ours: isStatement})
	}
	if p.Spec.Checksums {
		all = append(all, output{flag: "--checksum", path: checksumsName(p.Out), ours: isChecksums, shared: true})
	}
	if p.Spec.Lock {
		path, err := filepath.Abs(p.Spec.lockPath())
		if err != nil {
			return nil, &InputError{What: "--lock-file", Err: err}
		}
		all = append(all, output{flag: "--lock-file", path: path, ours: isLock, shared: true})
	}
	return append(all, output{flag: "--out", path: p.Out, ours: replaceable}), nil
}

// places lists all paths that a build of the same output may have written,
// whatever records it was asked for.
func (p *Plan) places() ([]string, error) {
	asked := *p
	asked.Spec.Provenance, asked.Spec.Checksums, asked.Spec.Lock = true, true, true
	all, err := asked.outputs()
	var paths []string
	for _, o := range all {
		paths = append(paths, o.path)
	}
	return paths, err
}

// resolveOutput checks that all outputs can be written.
func (p *Plan) resolveOutput() error {
	out, err := filepath.Abs(p.Spec.Out)
	if err != nil {
		return &InputError{What: "--out", Err: err}
	}
	p.Out, p.seen = out, map[string]fs.FileInfo{}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return &InputError{What: "--out", Err: fmt.Errorf("%s is a folder", out), Do: "name the image too: --out " + filepath.Join(p.Spec.Out, DefaultOut)}
	}
	all, err := p.outputs()
	if err != nil {
		return err
	}
	if err := p.distinct(all); err != nil {
		return err
	}
	for _, o := range all {
		if err := checkFolder(o.flag, filepath.Dir(o.path)); err != nil {
			return err
		}
	}
	if err := checkBundle(p.Spec.Bundle); err != nil {
		return err
	}
	if p.Spec.Bundle == "" {
		if err := checkBundleDir(bundleDir(out)); err != nil {
			return &InputError{What: "--out", Err: err, Do: "the logs of a failure would be kept there: move it away, or name an archive with --bundle"}
		}
	}
	if unfinished(out) {
		return nil // what is there is half replaced: Run puts that right first, and looks then
	}
	return p.checkOutputs()
}

// unfinished reports whether a build of out was killed while it published.
func unfinished(out string) bool {
	root, err := openOwn(workDir(out))
	if err != nil {
		return false
	}
	defer root.Close()
	return whole.Pending(workDir(out))
}

// distinct refuses outputs that are one another, or that the build is made from.
func (p *Plan) distinct(all []output) error {
	twice := func(o output, what string) error {
		return &InputError{What: o.flag, Err: fmt.Errorf("%s is %s too", o.path, what), Do: "give it another name"}
	}
	taken := map[string]bool{}
	for _, o := range all {
		if taken[o.path] {
			return twice(o, "another of the build's files")
		}
		taken[o.path] = true
		info, err := os.Stat(o.path)
		if err != nil {
			continue
		}
		for _, in := range append([]string{p.Spec.ISO, p.Spec.Kickstart, p.Spec.Keyring}, p.Spec.Settings.Post...) {
			if in == "" {
				continue
			}
			if from, err := os.Stat(in); err == nil && os.SameFile(info, from) {
				return twice(o, "what the build is made from")
			}
		}
	}
	return nil
}

// checkFolder refuses a folder in which no file can be made.
func checkFolder(flag, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &InputError{What: flag, Err: fmt.Errorf("the folder %s does not exist", dir), Do: "mkdir -p " + dir}
	case err != nil:
		return &InputError{What: flag, Err: err}
	case !info.IsDir():
		return &InputError{What: flag, Err: fmt.Errorf("%s is not a folder", dir)}
	}
	if err := writable(dir); err != nil {
		return unwritable(flag, dir, err)
	}
	return nil
}

func unwritable(flag, dir string, err error) error {
	return &InputError{What: flag, Err: fmt.Errorf("the folder %s cannot be written to: %w", dir, err), Do: "give another one with " + flag}
}

// checkOutputs looks at what is at the outputs' paths. What has been looked at
// and is as it was is not read again.
func (p *Plan) checkOutputs() error {
	all, err := p.outputs()
	if err != nil {
		return err
	}
	for _, o := range all {
		if err := p.checkOutput(o); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) checkOutput(o output) error {
	info, err := os.Lstat(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &InputError{What: o.flag, Err: err}
	}
	if !info.Mode().IsRegular() {
		return &InputError{What: o.flag, Err: fmt.Errorf("%s exists and is not a regular file (%s)", o.path, info.Mode()), Do: "see what it is: ls -ld " + o.path + "; move it away, or give another name"}
	}
	if old := p.seen[o.path]; old != nil && os.SameFile(old, info) && old.ModTime().Equal(info.ModTime()) && old.Size() == info.Size() {
		return nil
	}
	if p.Spec.Force && !o.shared {
		return nil
	}
	if err := o.ours(o.path); err != nil {
		do := "move it away, or replace it with --force"
		if o.shared {
			do = "correct it, or move it away"
		}
		return &InputError{What: o.flag, Err: err, Do: do}
	}
	p.seen[o.path] = info
	return nil
}

// maxRecord bounds what is read of a file that may be a record of ours.
const maxRecord = 64 << 20

func readRecord(path string) ([]byte, error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err == nil && len(text) > maxRecord {
		err = fmt.Errorf("%s: more than %d bytes", path, maxRecord)
	}
	return text, err
}

func notOurs(path string) error { return fmt.Errorf("%s exists, and imgasm did not make it", path) }

// readDescription reads NAME.json; the error says that it is none of ours.
func readDescription(path string) (*Image, error) {
	var meta Image
	text, err := readRecord(path)
	if err != nil || json.Unmarshal(text, &meta) != nil || meta.Schema != ImageSchema || meta.Output.SHA256 == "" {
		return nil, notOurs(path)
	}
	return &meta, nil
}

func isDescription(path string) error {
	_, err := readDescription(path)
	return err
}

func isStatement(path string) error {
	text, err := readRecord(path)
	if err != nil || !provenance.IsStatement(text) {
		return notOurs(path)
	}
	return nil
}

func isChecksums(path string) error {
	text, err := readRecord(path)
	if err == nil {
		_, err = provenance.AddSHA256SUMS(text, nil)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func isLock(path string) error {
	_, err := lock.Read(path)
	return err
}

// replaceable says why the image at out may not be replaced: it is none that
// imgasm published, or somebody has changed it since.
func replaceable(out string) error {
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	meta, err := readDescription(metadataName(out))
	if err != nil {
		return notOurs(out)
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
