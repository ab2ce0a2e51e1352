// Publishing: an output appears whole, under its name, or not at all, and with
// it what speaks of it.

package assemble

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/internal/digest"
	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/size"
)

// Product is what a build has made.
type Product struct {
	Images []Made // those of Outputs.Images, in their order
	// Disk is what they hold, in the working folder: one of them, or what they were
	// made of. It is a qcow2 or a raw disk, for bills of materials.
	Disk string
	// Parameters are what was asked for and Internal what was decided, for the
	// statement of provenance; Versions are those of the tools.
	Parameters, Internal map[string]any
	Versions             map[string]string
	Lock                 lock.Build // what a lock says of the build
	Next                 Next
}

// Made is an image in one format.
type Made struct {
	File  string // in the working folder
	Image Image  // its description; the output, the tool and the times are filled in
}

// Publish puts the images, their descriptions and the further records in place.
func (j *Job) Publish(ctx context.Context, p Product) (string, error) {
	described, err := j.wholeImages(ctx, p.Images)
	if err != nil {
		return "", err
	}
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
		return "", fmt.Errorf("%w; the finished image is kept as %s until the next build of this output", err, j.Path(p.Images[0].File))
	}
	files, err := j.records(ctx, described, p)
	if err != nil {
		return "", err
	}
	for i, t := range slices.Backward(j.Outputs.Images) {
		files = append(files, whole.Output{To: t.Path, From: j.Path(p.Images[i].File)})
	}
	if err := whole.All(j.ws.dir, files); err != nil {
		// What could not be taken back is with the next build of this output.
		j.keep = j.keep || whole.Pending(j.ws.dir)
		return "", err
	}
	j.finished = &Result{Out: j.Outputs.Path, Metadata: Description(j.Outputs.Path), Image: described[0], Next: p.Next}
	said := fmt.Sprintf("%s (%s) and %s", j.Outputs.Out, size.Text(described[0].Output.Size), filepath.Base(j.finished.Metadata))
	for i, t := range j.Outputs.Images[1:] {
		j.finished.Also = append(j.finished.Also, t.Path)
		said += fmt.Sprintf(", %s (%s)", filepath.Base(t.Path), size.Text(described[i+1].Output.Size))
	}
	return said, nil
}

// wholeImages brings the images to disk and describes them.
func (j *Job) wholeImages(ctx context.Context, made []Made) (described []*Image, err error) {
	var done, total int64
	for _, m := range made {
		info, err := j.Folder.Stat(m.File)
		if err != nil {
			return nil, err
		}
		total += info.Size()
	}
	for i, m := range made {
		sum, n, err := j.wholeImage(ctx, m.File, func(n int64) { j.Progress(done+n, total) })
		if err != nil {
			return nil, err
		}
		done += n
		described = append(described, j.describe(m.Image, File{Name: filepath.Base(j.Outputs.Images[i].Path), Size: n, SHA256: sum}))
	}
	return described, nil
}

// wholeImage brings an image to disk, gives it the mode that images have, and
// returns its hash and size.
func (j *Job) wholeImage(ctx context.Context, name string, progress func(done int64)) (sum string, n int64, err error) {
	f, err := j.Folder.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	if sum, n, err = digest.Reader(ctx, f, progress); err != nil {
		return "", 0, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if err := j.Folder.Chmod(name, 0o644); err != nil {
		return "", 0, err
	}
	return sum, n, whole.Sync(ctx, f)
}
