// The formats that an image is wished for in: what they are called, which of them
// QEMU boots, and in which order they are made.

package assemble

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/internal/fault"
)

// DiskFile is the raw disk in the working folder of which the images are made.
const DiskFile = "disk.raw"

// Formats that QEMU runs a machine of.
const (
	formatQcow2 = "qcow2"
	formatRaw   = "raw"
)

// WithDefaults is o with the path and the formats that it leaves open. out is what
// a qcow2 of its kind is called, "alma.qcow2"; another format has its own ending.
func (o Output) WithDefaults(out string) Output {
	if o.Out == "" {
		o.Out = out
		if len(o.Formats) > 0 {
			if f, err := convert.FormatOf(o.Formats[0]); err == nil { // CheckFormats refuses others
				o.Out = strings.TrimSuffix(out, convert.Ending(out)) + f.Endings[0]
			}
		}
	}
	if len(o.Formats) == 0 {
		o.Formats = []string{formatQcow2}
		if f, err := convert.FormatOfFile(o.Out); err == nil {
			o.Formats = []string{f.Name}
		}
	}
	return o
}

// likeEnding is an ending as those of formats are: not the .1 of alma-10.1.
var likeEnding = regexp.MustCompile(`^\.[A-Za-z][A-Za-z0-9]*$`)

// CheckName refuses a path whose name says a format that is not asked for, or one
// that nobody knows. It is for an Output without its defaults; the error is of
// class ErrInput.
func (o Output) CheckName() error {
	if len(o.Formats) == 0 {
		_, err := convert.FormatOfFile(o.Out)
		if err == nil || !likeEnding.MatchString(filepath.Ext(o.Out)) {
			return nil
		}
		return bad("Out", err, "give it another ending, or say {Formats}")
	}
	f, err := convert.FormatOf(o.Formats[0])
	if err == nil { // CheckFormats refuses others
		if err = f.CheckName(o.Out); err != nil {
			return bad("Out", err, fault.Hint(err, nil))
		}
	}
	return nil
}

// CheckFormats refuses formats that are unknown or named twice, by an error of
// class ErrInput, and those that cannot hold a disk of sizeBytes by one of convert's.
func (o Output) CheckFormats(sizeBytes int64) error {
	for i, name := range o.Formats {
		if slices.Contains(o.Formats[:i], name) {
			return bad("Formats", fmt.Errorf("%s is named twice", name), "")
		}
		err := convert.Options{Format: name}.Check(sizeBytes)
		var refused *fault.Error
		if errors.As(err, &refused) && errors.Is(err, convert.ErrFormat) {
			return bad("Formats", refused.Err, "such as {Formats} qcow2, given once for each")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// imageFile is where the image of a build's nth format is made, from 0.
func imageFile(n int) string {
	if n == 0 {
		return "image.partial"
	}
	return fmt.Sprintf("image-%d.partial", n+1)
}

// DropImages removes the large files that nobody needs when a build has failed.
func (j *Job) DropImages() {
	all := []string{DiskFile}
	for n := range j.Outputs.Images {
		all = append(all, imageFile(n))
	}
	j.MakeRoom(all...)
}

// Boots is the file that a verification boots, and its format: an image that QEMU
// runs a machine of, else the disk of which the others are made.
func (o *Outputs) Boots() (file, format string) {
	for n, t := range o.Images {
		if t.Format == formatQcow2 || t.Format == formatRaw {
			return imageFile(n), t.Format
		}
	}
	return DiskFile, formatRaw
}

// order are the numbers of the images in the order in which they are made: the
// disk itself becomes the raw image, last.
func (o *Outputs) order() (order []int) {
	last := -1
	for n, t := range o.Images {
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

// Made are the images of a disk of sizeBytes, described by what they have in
// common and what not.
func (o *Outputs) Made(common Image, sizeBytes int64) (all []Made, err error) {
	_, booted := o.Boots()
	for n, t := range o.Images {
		f, err := convert.FormatOf(t.Format)
		if err != nil {
			return nil, err
		}
		m := common
		m.Format, m.Virtual = t.Format, f.Rounded(sizeBytes)
		if m.Tested != nil && t.Format != booted {
			m.TestedAs = booted
		}
		all = append(all, Made{File: imageFile(n), Image: m})
	}
	return all, nil
}
