// How the kickstart comes to the installer: on a volume, in the initrd, or both.

package alma

import (
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/media"
	"github.com/imgasm/imgasm/internal/tree"
)

// delivery is Spec.Deliver as package media has it.
func (s *Spec) delivery() media.Deliver { return media.Deliver(s.Deliver) }

// initrd is the installer's initrd as the guest gets it.
func (p *Plan) initrd(from tree.File) (tree.File, error) {
	return p.Spec.delivery().Initrd(from, tree.Bytes(iso.KickstartName, p.Kickstart.Guest), p.Time)
}
