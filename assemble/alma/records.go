// Records beside an image: provenance and checksums, where they are wished for.

package alma

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble/provenance"
	whole "github.com/imgasm/imgasm/internal/publish"
)

// provenanceName is the in-toto statement of an image.
func provenanceName(image string) string { return image + ".intoto.json" }

// checksumsName is the file of checksums in an image's folder.
func checksumsName(image string) string { return filepath.Join(filepath.Dir(image), "SHA256SUMS") }

// provenance are the records that say where an image came from.
func (b *build) provenance(meta *Image) ([]whole.Output, error) {
	var all []whole.Output
	image := provenance.Artifact{Name: meta.Output.Name, SHA256: meta.Output.SHA256}
	sums := []provenance.Artifact{image}
	if b.Spec.Provenance {
		text, err := provenance.Statement(b.statement(meta, image))
		if err != nil {
			return nil, err
		}
		record := b.said(provenanceName(b.Out), text)
		all = append(all, record)
		sums = append(sums, provenance.Artifact{Name: filepath.Base(record.To), SHA256: bytesHash(record.Text)})
	}
	if b.Spec.Checksums {
		path := checksumsName(b.Out)
		old, err := readRecord(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		text, err := provenance.AddSHA256SUMS(old, sums)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, whole.Output{To: path, Text: text})
	}
	return all, nil
}

// statement is what the provenance says. It is hidden as every record is: see said.
func (b *build) statement(meta *Image, image provenance.Artifact) provenance.Build {
	p := provenance.Build{
		Subjects: []provenance.Artifact{image},
		Parameters: map[string]any{
			"arch": b.Arch.Name, "version": b.Spec.Version, "boot": b.Spec.Boot, "deliver": b.Spec.Deliver, "format": b.Spec.Format,
			"diskSize": b.Spec.DiskSize, "secureBoot": b.Spec.SecureBoot, "kernelArgs": b.Spec.KernelArgs, "rehearsal": meta.Rehearsal,
		},
		Internal: map[string]any{
			"accelerator": b.Accel.Accel, "cpu": b.Accel.CPU, "cpus": b.Spec.CPUs, "memoryMiB": b.Spec.MemoryMiB,
			"installerArgs": b.Arguments, "mediaTime": b.Time, "bootTest": meta.Tested,
		},
		Versions: map[string]string{"imgasm": b.Host.Version, "qemu": b.QEMU.Version.String()},
	}
	for _, in := range meta.Inputs {
		p.Inputs = append(p.Inputs, provenance.Artifact{Name: in.Name, SHA256: in.SHA256, URI: in.URL, Annotations: map[string]string{"role": in.Role}})
	}
	if !b.Dated {
		p.Started, p.Finished = b.started.UTC().Truncate(time.Second), b.Host.Now().UTC().Truncate(time.Second)
	}
	return p
}
