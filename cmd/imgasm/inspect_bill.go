// imgasm inspect --sbom: a bill of materials of a disk image.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/sbom"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/publish"
)

// inspectBill writes a bill of materials, in the format of the file's name.
func (a *app) inspectBill(c *cli.Context, o *openedImage, file string) error {
	f, err := sbom.FormatOfFile(file)
	if err != nil {
		return err
	}
	switch _, err := os.Lstat(file); {
	case err == nil:
		return badInput("", fmt.Errorf("%s exists", file), "give --sbom another name, or remove that file")
	case !errors.Is(err, fs.ErrNotExist):
		return ofUser(err)
	}
	d := sbom.Document{Image: sbom.Image{Name: filepath.Base(o.path)}, Created: time.Now(), Tool: sbom.Tool{Name: "imgasm", Version: version}}
	if epoch := a.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		if d.Created, err = boot.Date(epoch, ""); err != nil {
			return badInput("", err, "unset it, or give a number: date +%s")
		}
	}
	if d.Image.SHA256, _, err = digest.File(c.Context, o.path); err != nil {
		return err
	}
	o.Describe(&d)
	if c.Context.Err() != nil { // what was read by then is not what there is
		return context.Cause(c.Context)
	}
	if d.Unknown != "" {
		a.Problem("warning", "the bill of materials lists no packages: "+d.Unknown, "")
	}
	return publish.File(file, func(w *os.File) error { return f.Write(w, d) })
}
