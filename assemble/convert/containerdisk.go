// containerdisk: an OCI image whose one layer has /disk/disk.qcow2, from which
// KubeVirt starts a machine. (KubeVirt's user guide, "containerDisk"; OCI image
// specification 1.0.) It is an oci-archive, which skopeo and podman take: the
// tar of an image layout.

package convert

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/digest"
)

const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar+gzip" // which go-containerregistry takes for granted
	ociIndex    = "application/vnd.oci.image.index.v1+json"
)

// kubevirtUser is qemu's user and group in KubeVirt's containers.
const kubevirtUser = 107

// Descriptor, manifest and so on of the specification, as far as they are used.
type (
	ociDescriptor struct {
		MediaType string       `json:"mediaType"`
		Digest    string       `json:"digest"`
		Size      int64        `json:"size"`
		Platform  *ociPlatform `json:"platform,omitempty"`
	}
	ociPlatform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	}
	ociImage struct {
		Created time.Time `json:"created"`
		ociPlatform
		Config struct{} `json:"config"`
		RootFS struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	ociList struct { // a manifest or an index
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Config        *ociDescriptor  `json:"config,omitempty"`
		Layers        []ociDescriptor `json:"layers,omitempty"`
		Manifests     []ociDescriptor `json:"manifests,omitempty"`
	}
)

func writeContainerDisk(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	out := newArchive(dst, o)
	layer, content := ociDescriptor{MediaType: ociLayer}, sha256.New()
	header := tar.Header{Mode: 0o644}
	if err := out.add(&header, func(p *part) error {
		packed := &stored{dst: p} // the qcow2 is compressed already
		if err := writeDiskLayer(ctx, &part{file: packed}, src, o); err != nil {
			return err
		}
		if err := packed.close(ctx, content); err != nil {
			return err
		}
		sum, _, err := digest.Reader(ctx, io.NewSectionReader(p, 0, p.size), func(int64) {})
		layer.Digest, layer.Size = "sha256:"+sum, p.size
		header.Name = blobName(sum)
		return err
	}); err != nil {
		return err
	}
	image := ociImage{Created: out.time, ociPlatform: ociPlatform{goarch(o.Arch), "linux"}}
	image.RootFS.Type, image.RootFS.DiffIDs = "layers", []string{"sha256:" + hex.EncodeToString(content.Sum(nil))}
	config, err := out.blob(ociConfig, image)
	if err != nil {
		return err
	}
	manifest, err := out.blob(ociManifest, ociList{SchemaVersion: 2, MediaType: ociManifest, Config: &config, Layers: []ociDescriptor{layer}})
	if err != nil {
		return err
	}
	manifest.Platform = &image.ociPlatform
	index, err := json.Marshal(ociList{SchemaVersion: 2, MediaType: ociIndex, Manifests: []ociDescriptor{manifest}})
	if err != nil {
		return err
	}
	if err := out.text(&tar.Header{Name: "index.json", Mode: 0o644}, index); err != nil {
		return err
	}
	if err := out.text(&tar.Header{Name: "oci-layout", Mode: 0o644}, []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	return out.close()
}

// writeDiskLayer writes the tar that is the image's only layer.
func writeDiskLayer(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	out := newArchive(dst, o)
	if err := out.finish(&tar.Header{Name: "disk/", Typeflag: tar.TypeDir, Mode: 0o755, Uid: kubevirtUser, Gid: kubevirtUser}); err != nil {
		return err
	}
	err := out.add(&tar.Header{Name: "disk/disk.qcow2", Mode: 0o440, Uid: kubevirtUser, Gid: kubevirtUser}, func(p *part) error {
		return writeQcow2(ctx, p, src, o)
	})
	if err != nil {
		return err
	}
	return out.close()
}

// blob adds an object as JSON, under the name of its hash.
func (a *archive) blob(mediaType string, object any) (ociDescriptor, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return ociDescriptor{}, err
	}
	sum := digest.Bytes(text)
	return ociDescriptor{MediaType: mediaType, Digest: "sha256:" + sum, Size: int64(len(text))}, a.text(&tar.Header{Name: blobName(sum), Mode: 0o644}, text)
}

func blobName(sum string) string { return "blobs/sha256/" + sum }
