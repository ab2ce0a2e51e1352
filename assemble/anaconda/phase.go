package anaconda

import "encoding/json"

// Phase is how far an installation has come. The order of the constants is the
// order in which a guest goes through them.
type Phase int

// The phases.
const (
	PhaseFirmware  Phase = iota // QEMU has started; firmware and boot loader
	PhaseKernel                 // the kernel runs
	PhaseInitramfs              // dracut: looks for the kickstart and for stage 2
	PhaseStage2                 // systemd of the installer's own system
	PhaseInstaller              // Anaconda runs: reads the kickstart, runs %pre
	PhaseHub                    // Anaconda checks sources, software and disks
	PhaseStorage                // partitions and file systems
	PhasePackages               // downloads and installs packages
	PhaseBootloader
	PhaseConfigure // users, network, certificates, initramfs
	PhasePost      // %post
	PhaseComplete  // Anaconda says that it is done
	PhaseShutdown  // the guest goes down
)

// phases has, for each phase, its name and the share of an installation's wall
// clock that it takes, in percent.
var phases = [...]struct {
	name   string
	weight float64
}{
	PhaseFirmware:   {"firmware", 1},
	PhaseKernel:     {"kernel", 1},
	PhaseInitramfs:  {"initramfs", 6},
	PhaseStage2:     {"stage2", 8},
	PhaseInstaller:  {"installer", 2},
	PhaseHub:        {"checks", 4},
	PhaseStorage:    {"storage", 3},
	PhasePackages:   {"packages", 55},
	PhaseBootloader: {"bootloader", 3},
	PhaseConfigure:  {"configure", 11},
	PhasePost:       {"post", 4},
	PhaseComplete:   {"complete", 1},
	PhaseShutdown:   {"shutdown", 1},
}

// String returns the phase's name as reports have it.
func (p Phase) String() string {
	if p < 0 || int(p) >= len(phases) {
		return "unknown"
	}
	return phases[p].name
}

// MarshalJSON writes the phase's name.
func (p Phase) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }
