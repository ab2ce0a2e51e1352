// The failure bundle: what is kept of a build that failed, in OUT.failed/ or an archive.

package assemble

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/internal/proc"
)

// Log is a file of the working folder that a bundle takes.
type Log struct {
	About string // what it is
	// Filter, if set, leaves out what a bundle must not have; it is given the whole log.
	Filter func([]byte) []byte
}

// Report is what a bundle has besides logs.
type Report struct {
	Files map[string][]byte // by name, which may have a folder
	About map[string]string // what the files are, by name
	// What the summary says: of the failure, of what was built and on what, and
	// how to go on.
	Failure, Facts, Next string
}

// BundleDir is the folder that keeps the logs of a failed build of out.
func BundleDir(out string) string { return out + ".failed" }

const (
	// SummaryFile marks a folder as a bundle of ours, which a later failure may replace.
	SummaryFile = "SUMMARY.md"
	// panicFile has the stack of a defect of imgasm.
	panicFile = "panic.txt"
)

// Fail keeps what is known of a build that failed as a bundle, of which files
// are a part, and returns the error that names it, without secrets.
func (j *Job) Fail(what string, err error, files map[string][]byte) error {
	files = maps.Clone(files)
	if files == nil {
		files = map[string][]byte{}
	}
	var defect *guard.Panic
	if errors.As(err, &defect) {
		files[panicFile] = fmt.Appendf(nil, "%v\n\n%s", defect.Value, defect.Stack)
		err = &fault.Error{
			Class: ErrPanic, Err: fmt.Errorf("internal error in the step %q: %v", j.step, defect.Value),
			Do: "this is a defect of imgasm: please report it, with " + panicFile + " of the logs",
		}
	}
	shown := Hide(err, j.Secrets)
	j.note(Event{Kind: event.Error, Text: shown.Error(), Hint: Hint(shown)})
	kept, problem := j.keepBundle(what, shown, files)
	if problem != nil {
		j.Emit(Event{Kind: event.Warning, Text: "what is known of the failure could not be kept: " + problem.Error()})
	}
	if kept != "" {
		err = &KeptError{err, kept}
	}
	return Hide(err, j.Secrets)
}

// keepBundle collects the bundle's files and puts them in their place, the path
// of which it returns. files are those that are known already, by name. Where
// an archive cannot be written the folder is, and the error says why.
func (j *Job) keepBundle(what string, cause error, files map[string][]byte) (string, error) {
	var r Report
	if j.Report != nil {
		r = j.Report(what, cause)
	}
	maps.Copy(files, r.Files)
	files[SummaryFile] = []byte(j.summary(what, cause, r, files))
	if err := j.stage(files); err != nil {
		return "", err
	}
	if j.Outputs.Report != "" {
		j.page()
	}
	kept, err := PlaceBundle(j.Path(stagedBundle), j.Outputs.Path, j.Outputs.Bundle, j.Now())
	return kept, errors.Join(err, j.Folder.RemoveAll(stagedBundle))
}

// summary is the bundle's first page, which a person pastes into a bug report.
// files are those of the bundle that are no logs.
func (j *Job) summary(what string, cause error, r Report, files map[string][]byte) string {
	var s strings.Builder
	fmt.Fprintf(&s, "# %s failed\n\n%v\n\n%s\n- date: %s\n", what, cause, r.Failure, j.Now().UTC().Format(time.RFC3339))
	if len(j.Command) > 0 {
		fmt.Fprintf(&s, "- to repeat it: `%s`\n", proc.Quote(j.Command))
	}
	s.WriteString(r.Facts)
	about := map[string]string{eventsFile: "what imgasm said, and when", panicFile: "where imgasm itself broke"}
	maps.Copy(about, r.About)
	for name, log := range j.Logs {
		about[name] = log.About
	}
	s.WriteString("\nFiles beside this one:\n\n")
	for _, name := range slices.Sorted(maps.Keys(about)) {
		if _, ok := files[name]; ok || strings.HasSuffix(name, "/") || j.logged(name) {
			fmt.Fprintf(&s, "- %s: %s\n", name, about[name])
		}
	}
	s.WriteString(r.Next)
	return s.String()
}

// logged reports whether the working folder has a log.
func (j *Job) logged(name string) bool {
	if _, ok := j.Logs[name]; !ok && name != eventsFile {
		return false
	}
	_, err := j.Folder.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}
