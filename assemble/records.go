// Records beside an image: provenance and checksums, where they are wished for.

package assemble

import (
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/assemble/provenance"
)

// provenanceName is the in-toto statement of an image.
func provenanceName(image string) string { return image + ".intoto.json" }

// checksumsName is the file of checksums in an image's folder.
func checksumsName(image string) string { return filepath.Join(filepath.Dir(image), "SHA256SUMS") }

// records are the further files that a Spec asks for.
func (b *build) records(meta *Image) ([]record, error) {
	var all []record
	image := provenance.Artifact{Name: meta.Output.Name, SHA256: meta.Output.SHA256}
	sums := []provenance.Artifact{image}
	if b.Spec.Provenance {
		text, err := provenance.Statement(b.statement(meta, image))
		if err != nil {
			return nil, err
		}
		path := provenanceName(b.Out)
		all = append(all, record{path, text})
		sums = append(sums, provenance.Artifact{Name: filepath.Base(path), SHA256: bytesHash(text)})
	}
	if b.Spec.Checksums {
		text, err := provenance.SHA256SUMS(sums)
		if err != nil {
			return nil, err
		}
		all = append(all, record{checksumsName(b.Out), text})
	}
	return all, nil
}

// statement is what the provenance says. Settings are named, passwords and
// keys are not among them.
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
