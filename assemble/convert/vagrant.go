// vagrant: a box for the provider libvirt, a tar of a qcow2 and what Vagrant
// wants to know of it. (Vagrant's documentation, "Box File Format", and that of
// vagrant-libvirt.) Boxes may be compressed; what the qcow2 has compressed
// already gets no smaller.

package convert

import (
	"archive/tar"
	"context"
	"encoding/json"

	"github.com/imgasm/imgasm/assemble/qcow2"
)

const vagrantfile = `Vagrant.configure("2") do |config|
  config.vm.provider :libvirt do |libvirt|
    libvirt.driver = "kvm"
  end
end
`

func writeBox(ctx context.Context, dst *part, src qcow2.Source, o Options) error {
	metadata, err := json.Marshal(map[string]any{
		"provider": "libvirt", "format": "qcow2", "architecture": goarch(o.Arch),
		"virtual_size": (src.Size() + gib - 1) / gib,
	})
	if err != nil {
		return err
	}
	out := newArchive(dst, o)
	if err := out.text(&tar.Header{Name: "metadata.json", Mode: 0o644}, append(metadata, '\n')); err != nil {
		return err
	}
	if err := out.text(&tar.Header{Name: "Vagrantfile", Mode: 0o644}, []byte(vagrantfile)); err != nil {
		return err
	}
	if err := out.add(&tar.Header{Name: "box.img", Mode: 0o644}, func(p *part) error { return writeQcow2(ctx, p, src, o) }); err != nil {
		return err
	}
	return out.close()
}
