// How the kickstart comes to the installer: on a volume, in the initrd, or both.

package assemble

import (
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/kernel"
	"github.com/imgasm/imgasm/internal/tree"
)

// The values of Spec.Deliver.
const (
	deliverOEMDRV = "oemdrv" // a volume with that label, attached as a disk
	deliverInitrd = "initrd" // an archive appended to the installer's initrd
	deliverBoth   = "both"
)

var deliveries = []string{deliverOEMDRV, deliverInitrd, deliverBoth}

// onVolume and inInitrd are where the kickstart is.
func (s *Spec) onVolume() bool { return s.Deliver != deliverInitrd }
func (s *Spec) inInitrd() bool { return s.Deliver == deliverInitrd || s.Deliver == deliverBoth }

// kickstartArgument is the inst.ks= of a way of delivery. Dracut heeds the
// last inst.ks= only and looks nowhere else, so where both are there one must
// be named: the initrd's, which is read before there is any device to wait
// for. See docs/adr/0013-kickstart-delivery.md.
func (s *Spec) kickstartArgument() string {
	if s.inInitrd() {
		return "inst.ks=file:/" + iso.KickstartName
	}
	return "inst.ks=hd:LABEL=" + iso.OEMDRVLabel + ":/" + iso.KickstartName
}

// initrd is the installer's initrd as the guest gets it.
func (p *Plan) initrd(from tree.File) (tree.File, error) {
	if !p.Spec.inInitrd() {
		return from, nil
	}
	ks := tree.Bytes(iso.KickstartName, p.Kickstart.Guest)
	ks.Mode = 0o600
	return kernel.WithFiles(from, []tree.File{ks}, p.Time)
}
