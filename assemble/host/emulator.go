// What is known of emulators that are not sound.

package host

import (
	"fmt"

	"github.com/imgasm/imgasm/qemu"
)

// crashingKernel is the kernel that an emulator is known to crash at random
// (double faults, killed init): QEMU 7.2's TCG runs 6.1 soundly, and QEMU 10.0's
// runs both. Measured in whole guests on both architectures' hosts of Debian 12.
const crashingKernel = "6.12"

// Crashes reports whether a QEMU's emulation is known to crash newer kernels.
func Crashes(v qemu.Version) bool { return v.Major == 7 && v.Minor <= 2 }

// EmulatorCaution is what to know of an emulator that crashes kernels, and what to do.
func EmulatorCaution(v qemu.Version) (text, do string) {
	return fmt.Sprintf("QEMU %s's emulation is known to crash kernel %s, which AlmaLinux 10 has, at random", v, crashingKernel),
		"install a newer QEMU (10.0 is sound), or build on a host with hardware virtualization; a build that fails by it may succeed when it is repeated"
}
