// Bills of materials beside an image, of what the finished image holds.

package assemble

import (
	"bytes"
	"context"
	"slices"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/assemble/sbom"
	"github.com/imgasm/imgasm/internal/event"
	whole "github.com/imgasm/imgasm/internal/publish"
)

// toolName is what bills of materials call this program.
const toolName = "imgasm"

// bills are the formats that are asked for, each once.
func (o *Outputs) bills() (all []sbom.Format) {
	for _, f := range sbom.Formats() {
		if slices.Contains(o.SBOM, f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// writeBills are the bills of materials of the images, of which disk in the
// working folder is one or has the contents. One whose packages cannot be read
// says so, and the build goes on.
func (j *Job) writeBills(ctx context.Context, described []*Image, disk string) (all []whole.Output, err error) {
	formats := j.Outputs.bills()
	if len(formats) == 0 {
		return nil, nil
	}
	d := sbom.Document{Tool: sbom.Tool{Name: toolName, Version: j.Version}, Created: *described[0].Created}
	if err := j.lookAt(disk, &d); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if d.Unknown != "" {
		kind := event.Warning
		if described[0].Rehearsal { // its system has no package manager
			kind = event.Note
		}
		j.Emit(event.Event{Kind: kind, Text: "the bill of materials lists no packages: " + d.Unknown})
	}
	for i, meta := range described {
		d.Image = sbom.Image{Name: meta.Output.Name, SHA256: meta.Output.SHA256}
		for _, f := range formats {
			var text bytes.Buffer
			if err := f.Write(&text, d); err != nil {
				return nil, err
			}
			all = append(all, j.said(j.Outputs.Images[i].Path+f.Ending, text.Bytes()))
		}
	}
	return all, nil
}

// lookAt puts what a disk holds into a bill of materials.
func (j *Job) lookAt(disk string, d *sbom.Document) error {
	opened, err := convert.Open(j.Path(disk))
	if err != nil {
		return err
	}
	defer opened.Close()
	on, err := inspect.Open(opened, opened.Size())
	if err != nil {
		d.Unknown = err.Error()
		return nil
	}
	on.Describe(d)
	return nil
}
