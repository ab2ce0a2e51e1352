// Where things go that come home from another host.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/internal/publish"
)

// homecoming says it. The job has it too: whoever fetches what it has made knows.
// All paths are absolute.
type homecoming struct {
	Host   string           `json:"host"` // of these paths
	Verb   string           `json:"verb"`
	Out    string           `json:"out"`              // what is made, or looked at
	Output *assemble.Output `json:"output,omitempty"` // of a build
	Force  bool             `json:"force,omitempty"`
	Bundle string           `json:"bundle,omitempty"` // an archive
	Report string           `json:"report,omitempty"`
	JUnit  string           `json:"junit,omitempty"`
	// Names are how files in the job's folder are called in Cwd, in what it says.
	Names [][2]string `json:"names,omitempty"`
	Cwd   string      `json:"cwd,omitempty"`
	There string      `json:"-"` // where jobs are on the other host
	// begun is the folder of what has come home already, where another place is chosen
	// than it was to go to.
	begun string
}

// call says how a file in the job's folder is called here. What was said first counts.
func (h *homecoming) call(there, here string) { h.Names = append(h.Names, [2]string{there, here}) }

// names puts the names of this host into what a job says.
func (h *homecoming) names(id string) *strings.Replacer {
	var full, short []string
	dir := path.Join(h.There, "jobs", id)
	cwd, err := os.Getwd()
	for _, n := range h.Names {
		abs, typed := n[1], n[1]
		if !filepath.IsAbs(abs) {
			abs = filepath.Join(h.Cwd, abs)
		}
		if err != nil || cwd != h.Cwd {
			typed = abs
		}
		if !strings.HasPrefix(n[0], "out/") {
			abs = typed
		}
		full = append(full, path.Join(dir, n[0]), abs)
		short = append(short, n[0], typed)
	}
	return strings.NewReplacer(append(full, short...)...)
}

// builds makes it that of a build.
func (h *homecoming) builds(o assemble.Output) error {
	for _, p := range []*string{&o.Out, &o.LockFile, &o.Bundle, &o.Report} {
		if *p == "" {
			continue
		}
		folder := strings.HasSuffix(*p, string(filepath.Separator))
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		if *p = abs; folder {
			*p += string(filepath.Separator)
		}
	}
	h.Output, h.Bundle, h.Report = &o, o.Bundle, o.Report
	return nil
}

// to makes it one whose things all go into a folder.
func (h *homecoming) to(dir string) {
	for _, p := range []*string{&h.Out, &h.Bundle, &h.JUnit, &h.Report} {
		if *p != "" {
			*p = filepath.Join(dir, filepath.Base(*p))
		}
	}
	if h.Report != "" && !strings.HasSuffix(h.Report, ".html") {
		h.Report = h.Out + ".html"
	}
	h.Names = [][2]string{{imageThere, dir}, {bundleThere, dir}, {reportThere, dir}, {junitThere, dir}, {lockThere, dir}}
	if h.Output != nil {
		h.Output.Out, h.Output.Bundle, h.Output.Report = h.Out, h.Bundle, h.Report
		h.Output.LockFile = filepath.Join(dir, filepath.Base(h.Output.LockFile))
	}
}

// foreign is to for one that a host has told of: it chooses no hidden name, and
// replaces nothing.
func (h *homecoming) foreign(dir string) error {
	named := []string{h.Out, h.Bundle, h.JUnit, h.Report}
	h.Force = false
	if h.Output != nil {
		h.Output.Force = false
		named = append(named, h.Output.LockFile)
	}
	for _, path := range named {
		if name := filepath.Base(path); path != "" && (name[0] == '.' || name[0] == filepath.Separator) {
			return badInput("", fmt.Errorf("what it makes is called %q, which nobody here has asked for", name), "fetch it with scp, if you know it")
		}
	}
	h.to(dir)
	for _, path := range []string{h.Bundle, h.JUnit, h.Report} {
		if _, err := os.Lstat(path); path != "" && !errors.Is(err, os.ErrNotExist) {
			return badInput("", fmt.Errorf("%s exists", path), "move it away, or name another folder with --out")
		}
	}
	return nil
}

// folder is where files are until they are whole.
func (h *homecoming) folder() string {
	return filepath.Join(filepath.Dir(h.Out), "."+filepath.Base(h.Out)+".imgasm-remote")
}

// place puts what has come into the folder dir into its places.
func (h *homecoming) place(ctx context.Context, dir string, end *remote.End) error {
	came := func(folder string) (names []string) { // at the top of a folder of the job's
		for _, f := range end.Files {
			if name, ok := strings.CutPrefix("out/"+f.Path, folder+"/"); ok {
				name, _, _ = strings.Cut(name, "/")
				names = append(names, name)
			}
		}
		return slices.Compact(names)
	}
	at := func(folder, name string) string {
		return filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(folder, "out/")), name)
	}
	failed := filepath.Base(assemble.BundleDir(h.Out))
	images := came(imageThere)
	if slices.Contains(images, failed) {
		if _, err := assemble.PlaceBundle(at(imageThere, failed), h.Out, "", time.Now()); err != nil {
			return err
		}
	}
	var all []publish.Output
	for folder, to := range map[string]string{bundleThere: h.Bundle, junitThere: h.JUnit, reportThere: h.Report} {
		for _, name := range came(folder) {
			if folder == reportThere {
				to = report.PageFile(h.Report, filepath.Base(h.Out))
				if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
					return err
				}
			}
			all = append(all, publish.Output{To: to, From: at(folder, name)})
		}
	}
	if len(all) > 0 {
		if err := publish.All(dir, all); err != nil {
			return err
		}
	}
	if h.Report != "" && !strings.HasSuffix(h.Report, ".html") {
		if err := report.Index(filepath.Dir(report.PageFile(h.Report, filepath.Base(h.Out)))); err != nil {
			return err
		}
	}
	if end.Code != exitDone || len(images) == 0 {
		return nil
	}
	return h.placeImages(ctx, at(imageThere, ""), at(lockThere, ""))
}

// placeImages puts the images that lie in the folder dir into their places.
func (h *homecoming) placeImages(ctx context.Context, dir, lockDir string) error {
	if h.Output != nil {
		o, err := h.Output.Resolve()
		if err != nil {
			return err
		}
		return o.Place(ctx, dir, filepath.Join(lockDir, filepath.Base(h.Output.LockFile)))
	}
	if _, err := os.Lstat(h.Out); err == nil && !h.Force {
		return badInput("", fmt.Errorf("%s exists", h.Out), "move it away")
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return publish.All(dir, []publish.Output{{To: h.Out, From: filepath.Join(dir, filepath.Base(h.Out))}})
}
