// gce: disk.raw in a tar.gz, of which Google Compute Engine makes an image. The
// archive is in GNU's old form, has no other member, and the disk is a whole
// number of GiB. (Google's "Requirements for the image file" of manual imports.)

package convert

import (
	"archive/tar"
	"bufio"
	"context"

	"github.com/imgasm/imgasm/assemble/qcow2"
)

func writeGCE(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	header, err := tarHeader(tar.Header{Name: "disk.raw", Size: src.Size(), Mode: 0o644, Format: tar.FormatGNU}, memberTime(o))
	if err != nil {
		return err
	}
	return dst.stream(func(w *bufio.Writer) error {
		z, err := newMember(w)
		if err != nil {
			return err
		}
		if err := z.text(header); err != nil {
			return err
		}
		if err := z.disk(ctx, src, o); err != nil { // whole sectors: no padding
			return err
		}
		if err := z.text(zeroBlock[:2*sector]); err != nil {
			return err
		}
		return z.close()
	})
}
