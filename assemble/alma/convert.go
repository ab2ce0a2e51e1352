// The step that makes an image of the installed disk.

package alma

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/event"
	whole "github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/size"
)

// image brings the disk into its format.
func (b *build) image(ctx context.Context) (string, error) {
	if b.Spec.Format == "raw" {
		if err := b.ws.root.Rename(diskFile, imagePartialFile); err != nil {
			return "", err
		}
	} else {
		err := writeQcow2(ctx, b.ws.root, diskFile, imagePartialFile, func(done, total int64) {
			b.emit(event.Event{Kind: event.Progress, Done: done, Total: total, Unit: "B", Fraction: float64(done) / float64(max(total, 1))})
		})
		if err != nil {
			return "", err
		}
		if err := b.ws.root.Remove(diskFile); err != nil {
			return "", err
		}
	}
	used, err := allocated(b.ws.path(imagePartialFile))
	if err != nil {
		return "", err
	}
	return size.Text(used) + " for a disk of " + size.Format(b.Spec.DiskSize), nil
}

// writeQcow2 makes a raw disk a qcow2 of zlib clusters, which every reader
// knows, and returns when that has been read back and is on disk. After an
// error nothing is left of it. A full disk is syscall.ENOSPC.
func writeQcow2(ctx context.Context, dir *os.Root, from, to string, progress func(done, total int64)) (err error) {
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
	// Reading it back is the second half of the work.
	half := func(before int64) func(done, total int64) {
		return func(done, total int64) { progress((before+done)/2, total) }
	}
	if err := qcow2.Write(ctx, f, raw, qcow2.Options{Progress: half(0)}); err != nil {
		return fmt.Errorf("write the qcow2: %w", err)
	}
	if err := readBack(ctx, raw, f, half(raw.Size())); err != nil {
		return fmt.Errorf("read the qcow2 back: %w", err)
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
