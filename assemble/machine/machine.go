// This file decides what this host runs an image with, and starts it.

package machine

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
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
	// Config is the machine without the drive of the image, network and ports,
	// which are its user's matter. It has devices that this QEMU has.
	Config   qemu.Config
	Firmware *firmware.Pair // nil: a BIOS
	Accel    accel.Choice
	QEMU     *qemu.Info
	Notes    []string // what this QEMU lacks
}

// Resolve finds what runs the image i on host h. Nothing is written.
//
// Errors: those of packages qemu, accel and firmware.
func Resolve(ctx context.Context, h host.Host, i *Image, w Wish) (*Machine, error) {
	a, err := arch.Parse(i.Arch)
	if err != nil {
		return nil, err
	}
	m := &Machine{}
	if m.QEMU, err = qemu.Recall(ctx, cmp.Or(w.QEMU, a.QEMU), h.Memory()); err != nil {
		return nil, err
	}
	if m.Accel, err = accel.Choose(ctx, accel.Want{Accel: w.Accel, Arch: a.Name, Binary: m.QEMU.Path, Version: m.QEMU.Version, Memory: h.Memory()}); err != nil {
		return nil, err
	}
	c := qemu.Config{
		Arch: a.Name, Binary: m.QEMU.Path, Name: "imgasm " + filepath.Base(i.Path), Accel: m.Accel.Accel, CPU: cmp.Or(w.CPU, m.Accel.CPU),
		CPUs: w.CPUs, MemoryMiB: w.MemoryMiB, RNG: true, PVPanic: true, Display: true, Sandbox: h.OS == "linux",
		// A first boot may well restart the machine: shim does with empty variables.
		Actions: qemu.Actions{Reboot: "reset"},
	}
	serial := m.Accel.Emulated() && m.QEMU.Version.Major < a.SerialBefore // all processors in one thread
	if serial {
		c.Accel += ",thread=single"
	}
	if c.CPUs == 0 {
		if c.CPUs = max(1, min(h.CPUs, 4)); serial {
			c.CPUs = 1 // more would take turns
		}
		if m.Accel.MaxCPUs > 0 {
			c.CPUs = min(c.CPUs, m.Accel.MaxCPUs)
		}
	}
	own := w.Firmware != "" && w.Firmware != "auto"
	if i.UEFI && !own || own && w.Firmware != "bios" {
		query := firmware.Query{Arch: a.Name, Getenv: h.Getenv, Binary: m.QEMU.Path, Trees: h.FirmwareTrees()}
		if own && w.Firmware != "uefi" {
			query.Explicit = w.Firmware
		}
		if m.Firmware, err = firmware.Find(ctx, query); err != nil {
			return nil, err
		}
	}
	m.Config, m.Notes, err = m.QEMU.Fit(c)
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
