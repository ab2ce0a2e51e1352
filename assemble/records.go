// The files beside an image: its description, and where they are wished for
// provenance, checksums and a lock.

package assemble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/provenance"
	"github.com/imgasm/imgasm/internal/digest"
	whole "github.com/imgasm/imgasm/internal/publish"
)

// Description is the file that describes an image, beside it.
func Description(image string) string { return image + ".json" }

// provenanceName is the in-toto statement of an image.
func provenanceName(image string) string { return image + ".intoto.json" }

// checksumsName is the file of checksums in an image's folder.
func checksumsName(image string) string { return filepath.Join(filepath.Dir(image), "SHA256SUMS") }

// describe completes the description of an image.
func (j *Job) describe(m Image, out File) *Image {
	m.Schema, m.Output, m.Key, m.Tool, m.Took, m.Created = ImageSchema, out, j.Outputs.Key, j.Version, j.took, j.Date
	if j.Date == nil {
		now := j.Now().UTC().Truncate(time.Second)
		m.Created = &now
		return &m
	}
	m.Took = nil
	if m.Tested != nil {
		tested := *m.Tested
		tested.Seconds = 0
		m.Tested = &tested
	}
	return &m
}

// said is a record as it is written: all of them come by here, and no secret passes.
func (j *Job) said(path string, text []byte) whole.Output {
	return whole.Output{To: path, Text: j.Secrets.JSON(text)}
}

// records are the files beside the images. The folders of those that others
// write as well are locked.
func (j *Job) records(ctx context.Context, described []*Image, p Product) (all []whole.Output, err error) {
	out := j.Outputs.Path
	var images []provenance.Artifact
	for i, meta := range described {
		description, err := json.MarshalIndent(meta, "", "  ")
		if err != nil {
			return nil, err
		}
		all = append(all, j.said(Description(j.Outputs.Images[i].Path), append(description, '\n')))
		images = append(images, provenance.Artifact{Name: meta.Output.Name, SHA256: meta.Output.SHA256})
	}
	sums := slices.Clone(images)
	if j.Outputs.Provenance {
		text, err := provenance.Statement(j.statement(described[0], p, images))
		if err != nil {
			return nil, err
		}
		all = append(all, j.said(provenanceName(out), text))
	}
	bills, err := j.writeBills(ctx, described, p.Disk)
	if err != nil {
		return nil, err
	}
	all = append(all, bills...)
	for _, record := range all[len(described):] { // all but the descriptions
		sums = append(sums, provenance.Artifact{Name: filepath.Base(record.To), SHA256: digest.Bytes(record.Text)})
	}
	if j.Outputs.Checksums {
		text, err := j.Outputs.addSums(sums)
		if err != nil {
			return nil, err
		}
		all = append(all, whole.Output{To: checksumsName(out), Text: text})
	}
	if j.Outputs.Lock {
		text, err := lock.Add(j.Outputs.lockFile, j.Outputs.lockName(), p.Lock)
		if err != nil {
			return nil, err
		}
		all = append(all, j.said(j.Outputs.lockFile, text))
	}
	return all, nil
}

// addSums is the list of checksums beside the image with further ones.
func (o *Outputs) addSums(sums []provenance.Artifact) ([]byte, error) {
	path := checksumsName(o.Path)
	old, err := readRecord(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	text, err := provenance.AddSHA256SUMS(old, sums)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// statement is what the provenance says. It is hidden as every record is: see said.
func (j *Job) statement(meta *Image, p Product, images []provenance.Artifact) provenance.Build {
	internal := map[string]any{"bootTest": meta.Tested}
	maps.Copy(internal, p.Internal)
	if len(j.Defaults) > 0 {
		internal["defaults"] = j.Defaults
	}
	s := provenance.Build{
		Subjects: images, Parameters: p.Parameters, Internal: internal, Versions: p.Versions,
	}
	for _, in := range meta.Inputs {
		s.Inputs = append(s.Inputs, provenance.Artifact{Name: in.Name, SHA256: in.SHA256, URI: in.URL, Annotations: map[string]string{"role": in.Role}})
	}
	if j.Date == nil {
		s.Started, s.Finished = j.Started, j.Now()
	}
	return s
}
