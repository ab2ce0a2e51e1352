// The steps that look at the finished disk and make the images of it.

package assemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/freespace"
	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/size"
)

// Disk says what is known of the disk of a build, which is DiskFile.
type Disk struct {
	Arch     string    // "x86_64", "aarch64"
	BIOS     bool      // it is for a BIOS, not for UEFI
	Untested bool      // no verification follows
	Time     time.Time // of what a format dates
}

// Check looks for what firmware will start. It ends the build only for what it
// has seen to be wrong, by inspect's ErrCannotBoot: a disk that it cannot read may
// boot all the same, which a verification shows.
func (d Disk) Check(j *Job) (string, error) {
	f, err := j.Folder.Open(DiskFile)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	found, err := inspect.Boot(f, info.Size(), d.Arch, !d.BIOS)
	switch {
	case err != nil:
		return "", err
	case found.Unread == nil:
		return found.Found, nil
	case d.Untested:
		j.Emit(event.Event{
			Kind: event.Warning, Text: "nobody has seen that this image boots: " + found.Unread.Error() + ", and there is no verification",
			Hint: "leave {NoVerify} out, or boot the image yourself before you use it",
		})
	default:
		j.Note(found.Unread.Error() + "; the verification will show whether it boots")
	}
	return "could not be read", nil
}

// ImageSteps make the images of the disk, one each.
func (o *Outputs) ImageSteps(d Disk) (steps []Step) {
	for _, n := range o.order() {
		format := o.Images[n].Format
		steps = append(steps, Step{
			Name: format, Text: "write the image as " + format,
			Run: func(ctx context.Context, j *Job) (string, error) { return j.makeImage(ctx, d, n) },
		})
	}
	return steps
}

// makeImage brings the disk into the nth format.
func (j *Job) makeImage(ctx context.Context, d Disk, n int) (string, error) {
	t, file := j.Outputs.Images[n], imageFile(n)
	disk, err := j.Folder.Stat(DiskFile)
	if err != nil {
		return "", err
	}
	if t.Format == formatRaw {
		if err := j.Folder.Rename(DiskFile, file); err != nil {
			return "", err
		}
	} else {
		err := writeImage(ctx, j.Folder, DiskFile, file, convert.Options{
			Format: t.Format, Arch: d.Arch, Name: strings.TrimSuffix(filepath.Base(t.Path), convert.Ending(t.Path)), Time: d.Time, Progress: j.Progress,
		})
		if err != nil {
			return "", err
		}
		order := j.Outputs.order()
		if boots, _ := j.Outputs.Boots(); n == order[len(order)-1] && (boots != DiskFile || d.Untested && len(j.Outputs.SBOM) == 0) {
			if err := j.Folder.Remove(DiskFile); err != nil {
				return "", err
			}
		}
	}
	used, err := freespace.Used(j.Path(file))
	if err != nil {
		return "", err
	}
	return size.Text(used) + " for a disk of " + size.Format(disk.Size()), nil
}

// writeImage brings a raw disk into a format, and returns when that is on disk; a
// qcow2 has been read back by then. After an error nothing is left of it. A full
// disk is syscall.ENOSPC.
func writeImage(ctx context.Context, dir *os.Root, from, to string, o convert.Options) (err error) {
	disk, err := dir.Open(from)
	if err != nil {
		return err
	}
	defer disk.Close()
	raw, err := qcow2.Raw(disk)
	if err != nil {
		return err
	}
	f, err := dir.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err != nil {
			err = errors.Join(err, dir.Remove(to))
		}
	}()
	progress := o.Progress
	half := func(before int64) func(done, total int64) {
		return func(done, total int64) { progress((before+done)/2, total) }
	}
	if o.Format == formatQcow2 { // reading it back is the second half of the work
		o.Progress = half(0)
	}
	if err := convert.Write(ctx, f, raw, o); err != nil {
		return fmt.Errorf("write the %s: %w", o.Format, err)
	}
	if o.Format == formatQcow2 {
		if err := readBack(ctx, raw, f, half(raw.Size())); err != nil {
			return fmt.Errorf("read the qcow2 back: %w", err)
		}
	}
	return whole.Sync(ctx, f)
}

// readBack compares a qcow2 with the disk that it was made of.
func readBack(ctx context.Context, disk qcow2.Source, f *os.File, progress func(done, total int64)) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	image, err := qcow2.New(f, info.Size(), qcow2.OpenOptions{})
	if err != nil {
		return err
	}
	return qcow2.Compare(ctx, disk, image, qcow2.CopyOptions{Progress: progress})
}
