// This file decides what this host runs an image with, and starts it.

package machine

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// Wish is what the user wants of a machine. The zero value wants nothing.
type Wish struct {
	Accel     string // "auto", "kvm", "hvf", "whpx", "tcg"; "": auto
	CPU       string // QEMU's -cpu; "": by accelerator and architecture
	QEMU      string // path of the emulator; "": found in PATH
	Firmware  string // "auto", "bios", "uefi" or "CODE[:VARS]"; "": what the image needs
	CPUs      int    // 0: the host's, at most 4
	MemoryMiB int    // 0: 2048
}

// Machine is a machine for an image, resolved on a host.
type Machine struct {
	// Config is the machine without name, drives, network and ports, which are its
	// user's matter.
	Config   qemu.Config
	Firmware *firmware.Pair // nil: a BIOS
	Accel    accel.Choice
	QEMU     *qemu.Info
	Notes    []string // what this QEMU lacks; Resolve's
}

// Want is what a machine has to be.
type Want struct {
	Arch       string // "x86_64", "aarch64"
	X86Level   int    // of the x86-64 processor: 1 to 4; 0: any
	MemoryMiB  int    // where the wish does not say; 0: 2048
	UEFI       bool   // where the wish does not say
	SecureBoot bool
	// Memory is the folder that has what was found out about QEMU and its
	// accelerators before; "": it is found out anew.
	Memory string
}

// ErrWish is a machine that cannot be.
var ErrWish = fault.Class(fault.Input, "no such machine")

// Find finds QEMU, its accelerator and the firmware on host h. Nothing is written.
//
// Errors: ErrWish; those of packages qemu, accel and firmware.
func Find(ctx context.Context, h host.Host, w Wish, want Want) (*Machine, error) {
	a, err := arch.Parse(want.Arch)
	if err != nil {
		return nil, &fault.Error{Class: ErrWish, Field: "Arch", Err: err}
	}
	m := &Machine{}
	if m.QEMU, err = qemu.Recall(ctx, cmp.Or(w.QEMU, a.QEMU), want.Memory); err != nil {
		return nil, err
	}
	m.Accel, err = accel.Choose(ctx, accel.Want{Accel: w.Accel, Arch: a.Name, Binary: m.QEMU.Path, Version: m.QEMU.Version, X86Level: want.X86Level, Memory: want.Memory})
	if err != nil {
		return nil, err
	}
	m.Accel.CPU = cmp.Or(w.CPU, m.Accel.CPU)
	m.Config = qemu.Config{
		Arch: a.Name, Binary: m.QEMU.Path, Accel: m.Accel.Accel, CPU: m.Accel.CPU, CPUs: w.CPUs, MemoryMiB: cmp.Or(w.MemoryMiB, want.MemoryMiB),
		RNG: true, PVPanic: true, Sandbox: h.OS == "linux", // Fit of qemu.Info takes back what the build has not
	}
	serial := m.Accel.Emulated() && m.QEMU.Version.Major < a.SerialBefore // all processors in one thread
	if serial {
		m.Config.Accel += ",thread=single"
	}
	most := m.Accel.MaxCPUs
	if m.Config.CPUs == 0 {
		m.Config.CPUs = max(1, min(h.CPUs, 4))
		if serial {
			m.Config.CPUs = 1 // more would take turns
		}
		if most > 0 {
			m.Config.CPUs = min(m.Config.CPUs, most)
		}
	} else if most > 0 && w.CPUs > most {
		return nil, &fault.Error{Class: ErrWish, Field: "CPUs", Err: fmt.Errorf("%s runs at most %d processors", m.Accel.Accel, most)}
	}
	own := w.Firmware != "" && w.Firmware != "auto"
	if want.UEFI && !own || own && w.Firmware != "bios" {
		query := firmware.Query{Arch: a.Name, SecureBoot: want.SecureBoot, Getenv: h.Getenv, Binary: m.QEMU.Path, Trees: h.FirmwareTrees()}
		if own && w.Firmware != "uefi" {
			query.Explicit = w.Firmware
		}
		m.Firmware, err = firmware.Find(ctx, query)
	}
	return m, err
}

// Resolve finds what runs the image i on host h, by what is remembered of it. The
// errors are Find's.
func Resolve(ctx context.Context, h host.Host, i *Image, w Wish) (*Machine, error) {
	m, err := Find(ctx, h, w, Want{Arch: i.Arch, UEFI: i.UEFI, Memory: h.Memory()})
	if err != nil {
		return nil, err
	}
	m.Config.Name, m.Config.Display = "imgasm "+filepath.Base(i.Path), true
	// A first boot may well restart the machine: shim does with empty variables.
	m.Config.Actions.Reboot = "reset"
	m.Config, m.Notes, err = m.QEMU.Fit(m.Config)
	return m, err
}

// Start starts c, which is m's Config with drives and network. Its private
// firmware goes into dir, which must exist. The guest waits for its Cont.
//
// Errors: those of packages firmware and qemu.
func (m *Machine) Start(ctx context.Context, c qemu.Config, dir string, o qemu.Options) (*qemu.VM, error) {
	if m.Firmware != nil {
		f, err := PrivateFirmware(m.Firmware, dir)
		if err != nil {
			return nil, err
		}
		c.Firmware = f
	}
	return qemu.Start(ctx, c, o)
}

// PrivateFirmware makes a machine's own flash drives of a pair, in dir.
func PrivateFirmware(p *firmware.Pair, dir string) (*qemu.Firmware, error) {
	code, vars, err := firmware.Prepare(p, dir)
	if err != nil {
		return nil, err
	}
	if code.Format != firmware.Raw {
		// Both flash drives have one format in a machine; the variables are raw.
		a, err := arch.Parse(p.Arch)
		if err != nil {
			return nil, err
		}
		if code, err = firmware.CopyRaw(code, filepath.Join(dir, "code.fd"), a.PflashSize); err != nil {
			return nil, err
		}
	}
	return &qemu.Firmware{Code: code.Path, Vars: vars.Path, Format: string(firmware.Raw), SecureBoot: p.SMM}, nil
}
