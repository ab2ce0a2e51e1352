// The steps that make the disk: of the image that Nix has built, or of a system.

package nixos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/nixdisk"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/nixglue"
)

// takeDisk writes the image that Nix has built as the build's disk.
func (b *build) takeDisk(ctx context.Context, j *assemble.Job) (string, error) {
	image, err := nixglue.FindImage(ctx, b.out)
	if _, system := os.Stat(filepath.Join(b.out, "boot.json")); err != nil && system == nil {
		return "", &fault.Error{Class: nixglue.ErrImage, Err: err, Do: "it is a system, which {Assemble} puts on a disk"}
	} else if err != nil {
		return "", err
	}
	src, err := convert.Open(image.Path)
	if err != nil {
		return "", err
	}
	defer src.Close()
	if b.disk = src.Size(); b.disk == 0 {
		return "", &fault.Error{Class: nixglue.ErrImage, Err: fmt.Errorf("%s is empty", image.Path)}
	}
	if err := j.Outputs.CheckFormats(b.disk); err != nil {
		return "", err
	}
	_, err = j.Make(assemble.DiskFile, func(f *os.File) error {
		return convert.Write(ctx, f, src, convert.Options{Format: "raw", Progress: j.Progress})
	})
	return fmt.Sprintf("%s, %s", image.Path, size.Format(b.disk)), err
}

// config is what nixdisk is asked for.
func (d Assembly) config() nixdisk.Config {
	return nixdisk.Config{SizeBytes: d.DiskSize, FreeBytes: d.FreeBytes, ESPBytes: d.ESPBytes}
}

// ownField calls the size that an error of nixdisk's is about as Assembly does.
func ownField(err error) error {
	var wrong *fault.Error
	if errors.As(err, &wrong) && wrong.Field == "SizeBytes" {
		return &fault.Error{Class: nixdisk.ErrSize, Field: "DiskSize", Err: wrong.Err, Do: strings.ReplaceAll(wrong.Do, "{SizeBytes}", "{DiskSize}")}
	}
	return err
}

// assembleDisk puts the system that Nix has built on a disk. The store that has
// built it is read where it is.
func (b *build) assembleDisk(ctx context.Context, j *assemble.Job) (_ string, err error) {
	p, n := b.plan, b.plan.Spec.nix()
	n.Inputs = nil
	if n.Store, err = p.Spec.store(); err != nil {
		return "", err
	}
	c := p.Spec.config()
	c.Nix, c.Toplevel, c.Arch, c.Progress = n, b.out, p.arch.Name, j.Progress
	if p.Dated {
		c.Time = p.Time
	}
	s, err := nixdisk.Check(ctx, c)
	if err != nil {
		return "", err
	}
	if b.disk, err = j.Make(assemble.DiskFile, func(f *os.File) error { return s.Write(ctx, f) }); err != nil {
		return "", ownField(err)
	}
	if err := j.Outputs.CheckFormats(b.disk); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %d store paths on %s", s.Label, s.Paths, size.Format(b.disk)), nil
}
