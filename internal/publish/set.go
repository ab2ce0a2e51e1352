package publish

// Several files that appear together: an image and what is written beside it.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Output is one file of a set. It has either From or Text.
type Output struct {
	To   string // its name, absolute
	From string // a whole file that is on disk, on To's file system: it is moved
	Text []byte // what is written to it
}

// journalName is what a set writes into its folder before it touches anything.
const journalName = "publish.json"

// journal says how to take back what a set has done, or that it has all been done.
type journal struct {
	Staged bool        `json:"staged"` // every From is whole: renaming may have begun
	Files  []placement `json:"files"`
}

// placement is one file's way to its place.
type placement struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Old    string `json:"old"`    // keeps the file that was at To, if there was one
	SHA256 string `json:"sha256"` // of From; "" for a file that only we can have put there
}

// All puts files into their places, in their order: all of them or, after an
// error, none. What they replace is kept until the last one is in its place, so
// the one that speaks for all comes last. dir is a folder of the caller's alone,
// which holds the journal: if the program is killed, Recover finds it there.
//
// Only regular files are replaced; else the error is ErrNotFile, and nothing is touched.
func All(dir string, files []Output) error {
	j := &journal{}
	for _, f := range files {
		if err := checkPlace(f.To); err != nil {
			return err
		}
		p := placement{From: f.From, To: f.To, Old: hidden(f.To, "old")}
		if f.From == "" {
			p.From = hidden(f.To, "new")
			p.SHA256 = digest.Bytes(f.Text)
		}
		j.Files = append(j.Files, p)
	}
	if err := j.write(dir); err != nil {
		return err
	}
	err := j.stage(files)
	if err == nil {
		j.Staged = true
		err = j.write(dir)
	}
	if err == nil {
		err = j.place()
	}
	if err != nil {
		return errors.Join(err, j.undo(dir))
	}
	return j.finish(dir)
}

// checkPlace refuses a path at which anything but a regular file stands. A link
// is none: it would be replaced, or what it leads to.
func checkPlace(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", path, ErrNotFile)
	}
	return err
}

// stage writes the texts, whole and on disk, beside their places.
func (j *journal) stage(files []Output) error {
	for i, f := range files {
		if f.From != "" {
			continue
		}
		w, err := os.OpenFile(j.Files[i].From, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		_, err = w.Write(f.Text)
		if err = errors.Join(err, syncFile(w), w.Close()); err != nil {
			return err
		}
	}
	return nil
}

// rename is what a test lets fail, or die.
var rename = os.Rename

// place moves all files. The last one goes when the others are on disk.
func (j *journal) place() error {
	for i, p := range j.Files {
		if i == len(j.Files)-1 {
			if err := j.syncFolders(); err != nil {
				return err
			}
		}
		if err := keepOld(p); err != nil {
			return err
		}
		if err := rename(p.From, p.To); err != nil {
			return err
		}
	}
	return j.syncFolders()
}

// keepOld gives the file at p.To a second name. Where the file system has no
// such thing it is moved.
func keepOld(p placement) error {
	if _, err := os.Lstat(p.To); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if os.Link(p.To, p.Old) == nil {
		return nil
	}
	return rename(p.To, p.Old)
}

// finish removes what was replaced, and the journal.
func (j *journal) finish(dir string) error {
	for _, p := range j.Files {
		if err := remove(p.Old); err != nil {
			return err
		}
	}
	return remove(filepath.Join(dir, journalName))
}

// Pending reports whether a set in dir was begun and not ended.
func Pending(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, journalName))
	return err == nil
}

// ForeignError is a journal that All did not write for the same files: dir may
// have come with an archive of a stranger's, who would have files of the user's
// removed.
type ForeignError struct{ Names string } // a file; "": it is no journal at all

func (e *ForeignError) Error() string {
	if e.Names == "" {
		return "its " + journalName + " is not imgasm's"
	}
	return "its " + journalName + " names " + e.Names + ", which this build does not write"
}

// Recover ends what a set that was killed has begun in dir: if its last file is
// in its place all is done, else everything is taken back. A file that somebody
// has changed since stays. places are the files that such a set may have; of
// another nothing is touched, and the error is a *ForeignError.
func Recover(dir string, places []string) error {
	text, err := smallfile.Below(context.Background(), dir, journalName, 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var j journal
	if err := json.Unmarshal(text, &j); err != nil || len(j.Files) == 0 {
		return &ForeignError{}
	}
	for _, p := range j.Files {
		from := p.SHA256 == "" && filepath.Dir(p.From) == filepath.Clean(dir) || p.SHA256 != "" && isHidden(p.From, p.To, "new")
		switch {
		case !slices.Contains(places, p.To):
			return &ForeignError{p.To}
		case !from:
			return &ForeignError{p.From}
		case !isHidden(p.Old, p.To, "old"):
			return &ForeignError{p.Old}
		}
	}
	if last := j.Files[len(j.Files)-1]; j.Staged && !exists(last.From) && exists(last.To) {
		return j.finish(dir)
	}
	return j.undo(dir)
}

// undo takes everything back, and removes the journal once that is on disk.
func (j *journal) undo(dir string) error {
	for _, p := range slices.Backward(j.Files) {
		if err := j.takeBack(p); err != nil {
			return err
		}
	}
	if err := j.syncFolders(); err != nil {
		return err
	}
	return remove(filepath.Join(dir, journalName))
}

// takeBack undoes what was done to one file.
func (j *journal) takeBack(p placement) error {
	if j.Staged && !exists(p.From) && exists(p.To) { // it is in its place
		if p.SHA256 == "" {
			if err := rename(p.To, p.From); err != nil {
				return err
			}
		} else if sum, _, err := digest.File(context.Background(), p.To); err != nil {
			return err
		} else if sum != p.SHA256 { // somebody has changed it since
			return remove(p.Old)
		} else if !exists(p.Old) {
			return remove(p.To)
		} else {
			return rename(p.Old, p.To)
		}
	}
	if p.SHA256 != "" { // a text; a whole file stays the caller's
		if err := remove(p.From); err != nil {
			return err
		}
	}
	if exists(p.Old) && !exists(p.To) {
		return rename(p.Old, p.To)
	}
	return remove(p.Old)
}

// write puts the journal into dir, on disk.
func (j *journal) write(dir string) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return Private(context.Background(), filepath.Join(dir, journalName), func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

func (j *journal) syncFolders() error {
	var folders []string
	for _, p := range j.Files {
		folders = append(folders, filepath.Dir(p.To))
	}
	slices.Sort(folders)
	for _, dir := range slices.Compact(folders) {
		if err := syncFolder(dir); err != nil {
			return err
		}
	}
	return nil
}

// Rename is os.Rename that survives a power cut.
func Rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// remove removes a file that may be gone.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
