// Package anaconda reads what a guest that runs Anaconda says, on its serial
// console, on Anaconda's log port, on imgasm's own progress port and through
// QEMU's monitor, and concludes what the installation is doing, that it has
// failed and why, or that it has succeeded.
//
// Machine is pure: no I/O, no clock, no goroutine. Everything that it knows
// came in by Step, so that a recorded console replays to the same verdict.
package anaconda

import "time"

// Config is what a Machine has to know of the build. The zero value is right
// for the console of an unknown guest.
type Config struct {
	// Arch is the guest's architecture, as in internal/arch ("x86_64"). It is
	// only used in hints.
	Arch string
	// Accel is QEMU's accelerator ("kvm", "hvf", "tcg"). With "tcg" silences
	// may be longer. It is also named in hints.
	Accel string
	// Nonce is the word that the progress port's lines must carry. Lines with
	// another one are told but not trusted; so are all if it is empty.
	Nonce string
	// DoneMarker is true when the kickstart's last %post sends "done" on the
	// progress port. Then there is no success without it.
	DoneMarker bool
	// EndsWithReboot is true when the kickstart reboots: QEMU, run with
	// -no-reboot, then ends with guest-reset and not with guest-shutdown.
	EndsWithReboot bool
	// PreScripts is true when the kickstart has %pre sections, which may
	// rewrite it: what the initramfs dislikes in it is then only noted.
	PreScripts bool
	// Stall is the silence after which the installation is given up. 0 means
	// by phase and accelerator; a negative value means never.
	Stall time.Duration
	// ConsoleOnly is true where nothing but a console was recorded: no
	// SHUTDOWN event can be expected, and the console's own words prove success.
	ConsoleOnly bool
}

// Machine follows one installation. The zero value is not usable; see New.
type Machine struct {
	config Config
}

// New returns a machine for a guest that has just been started.
func New(c Config) *Machine { return &Machine{config: c} }

// Step takes one observation and says what follows from it. Inputs come in
// order of time. It may be called after a verdict; a failure that later inputs
// refute is then withdrawn, which matters to a replay only.
func (m *Machine) Step(in Input) Output { return Output{} }

// Report is what the guest told about itself on the progress port.
type Report struct {
	Facts     map[string]string // release, kernel, arch, packages, hostname, …
	Packages  []string          // NEVRAs of the installed system, in the order in which they came
	Logs      map[string][]byte // ends of the installer's /tmp/*.log, by file name, after a failure
	Truncated bool              // more was sent than is kept
}

// Report returns what has been told so far. The caller must not change it.
func (m *Machine) Report() Report { return Report{} }
