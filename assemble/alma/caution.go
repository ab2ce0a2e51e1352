// What a user must not overlook, although a build can go on.

package alma

import (
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
)

// Caution is something that must not be overlooked, although the build goes on.
type Caution struct {
	Text string `json:"text"`
	Do   string `json:"do"`
	// Lasting: it is about the image, and is said once more when that is done.
	Lasting bool `json:"lasting,omitempty"`
}

// crashingKernel is the kernel that an emulator is known to crash at random
// (double faults, killed init): QEMU 7.2's TCG runs 6.1 soundly, and QEMU 10.0's
// runs both. Measured in whole guests on both architectures' hosts of Debian 12.
const crashingKernel = "6.12"

// crashes reports whether a QEMU's emulation is known to crash newer kernels.
func crashes(v qemu.Version) bool { return v.Major == 7 && v.Minor <= 2 }

// emulatorCaution is what to know of an emulator that crashes kernels.
func emulatorCaution(v qemu.Version) Caution {
	return Caution{
		Text: fmt.Sprintf("QEMU %s's emulation is known to crash kernel %s, which AlmaLinux 10 has, at random", v, crashingKernel),
		Do:   "install a newer QEMU (10.0 is sound), or build on a host with hardware virtualization; a build that fails by it may succeed when it is repeated",
	}
}

// knownPasswordsCaution is what to know of an image into which anybody can log in.
func knownPasswordsCaution(accounts []string) Caution {
	return Caution{
		Text:    "anybody can log in to this image: the password of " + strings.Join(accounts, " and ") + " is published",
		Do:      "for anything but a test give --ssh-key FILE, or --root-password and --password",
		Lasting: true,
	}
}

// warn tells the plan's cautions, or those that are still of use at the end.
func (b *build) warn(end bool) {
	for _, c := range b.Cautions {
		if c.Lasting || !end {
			b.emit(event.Event{Kind: event.Warning, Text: c.Text, Hint: c.Do})
		}
	}
}
