// The paths that a build writes: each is looked at before the first step, so
// that nothing is replaced that imgasm did not make, and no installation is lost
// to a path at which nothing can be put.

package assemble

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/assemble/sbom"
	whole "github.com/imgasm/imgasm/internal/publish"
)

// Output says where the image of a build goes, and what goes beside it. It is a
// part of what is asked for.
type Output struct {
	Out string `json:"out,omitempty"` // the image's path
	// Formats are what the image is written as, by the names of package convert.
	// The first one is Out; further ones have its name, with an ending of their own.
	Formats []string `json:"formats,omitempty"`
	Force   bool     `json:"force,omitempty"` // replace an existing Out that imgasm did not make
	// Bundle is the archive (.tar.zst) that keeps what is known of a build that
	// failed; "": the folder OUT.failed.
	Bundle string `json:"bundle,omitempty"`
	// Report is where a page about the build goes, however that ends: a file that
	// ends in .html, or a folder, which gets an index too. "": there is none.
	Report string `json:"report,omitempty"`
	Keep   bool   `json:"keep,omitempty"` // keep the working folder
	// Key is the hash of a project's target that the image is made for; "": of none.
	Key string `json:"key,omitempty"`

	Lock       bool   `json:"lock,omitempty"`       // write what the inputs were into LockFile
	Locked     bool   `json:"locked,omitempty"`     // demand the inputs that LockFile names
	LockFile   string `json:"lockFile,omitempty"`   // "": imgasm.lock in the current folder
	Provenance bool   `json:"provenance,omitempty"` // write an in-toto statement beside the image
	Checksums  bool   `json:"checksums,omitempty"`  // write SHA256SUMS beside the image
	// SBOM are the formats in which a bill of materials is written beside each image:
	// "cyclonedx", "spdx".
	SBOM []string `json:"sbom,omitempty"`
}

// Outputs are an Output whose paths have been looked at.
type Outputs struct {
	Output
	Path   string   // the image, absolute
	Images []Target // it and its further formats

	lockFile string                 // absolute
	seen     map[string]fs.FileInfo // files that may be replaced, by path
}

// Target is an image in one format.
type Target struct {
	Path   string `json:"path"` // absolute
	Format string `json:"format"`
}

// Targets are the images of a build of formats, the first one at path.
func Targets(path string, formats []string) ([]Target, error) {
	if len(formats) == 0 {
		return []Target{{Path: path}}, nil
	}
	all := []Target{{path, formats[0]}}
	for _, name := range formats[1:] {
		f, err := convert.FormatOf(name)
		if err != nil {
			return nil, fmt.Errorf("%q is none that images are written as", name)
		}
		all = append(all, Target{path[:len(path)-len(convert.Ending(path))] + f.Endings[0], name})
	}
	return all, nil
}

// output is a path that a build writes.
type output struct {
	field, path string
	// ours says why the file that is there may not be replaced; nil: it may.
	ours func(path string) error
	// shared is a file that holds other builds' lines too: they are kept, and so
	// it is never replaced unread, not even with Force.
	shared bool
}

// all lists what a build writes, the images last, and of them the first.
func (o *Outputs) all() (all []output) {
	for _, t := range o.Images {
		all = append(all, output{field: "Out", path: Description(t.Path), ours: isDescription})
	}
	if o.Provenance {
		all = append(all, output{field: "Provenance", path: provenanceName(o.Path), ours: isStatement})
	}
	for _, t := range o.Images {
		for _, f := range o.bills() {
			all = append(all, output{field: "SBOM", path: t.Path + f.Ending, ours: isBill})
		}
	}
	if o.Checksums {
		all = append(all, output{field: "Checksums", path: checksumsName(o.Path), ours: isChecksums, shared: true})
	}
	if o.Lock {
		all = append(all, output{field: "LockFile", path: o.lockFile, ours: isLock, shared: true})
	}
	for _, t := range slices.Backward(o.Images) {
		all = append(all, output{field: "Out", path: t.Path, ours: replaceable})
	}
	return all
}

// places lists all paths that a build of the same output may have written,
// whatever records and formats it was asked for.
func (o *Outputs) places() (paths []string) {
	asked := *o
	asked.Provenance, asked.Checksums, asked.Lock = true, true, true
	formats := []string{""} // that of Path
	for _, f := range convert.Formats() {
		formats = append(formats, f.Name)
	}
	asked.Images, _ = Targets(o.Path, formats) // the names are those of the table
	asked.SBOM = nil
	for _, f := range sbom.Formats() {
		asked.SBOM = append(asked.SBOM, f.Name)
	}
	for _, out := range asked.all() {
		paths = append(paths, out.path)
	}
	return paths
}

// clone is for a build, which learns more of what is at the paths.
func (o *Outputs) clone() *Outputs {
	c := *o
	c.seen = maps.Clone(o.seen)
	return &c
}

// Resolve checks that all outputs can be written. madeFrom are the paths of what
// the build is made from, which it must not write to; "" are none.
//
// Errors are of class ErrInput.
func (o Output) Resolve(madeFrom ...string) (*Outputs, error) {
	r := &Outputs{Output: o, seen: map[string]fs.FileInfo{}}
	var err error
	if r.Path, err = filepath.Abs(o.Out); err != nil {
		return nil, bad("Out", err, "")
	}
	if r.lockFile, err = filepath.Abs(o.lockPath()); err != nil {
		return nil, bad("LockFile", err, "")
	}
	if r.Images, err = Targets(r.Path, o.Formats); err != nil {
		return nil, bad("Formats", err, "")
	}
	for _, name := range o.SBOM {
		if _, err := sbom.FormatOf(name); err != nil {
			return nil, bad("SBOM", err, "")
		}
	}
	if info, err := os.Stat(r.Path); err == nil && info.IsDir() {
		return nil, bad("Out", fmt.Errorf("%s is a folder", r.Path), "name the image too: {Out} "+filepath.Join(o.Out, "image.qcow2"))
	}
	if err := r.distinct(madeFrom); err != nil {
		return nil, err
	}
	for _, out := range r.all() {
		if err := checkFolder(out.field, filepath.Dir(out.path)); err != nil {
			return nil, err
		}
	}
	if err := CheckBundle(o.Bundle); err != nil {
		return nil, err
	}
	if o.Bundle == "" {
		if err := checkBundleDir(BundleDir(r.Path)); err != nil {
			return nil, bad("Out", err, "the logs of a failure would be kept there: move it away, or name an archive with {Bundle}")
		}
	}
	if o.Report != "" {
		if err := report.Check(o.Report, filepath.Base(r.Path)); err != nil {
			return nil, err
		}
	}
	if unfinished(r.Path) {
		return r, nil // what is there is half replaced: Run puts that right first, and looks then
	}
	return r, r.check()
}

// unfinished reports whether a build of out was killed while it published.
func unfinished(out string) bool {
	root, err := OpenOwn(WorkFolder(out))
	if err != nil {
		return false
	}
	defer root.Close()
	return whole.Pending(WorkFolder(out))
}

// distinct refuses outputs that are one another, or that the build is made from.
func (o *Outputs) distinct(madeFrom []string) error {
	twice := func(out output, what string) error {
		return bad(out.field, fmt.Errorf("%s is %s too", out.path, what), "give it another name")
	}
	taken := map[string]bool{}
	for _, out := range o.all() {
		if taken[out.path] {
			return twice(out, "another of the build's files")
		}
		taken[out.path] = true
		info, err := os.Stat(out.path)
		if err != nil {
			continue
		}
		for _, in := range madeFrom {
			if in == "" {
				continue
			}
			if from, err := os.Stat(in); err == nil && os.SameFile(info, from) {
				return twice(out, "what the build is made from")
			}
		}
	}
	return nil
}

// checkFolder refuses a folder in which no file can be made.
func checkFolder(field, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad(field, fmt.Errorf("the folder %s does not exist", dir), "mkdir -p "+dir)
	case err != nil:
		return bad(field, err, "")
	case !info.IsDir():
		return bad(field, fmt.Errorf("%s is not a folder", dir), "")
	}
	if err := host.Writable(dir); err != nil {
		return unwritable(field, dir, err)
	}
	return nil
}

func unwritable(field, dir string, err error) error {
	return bad(field, fmt.Errorf("the folder %s cannot be written to: %w", dir, err), "give another {"+field+"}")
}

// check looks at what is at the outputs' paths. What has been looked at and is
// as it was is not read again.
func (o *Outputs) check() error {
	for _, out := range o.all() {
		if err := o.checkOne(out); err != nil {
			return err
		}
	}
	return nil
}

func (o *Outputs) checkOne(out output) error {
	info, err := os.Lstat(out.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return bad(out.field, err, "")
	}
	if !info.Mode().IsRegular() {
		return bad(out.field, fmt.Errorf("%s exists and is not a regular file (%s)", out.path, info.Mode()), "see what it is: ls -ld "+out.path+"; move it away, or give another name")
	}
	if old := o.seen[out.path]; old != nil && os.SameFile(old, info) && old.ModTime().Equal(info.ModTime()) && old.Size() == info.Size() {
		return nil
	}
	if o.Force && !out.shared {
		return nil
	}
	if err := out.ours(out.path); err != nil {
		do := "move it away, or replace it with {Force}"
		if out.shared {
			do = "correct it, or move it away"
		}
		return bad(out.field, err, do)
	}
	o.seen[out.path] = info
	return nil
}
