// Package guest runs the virtual machines of a build: what this host has for them
// is found before, a machine is started with firmware of its own, and of one that
// failed everything is kept that may tell why. Every kind of build has its image
// verified here.
package guest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// Classes of errors. Those of a guest that failed or took too long are watch's
// and verify's.
var (
	// ErrHost is something that this host lacks.
	ErrHost = fault.Class(fault.Host, "this host lacks something")
	// ErrNoConsole is an output for which no guest is held.
	ErrNoConsole = fault.Class(fault.Input, "no imgasm holds a guest for this output")
)

// bad is an error about a field of a Spec.
func bad(field string, err error, do string) error {
	return &fault.Error{Class: assemble.ErrInput, Field: field, Err: err, Do: do}
}

func lacking(err error, do string) error {
	return &fault.Error{Class: ErrHost, Err: err, Do: do}
}

// Spec is what the user asked for of the virtual machines. It is a part of what
// is asked for of a build; the zero value works.
type Spec struct {
	MemoryMiB  int    `json:"memoryMiB,omitempty"`  // 0: what the system needs
	CPUs       int    `json:"cpus,omitempty"`       // 0: the host's, at most 4
	Accel      string `json:"accel,omitempty"`      // "auto", "kvm", "hvf", "whpx", "tcg"; "": auto
	CPU        string `json:"cpu,omitempty"`        // QEMU's -cpu; "": by accelerator and architecture
	QEMU       string `json:"qemu,omitempty"`       // path of the emulator; "": found in PATH
	Firmware   string `json:"firmware,omitempty"`   // "auto", "bios", "uefi" or "CODE[:VARS]"; "": auto
	SecureBoot bool   `json:"secureBoot,omitempty"` // enforce Secure Boot
}

const bios = "bios"

// Complete is s with its defaults filled in, if nothing is wrong with it for
// machines of an architecture ("x86_64", "aarch64") that needs no look at the host.
// Errors are of class assemble.ErrInput.
func (s Spec) Complete(archName string) (Spec, error) {
	a, err := arch.Parse(archName)
	if err != nil {
		return s, bad("Arch", err, "")
	}
	s.Firmware = cmp.Or(s.Firmware, "auto")
	if s.Accel == "" {
		s.Accel = accel.Auto
	}
	accels := append([]string{accel.Auto}, qemu.Accelerators...)
	switch {
	case !slices.Contains(accels, s.Accel):
		return s, bad("Accel", fmt.Errorf("%q is not one of %s", s.Accel, strings.Join(accels, ", ")), "give one of them, such as {Accel} "+accel.Auto)
	case s.MemoryMiB < 0 || s.MemoryMiB > 0 && s.MemoryMiB < 256:
		return s, bad("MemoryMiB", fmt.Errorf("%d MiB is too little for a system", s.MemoryMiB), "such as {MemoryMiB} 4G")
	case s.MemoryMiB > qemu.MaxMemoryMiB:
		return s, bad("MemoryMiB", fmt.Errorf("%d GiB is more than a virtual machine can have", s.MemoryMiB>>10), "such as {MemoryMiB} 4G")
	case s.CPUs < 0 || s.CPUs > 255:
		return s, bad("CPUs", fmt.Errorf("%d: give 1 to 255", s.CPUs), "")
	case s.SecureBoot && s.Firmware == bios:
		return s, bad("SecureBoot", errors.New("a BIOS knows no Secure Boot"), "leave out {Firmware} bios")
	case s.Firmware == bios && !a.BIOS:
		return s, bad("Firmware", fmt.Errorf("%s has no BIOS", a.Name), "")
	}
	return s, nil
}

// CheckFiles looks whether the files are there that s names. Errors are of class
// assemble.ErrInput.
func (s Spec) CheckFiles() error {
	if slices.Contains([]string{"", "auto", "uefi", bios}, s.Firmware) {
		return nil
	}
	code, vars := firmware.SplitNames(s.Firmware)
	for _, name := range []string{code, vars} {
		if _, err := os.Stat(name); name != "" && err != nil {
			return bad("Firmware", err, "imgasm firmware list shows what this host has")
		}
	}
	return nil
}

// Runner is what this host runs the guests of a build on.
type Runner struct {
	Spec     Spec // with the machine's sizes and QEMU's path filled in
	QEMU     *qemu.Info
	Accel    accel.Choice
	Firmware *firmware.Pair // nil: BIOS
	// Hold: a guest that failed is held until the context ends, and Dial reaches
	// its console.
	Hold bool

	arch arch.Arch
	host host.Host
	base qemu.Config
}

// Want says what guests need.
type Want struct {
	Arch      string // "x86_64", "aarch64"
	X86Level  int    // of the x86-64 processor: 1 to 4; 0: any
	MemoryMiB int    // where the Spec does not say
}

// Find finds QEMU, its accelerator and the firmware on host h, for a Spec that is
// complete.
//
// Errors: of class assemble.ErrInput, and those of machine.Find.
func Find(ctx context.Context, h host.Host, s Spec, w Want) (r Runner, err error) {
	r.host = h
	if r.arch, err = arch.Parse(w.Arch); err != nil {
		return r, bad("Arch", err, "")
	}
	m, err := machine.Find(ctx, h, machine.Wish{Accel: s.Accel, CPU: s.CPU, QEMU: s.QEMU, Firmware: s.Firmware, CPUs: s.CPUs, MemoryMiB: s.MemoryMiB},
		machine.Want{Arch: w.Arch, X86Level: w.X86Level, MemoryMiB: w.MemoryMiB, UEFI: true, SecureBoot: s.SecureBoot})
	if err != nil {
		return r, err
	}
	s.QEMU, s.CPUs, s.MemoryMiB = m.QEMU.Path, m.Config.CPUs, m.Config.MemoryMiB
	r.Spec, r.QEMU, r.Accel, r.Firmware, r.base = s, m.QEMU, m.Accel, m.Firmware, m.Config
	return r, nil
}

// BootMode is the kind of firmware that the guests have: "uefi" or "bios".
func (r *Runner) BootMode() string {
	if r.Firmware == nil {
		return bios
	}
	return "uefi"
}

// Config is what all machines of a build of out have in common.
func (r *Runner) Config(out, uuid string) qemu.Config {
	c := r.base
	c.Name, c.UUID = "imgasm "+filepath.Base(out), uuid
	return c
}

// PrivateFirmware is a machine's own firmware in a folder, which Start makes;
// nil for a BIOS.
func (r *Runner) PrivateFirmware(dir string) *qemu.Firmware {
	if r.Firmware == nil {
		return nil
	}
	return &qemu.Firmware{
		Code: r.Firmware.Code.Path, Vars: filepath.Join(dir, "vars.fd"),
		Format: "raw", SecureBoot: r.Firmware.SMM,
	}
}

// Start starts a machine, and makes its private firmware. It waits for its Cont.
func (r *Runner) Start(ctx context.Context, j *assemble.Job, m qemu.Config) (*qemu.VM, error) {
	if m.Firmware != nil {
		private, err := r.makeFirmware(j, *m.Firmware)
		if err != nil {
			return nil, err
		}
		m.Firmware = &private
	}
	vm, err := qemu.Start(ctx, m, qemu.Options{})
	if err == nil || errors.Is(err, qemu.ErrMissing) {
		return vm, err
	}
	do := cmp.Or(assemble.Hint(err), "imgasm doctor shows what this host can run")
	return nil, lacking(fmt.Errorf("start QEMU: %w", err), do)
}

// makeFirmware makes a machine's private firmware, beside its variables.
func (r *Runner) makeFirmware(j *assemble.Job, f qemu.Firmware) (qemu.Firmware, error) {
	dir := filepath.Dir(f.Vars)
	if err := j.Folder.MkdirAll(filepath.Base(dir), 0o700); err != nil {
		return f, err
	}
	private, err := machine.PrivateFirmware(r.Firmware, dir)
	if err != nil {
		return f, err
	}
	return *private, nil
}
