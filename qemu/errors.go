package qemu

// What goes wrong, and what to do when QEMU is missing or does not start.

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
)

// The classes of errors, for errors.Is.
var (
	// ErrConfig: the Config describes no machine that there can be.
	ErrConfig = fault.Class(fault.Input, "impossible virtual machine")
	// ErrMissing: there is no such executable.
	ErrMissing = fault.Class(fault.Host, "QEMU is not installed")
	// ErrNoAnswer: a program does not answer as QEMU does.
	ErrNoAnswer = fault.Class(fault.Host, "does not answer as QEMU does")
	// ErrOld: QEMU is older than MinVersion.
	ErrOld = fault.Class(fault.Host, "QEMU is too old")
	// ErrLack: this build of QEMU lacks what the machine needs.
	ErrLack = fault.Class(fault.Host, "QEMU lacks a device")
	// ErrStart: QEMU ended, or did not connect, instead of running. The text has its own words.
	ErrStart = fault.Class(fault.Host, "QEMU did not start")
)

// lookUpError says in few words what the look-up of an executable gave.
type lookUpError struct {
	text string
	err  error
}

func (e *lookUpError) Error() string { return e.text }
func (e *lookUpError) Unwrap() error { return e.err }

// missing is an executable that was looked for and not found, because of err.
func missing(binary string, err error) error {
	text, do := binary+" is not installed", installHint(runtime.GOOS, binary)
	if strings.ContainsAny(binary, `/\`) { // a certain program was meant
		text, do = binary+" cannot be executed", "give the path of a QEMU system emulator: {Binary}; without it, PATH is searched"
		if errors.Is(err, fs.ErrNotExist) {
			text = "there is no program " + binary
		}
	}
	return &fault.Error{Class: ErrMissing, Err: &lookUpError{text, err}, Do: do}
}

// noAnswer is a program that did err instead of answering.
func noAnswer(path string, err error) error {
	e := &fault.Error{Class: ErrNoAnswer, Err: fmt.Errorf("ask %s what it can do: %w", path, err)}
	if fault.Hint(err, nil) == "" {
		e.Do = "see whether it is QEMU, and whether it runs: " + path + " --version"
	}
	return e
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
	{"Could not access KVM kernel module: Permission denied", "see who may open it: ls -l /dev/kvm; imgasm doctor says what to do; or emulate: {Accel} tcg"},
	// "Failed to get \"write\" lock; Is another process using the image [x]?", and of a backing file "shared \"write\""
	{"Is another process using the image", "another program has the image open: end it first"},
	// "qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory"
	{"cannot set up guest memory", "give the guest less memory ({MemoryMiB}), or free some"},
	// "Could not set up host forwarding rule 'tcp:127.0.0.1:2222-:22'"
	{"Could not set up host forwarding rule", "the forwarded port is taken: choose another"},
	// "-sandbox support is not enabled in this QEMU binary"
	{"-sandbox support is not enabled", "this build of QEMU has no sandbox: leave it out"},
}

// notStarted adds a class to the reason why QEMU does not run, and a hint where
// the cause is known.
func notStarted(err *proc.Error) error {
	e := &fault.Error{Class: ErrStart, Err: err}
	for _, row := range startErrors {
		if strings.Contains(err.Stderr, row.text) {
			e.Do = row.hint
			break
		}
	}
	return e
}
