package anaconda

import (
	"encoding/json"

	"github.com/imgasm/imgasm/internal/event"
)

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

// phases has, for each phase, its name, what is done in it, its share of an
// installation's wall clock in percent, and the silence in seconds that is
// normal in it with and without hardware virtualization. The shares are those
// of testdata/serial/success-direct scaled to an installation of 400 packages,
// in which packages take seven tenths of what follows the boot. The silences
// are four times the longest ones seen: 241 s and 328 s between stage 2 and the
// installer under a loaded TCG, rd.retry's 180 s in the initramfs.
var phases = [...]struct {
	name, doing string
	weight      float64
	quiet, slow int
}{
	PhaseFirmware:   {"firmware", "starting the firmware", 1, 120, 300},
	PhaseKernel:     {"kernel", "starting the kernel", 1, 120, 600},
	PhaseInitramfs:  {"initramfs", "looking for the kickstart and the installer", 6, 400, 1200},
	PhaseStage2:     {"stage2", "starting the installer's system", 8, 400, 1500},
	PhaseInstaller:  {"installer", "starting the installer", 2, 400, 1200},
	PhaseHub:        {"checks", "checking sources, software and disks", 4, 400, 1200},
	PhaseStorage:    {"storage", "making file systems", 3, 600, 1800},
	PhasePackages:   {"packages", "installing packages", 55, 600, 1800},
	PhaseBootloader: {"bootloader", "installing the boot loader", 3, 600, 1800},
	PhaseConfigure:  {"configure", "configuring the system", 11, 600, 1800},
	PhasePost:       {"post", "running %post", 4, 1800, 3600},
	PhaseComplete:   {"complete", "installation complete", 1, 300, 900},
	PhaseShutdown:   {"shutdown", "shutting down", 1, 300, 900},
}

// String returns the phase's name as reports have it.
func (p Phase) String() string {
	if p < 0 || int(p) >= len(phases) {
		return "unknown"
	}
	return phases[p].name
}

// Doing says what a guest does in the phase: "installing packages".
func (p Phase) Doing() string {
	if p < 0 || int(p) >= len(phases) {
		return "unknown"
	}
	return phases[p].doing
}

// MarshalJSON writes the phase's name.
func (p Phase) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// announce tells that a phase has begun.
func (m *Machine) announce() {
	m.progress.update(m.phase)
	m.event(event.Event{Kind: event.Phase, Text: m.phase.Doing(), Fraction: m.progress.fraction})
}
