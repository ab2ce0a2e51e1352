package boot

import (
	"time"

	"github.com/imgasm/imgasm/assemble/iso"
)

// Deliver is how a kickstart comes to the installer. The zero value is DeliverOEMDRV.
type Deliver string

// The ways.
const (
	DeliverOEMDRV Deliver = "oemdrv" // on a volume with that label
	DeliverInitrd Deliver = "initrd" // in an archive appended to the installer's initrd
	DeliverBoth   Deliver = "both"
)

// Deliveries lists the ways as users name them.
var Deliveries = []string{string(DeliverOEMDRV), string(DeliverInitrd), string(DeliverBoth)}

// OnVolume tells whether there is an OEMDRV volume.
func (d Deliver) OnVolume() bool { return d != DeliverInitrd }

// InInitrd tells whether the initrd has the kickstart.
func (d Deliver) InInitrd() bool { return d == DeliverInitrd || d == DeliverBoth }

// Argument is the kernel's inst.ks=. Dracut heeds the last one only and looks
// nowhere else, so where both are there one must be named: the initrd's, which
// is read before there is any device to wait for. See
// docs/adr/0013-kickstart-delivery.md.
func (d Deliver) Argument() string {
	if d.InInitrd() {
		return "inst.ks=file:/" + iso.KickstartName
	}
	return "inst.ks=hd:LABEL=" + iso.OEMDRVLabel + ":/" + iso.KickstartName
}

// Initrd is the installer's initrd as the guest gets it, with the kickstart if
// it is delivered so, dated t. It is read when the result is.
func (d Deliver) Initrd(initrd, kickstart iso.File, t time.Time) (iso.File, error) {
	if !d.InInitrd() {
		return initrd, nil
	}
	kickstart.Path, kickstart.Mode = iso.KickstartName, 0o600 // it has passwords
	return WithFiles(initrd, []iso.File{kickstart}, t)
}
