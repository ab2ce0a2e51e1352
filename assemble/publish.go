// Publishing: an output appears whole, under its name, or not at all, and with
// it what speaks of it.

package assemble

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/lock"
	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// Product is what a build has made.
type Product struct {
	File  string // the image, in the working folder
	Image Image  // its description; the output, the tool and the times are filled in
	// Parameters are what was asked for and Internal what was decided, for the
	// statement of provenance; Versions are those of the tools.
	Parameters, Internal map[string]any
	Versions             map[string]string
	Lock                 lock.Build // what a lock says of the build
	Next                 Next
}

// Publish puts the image, its description and the further records in place.
func (j *Job) Publish(ctx context.Context, p Product) (string, error) {
	sum, n, err := j.wholeImage(ctx, p.File)
	if err != nil {
		return "", err
	}
	out := j.Outputs.Path
	meta := j.describe(p.Image, File{Name: filepath.Base(out), Size: n, SHA256: sum})
	var shared []string
	for _, o := range j.Outputs.all() {
		if o.shared {
			shared = append(shared, filepath.Dir(o.path))
		}
	}
	unlock, err := whole.LockFolders(ctx, shared...)
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := j.Outputs.check(); err != nil {
		j.keep = true
		return "", fmt.Errorf("%w; the finished image is kept as %s until the next build of this output", err, j.Path(p.File))
	}
	files, err := j.records(meta, p)
	if err != nil {
		return "", err
	}
	files = append(files, whole.Output{To: out, From: j.Path(p.File)})
	if err := whole.All(j.ws.dir, files); err != nil {
		// What could not be taken back is with the next build of this output.
		j.keep = j.keep || whole.Pending(j.ws.dir)
		return "", err
	}
	j.finished = &Result{Out: out, Metadata: Description(out), Image: meta, Next: p.Next}
	return fmt.Sprintf("%s (%s) and %s", j.Outputs.Out, size.Text(n), filepath.Base(Description(out))), nil
}

// wholeImage brings the image to disk, gives it the mode that images have, and
// returns its hash and size.
func (j *Job) wholeImage(ctx context.Context, name string) (sum string, n int64, err error) {
	f, err := j.Folder.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	const piece = 256 << 20
	for {
		copied, err := io.CopyN(h, f, piece)
		n += copied
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return "", 0, fmt.Errorf("read %s: %w", f.Name(), err)
		}
		j.Progress(n, info.Size())
	}
	if err := j.Folder.Chmod(name, 0o644); err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(h.Sum(nil)), n, whole.Sync(ctx, f)
}

// HashFile returns the SHA-256 and the size of a file.
func HashFile(path string) (sum string, n int64, err error) {
	f, err := smallfile.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	if n, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), n, nil
}

// HashBytes is the SHA-256 of b.
func HashBytes(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
