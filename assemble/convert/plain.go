// Formats that package qcow2 writes: a qcow2, and the disk's own bytes.

package convert

import (
	"context"
	"os"

	"github.com/imgasm/imgasm/assemble/qcow2"
)

func writeQcow2(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	return qcow2.Write(ctx, dst.whole(), src, qcow2.Options{Compression: o.Compression, ClusterSize: o.ClusterSize, Workers: o.Workers, Progress: o.Progress})
}

func writeRaw(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	return qcow2.WriteRaw(ctx, dst.whole(), src, qcow2.CopyOptions{Workers: o.Workers, Progress: o.Progress})
}

// whole is the file that a part is all of, where it is one of the system: two such
// files may share blocks.
func (p *part) whole() qcow2.Target {
	if f, ok := p.file.(*os.File); ok && p.base == 0 {
		return f
	}
	return p
}
