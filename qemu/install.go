package qemu

// What to do when QEMU is missing, too old, or lacks something.

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"github.com/imgasm/imgasm/internal/proc"
)

// MissingError says that QEMU is not installed.
type MissingError struct {
	Binary string
	Err    error
}

func (e *MissingError) Error() string {
	switch {
	case !e.named():
		return fmt.Sprintf("%s is not installed", e.Binary)
	case errors.Is(e.Err, fs.ErrNotExist):
		return fmt.Sprintf("there is no program %s", e.Binary)
	}
	return fmt.Sprintf("%s is no program that can be run", e.Binary)
}

// named tells whether somebody gave the path of a program, and meant that one.
func (e *MissingError) named() bool { return strings.ContainsAny(e.Binary, `/\`) }

// Unwrap is the look-up's error.
func (e *MissingError) Unwrap() error { return e.Err }

// Hint is what to do, for this operating system.
func (e *MissingError) Hint() string {
	if e.named() {
		return "give the path of a QEMU system emulator with --qemu; without it, PATH is searched"
	}
	return installHint(runtime.GOOS, e.Binary)
}

// AskError says that a program does not answer as QEMU does.
type AskError struct {
	Path string
	Err  error // what it did instead
}

func (e *AskError) Error() string { return fmt.Sprintf("ask %s what it can do: %v", e.Path, e.Err) }

// Unwrap is the cause.
func (e *AskError) Unwrap() error { return e.Err }

// Hint is what to do: what is known of the cause, or how to look.
func (e *AskError) Hint() string {
	var known *StartError
	if errors.As(e.Err, &known) {
		return known.Hint()
	}
	return "see whether it is QEMU, and whether it runs: " + e.Path + " --version"
}

// packages of QEMU by the way of installing and the emulator; one row a way.
var packages = []struct {
	goos, command string
	names         map[string]string // by executable; "" is for every other
}{
	{"linux", "apt-get install %s   # Debian, Ubuntu", map[string]string{
		"qemu-system-x86_64": "qemu-system-x86 ovmf", "qemu-system-aarch64": "qemu-system-arm qemu-efi-aarch64", "": "qemu-system"}},
	{"linux", "dnf install %s   # Fedora", map[string]string{
		"qemu-system-x86_64": "qemu-system-x86-core edk2-ovmf", "qemu-system-aarch64": "qemu-system-aarch64-core edk2-aarch64", "": "qemu"}},
	{"linux", "dnf install %s   # AlmaLinux, RHEL: /usr/libexec/qemu-kvm, the host's own architecture only", map[string]string{"": "qemu-kvm"}},
	{"darwin", "brew install %s", map[string]string{"": "qemu"}},
	{"windows", "winget install %s", map[string]string{"": "SoftwareFreedomConservancy.QEMU"}},
}

// installHint is one command a line.
func installHint(goos, binary string) string {
	var lines []string
	for _, p := range packages {
		if p.goos != goos {
			continue
		}
		name, ok := p.names[binary]
		if !ok {
			name = p.names[""]
		}
		lines = append(lines, fmt.Sprintf(p.command, name))
	}
	if lines == nil {
		return "install QEMU: https://www.qemu.org/download/"
	}
	return strings.Join(lines, "\n")
}

// Error texts of QEMU that have a known cause; one row each.
var startErrors = []struct {
	text string // what stderr has
	hint string
}{
	// "qemu-system-x86_64: -device i6300esb: 'i6300esb' is not a valid device model name"
	{"is not a valid device model name", "this build of QEMU lacks a device: install the full QEMU, not a cut-down one"},
	// "Could not access KVM kernel module: Permission denied"
	{"Could not access KVM kernel module: Permission denied", "see who may open it: ls -l /dev/kvm; imgasm doctor says what to do; or emulate: --accel tcg"},
	// "qemu-system-x86_64: -hda x: Failed to get \"write\" lock"
	{`Failed to get "write" lock`, "another program has the image open: end it first"},
	// "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory"
	{"cannot set up guest memory", "give the guest less memory (--memory), or free some"},
	// "Could not set up host forwarding rule 'tcp:127.0.0.1:2222-:22'"
	{"Could not set up host forwarding rule", "the forwarded port is taken: choose another"},
	// "-sandbox support is not enabled in this QEMU binary"
	{"-sandbox support is not enabled", "this build of QEMU has no sandbox: leave it off"},
}

// StartError is QEMU that ended instead of running, for a reason that is known.
type StartError struct {
	Err  *proc.Error
	hint string
}

func (e *StartError) Error() string { return e.Err.Error() }

// Unwrap is the *proc.Error.
func (e *StartError) Unwrap() error { return e.Err }

// Hint is what to do.
func (e *StartError) Hint() string { return e.hint }

// explain adds a hint where the cause is known.
func explain(err error) error {
	var pe *proc.Error
	if !errors.As(err, &pe) {
		return err
	}
	for _, row := range startErrors {
		if strings.Contains(pe.Stderr, row.text) {
			return &StartError{Err: pe, hint: row.hint}
		}
	}
	return err
}
