// A build that ran elsewhere: what came home of it.

package assemble

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/provenance"
	whole "github.com/imgasm/imgasm/internal/publish"
)

// Place puts the files of a build of the same output that ran elsewhere into their
// places, all or none: they lie in the folder dir, which is the caller's alone, on the
// file system of the output, and have the names that they have here. What others add
// to as well is added to; lockFile, if it is not "", is the lock that the build wrote.
//
// Errors are those of Resolve, and of files. After a kill the next Place ends what was
// begun, or undoes it.
func (o *Outputs) Place(ctx context.Context, dir, lockFile string) error {
	if err := whole.Recover(dir, o.places()); err != nil {
		return err
	}
	var shared []string
	for _, out := range o.all() {
		if out.shared {
			shared = append(shared, filepath.Dir(out.path))
		}
	}
	unlock, err := whole.LockFolders(ctx, shared...)
	if err != nil {
		return err
	}
	defer unlock()
	if err := o.check(); err != nil {
		return err
	}
	var files []whole.Output
	for _, out := range o.all() {
		from := filepath.Join(dir, filepath.Base(out.path))
		f := whole.Output{To: out.path, From: from}
		switch {
		case o.Checksums && out.path == checksumsName(o.Path):
			f.From = ""
			f.Text, err = o.addTheirSums(from)
		case o.Lock && out.path == o.lockFile:
			f.From = ""
			f.Text, err = o.addLock(lockFile)
		default:
			_, err = os.Lstat(from)
		}
		if err != nil {
			return fmt.Errorf("what came home is not whole: %w", err)
		}
		files = append(files, f)
	}
	return whole.All(dir, files)
}

// addTheirSums is the list of checksums beside the image with the lines of another.
func (o *Outputs) addTheirSums(from string) ([]byte, error) {
	text, err := readRecord(from)
	if err != nil {
		return nil, err
	}
	sums, err := provenance.ParseSHA256SUMS(text)
	if err != nil {
		return nil, err
	}
	return o.addSums(sums)
}

// addLock is the lock with this output's build of another.
func (o *Outputs) addLock(from string) ([]byte, error) {
	l, err := lock.Read(from)
	if err != nil {
		return nil, err
	}
	b, err := l.Build(o.lockName())
	if err != nil {
		return nil, err
	}
	return lock.Add(o.lockFile, o.lockName(), b)
}
