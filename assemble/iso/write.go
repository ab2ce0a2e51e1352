// This file writes ISO 9660 volumes of any size in one pass: ECMA-119 with
// Rock Ridge names (IEEE P1281 and P1282), which Linux shows exactly as given.
// record.go makes directory records; layout.go decides what lies where.

package iso

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/tree"
)

// sectorSize is ECMA-119's logical sector, and the only block size in use.
const sectorSize = 2048

// systemArea is what stands before the volume descriptors (ECMA-119, 6.2.1).
const systemArea = 16

// trailing is how many empty sectors end a volume: drives and kernels read
// ahead, and this is the 300 KiB that every other writer leaves.
const trailing = 150

// ErrLabel is what a volume label is refused with that ISO 9660 cannot hold.
var ErrLabel = fault.Class(fault.Input, "volume label cannot be written")

// WriteInstallerTree writes an ISO 9660 volume with Rock Ridge names that
// holds files, in one pass and with constant memory for their contents. Every
// date is t, in UTC. Equal input gives equal bytes on every host.
//
// The label is 1 to 32 characters of letters, digits, '-', '_' and '.';
// ECMA-119 allows capitals, digits and '_' only, but installers carry labels
// such as "AlmaLinux-10-1-x86_64-dvd", and blkid shows them as they are.
// Files of 4 GiB and more become several extents (level 3).
func WriteInstallerTree(w io.Writer, label string, files []File, t time.Time) error {
	if err := checkLabel(label); err != nil {
		return err
	}
	root, err := tree.Build(files)
	if err != nil {
		return err
	}
	l, err := newLayout(root, t, true)
	if err != nil {
		return err
	}
	return l.write(w, label)
}

// labelForm is what every system takes as a label.
var labelForm = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,32}$`)

func checkLabel(label string) error {
	if !labelForm.MatchString(label) {
		return fmt.Errorf("%q: must be 1 to 32 letters, digits, '-', '_' and '.': %w", label, ErrLabel)
	}
	return nil
}

// sectors is how many sectors n bytes take.
func sectors(n int64) int64 { return (n + sectorSize - 1) / sectorSize }

// output writes sectors one after the other and knows where it is.
type output struct {
	w   io.Writer
	pos int64
	err error // the first; nothing is written behind it
}

var zeroes [64 * sectorSize]byte

func (o *output) write(p []byte) {
	if o.err == nil {
		_, o.err = o.w.Write(p)
		o.pos += int64(len(p))
	}
}

// zeroTo writes zeroes up to a sector.
func (o *output) zeroTo(sector int64) {
	pos := sector * sectorSize
	if pos < o.pos && o.err == nil {
		o.err = fmt.Errorf("iso 9660 layout: at byte %d, wanted to be at %d", o.pos, pos)
	}
	for o.err == nil && o.pos < pos {
		o.write(zeroes[:min(pos-o.pos, int64(len(zeroes)))])
	}
}

// write emits the volume. Metadata is small and goes through a buffer; file
// contents go to w directly, so that the kernel can copy them.
func (l *layout) write(w io.Writer, label string) error {
	buf := bufio.NewWriterSize(w, 256<<10)
	o := &output{w: buf}
	emit := func(at int64, p []byte) {
		o.zeroTo(at)
		o.write(p)
	}
	emit(systemArea, l.primaryDescriptor(label))
	emit(systemArea+1, terminator())
	emit(l.pathTableL, l.pathTable(binary.LittleEndian))
	emit(l.pathTableM, l.pathTable(binary.BigEndian))
	for _, d := range l.dirs {
		emit(d.extent, l.directory(d))
	}
	emit(l.continuation, l.continued)
	for _, f := range l.files {
		if f.node.SizeBytes == 0 {
			continue
		}
		o.zeroTo(f.extent)
		if err := cmp.Or(o.err, buf.Flush()); err != nil {
			return err
		}
		if err := tree.Copy(w, f.node.File); err != nil {
			return err
		}
		o.pos += f.node.SizeBytes
	}
	o.zeroTo(l.end)
	return cmp.Or(o.err, buf.Flush())
}
