// The formats that an image is wished for in: what they are called, which of them
// QEMU boots, and in which order they are made.

package alma

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/internal/fault"
)

// out is where the image goes.
func (s Spec) out() string {
	if s.Out != "" || len(s.Formats) == 0 {
		return or(s.Out, DefaultOut)
	}
	f, err := convert.FormatOf(s.Formats[0])
	if err != nil {
		return DefaultOut // complete refuses the format
	}
	return strings.TrimSuffix(DefaultOut, convert.Ending(DefaultOut)) + f.Endings[0]
}

// checkFormats refuses formats that cannot hold the disk, or that are named twice.
func (s Spec) checkFormats() error {
	for i, name := range s.Formats {
		if slices.Contains(s.Formats[:i], name) {
			return bad("Formats", fmt.Errorf("%s is named twice", name), "")
		}
		err := convert.Options{Format: name}.Check(s.DiskSize)
		var refused *fault.Error
		if errors.As(err, &refused) && errors.Is(err, convert.ErrFormat) {
			return bad("Formats", refused.Err, "such as {Formats} qcow2")
		} else if err != nil {
			return bad("DiskSize", err, "")
		}
	}
	return nil
}

// imageFile is where the image of a build's nth format is made, from 0.
func imageFile(n int) string {
	if n == 0 {
		return imagePartialFile
	}
	return fmt.Sprintf("image-%d.partial", n+1)
}

// scratch are the large files that nobody needs when a build has failed.
func scratch(j *assemble.Job) []string {
	all := []string{diskFile}
	for n := range j.Outputs.Images {
		all = append(all, imageFile(n))
	}
	return all
}

// tested is the file that the boot test boots, and its format: an image that QEMU
// runs a machine of, else the disk of which the others are made.
func (p *Plan) tested() (file, format string) {
	for n, t := range p.Outputs.Images {
		if t.Format == formatQcow2 || t.Format == formatRaw {
			return imageFile(n), t.Format
		}
	}
	return diskFile, formatRaw
}

// Formats that QEMU runs a machine of.
const (
	formatQcow2 = "qcow2"
	formatRaw   = "raw"
)

// imageOrder are the numbers of the images in the order in which they are made:
// the disk itself becomes the raw image, last.
func (p *Plan) imageOrder() (order []int) {
	last := -1
	for n, t := range p.Outputs.Images {
		if t.Format == formatRaw {
			last = n
		} else {
			order = append(order, n)
		}
	}
	if last >= 0 {
		order = append(order, last)
	}
	return order
}
