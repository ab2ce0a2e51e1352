package qemu

// What is wrong with a Config, said before QEMU is started.

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

// Accelerators are those that QEMU has on the systems we run on: of Linux,
// macOS, Windows, and emulation.
var Accelerators = []string{"kvm", "hvf", "whpx", "tcg"}

// loopback is where forwarded ports listen: the host's users only.
const loopback = "127.0.0.1"

// maxHVFCPUs is the limit of the interrupt controller (GICv2) that HVF had for
// years; -smp 9 fails there.
const maxHVFCPUs = 8

// MaxMemoryMiB is the most memory that a machine can have, in MiB: what QEMU's
// q35 and virt address.
const MaxMemoryMiB = 8 << 20

// idPattern is what QEMU takes as an identifier (util/id.c): "hd", "oem.1".
var idPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)

// uuidPattern: "2f1a8c1e-0000-4000-8000-000000000001".
var uuidPattern = regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$`)

// portPattern keeps port names usable as file names in /dev/virtio-ports.
var portPattern = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,60}$`)

// Validate lists everything that is wrong with the configuration, joined: each
// is ErrConfig. Files are not looked at.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	bad := func(format string, v ...any) {
		errs = append(errs, &fault.Error{Class: ErrConfig, Err: fmt.Errorf(format, v...)})
	}
	if c.Arch == "" {
		bad("virtual machine: no architecture")
		return errs[0]
	}
	guest, err := arch.Parse(c.Arch)
	if err != nil {
		bad("virtual machine: %w", err)
		return errs[0]
	}
	accel := accelName(c.Accel)
	if c.CPUs < 1 || c.CPUs > 255 {
		bad("virtual machine: %d processors: from 1 to 255", c.CPUs)
	}
	if accel == "hvf" && guest.Machine == "virt" && c.CPUs > maxHVFCPUs {
		bad("virtual machine: %d processors: hvf has %d at most", c.CPUs, maxHVFCPUs)
	}
	if c.MemoryMiB < 16 || c.MemoryMiB > MaxMemoryMiB {
		bad("virtual machine: %d MiB of memory: from 16 MiB to 8 TiB", c.MemoryMiB)
	}
	if !slices.Contains(Accelerators, accel) {
		bad("virtual machine: accelerator %q: %s", accel, strings.Join(Accelerators, ", "))
	}
	for _, a := range []struct {
		event, action string
		known         []string
	}{
		{"reboot", c.Actions.Reboot, []string{"reset", "shutdown"}},
		{"shutdown", c.Actions.Shutdown, []string{"poweroff", "pause"}},
		{"panic", c.Actions.Panic, []string{"pause", "shutdown", "exit-failure", "none"}},
		{"watchdog", c.Actions.Watchdog, []string{"reset", "shutdown", "poweroff", "inject-nmi", "pause", "debug", "none"}},
	} {
		if !slices.Contains(a.known, a.action) {
			bad("virtual machine: action %s=%s: %s", a.event, a.action, strings.Join(a.known, ", "))
		}
	}
	if c.UUID != "" && !uuidPattern.MatchString(c.UUID) {
		bad("virtual machine: UUID %q: not of the form 8-4-4-4-12 hexadecimal digits", c.UUID)
	}
	c.validateBoot(bad)
	c.validateDrives(bad)
	c.validateLinks(bad)
	return errors.Join(errs...)
}

func (c Config) validateBoot(bad func(string, ...any)) {
	if f := c.Firmware; f != nil {
		if f.Code == "" {
			bad("firmware: no code image")
		}
		if f.Format != "" && f.Format != "raw" && f.Format != "qcow2" {
			bad("firmware %s: format %q: raw or qcow2", f.Code, f.Format)
		}
		if f.SecureBoot && f.Vars == "" {
			bad("firmware %s: Secure Boot needs a variable store: its keys are in there", f.Code)
		}
	}
	if k := c.Kernel; k != nil && k.Image == "" {
		bad("kernel: no image")
	}
	if c.guest().Machine == "virt" && c.Firmware == nil && c.Kernel == nil {
		bad("virtual machine: %s has no BIOS: it needs UEFI firmware or a kernel", c.guest().Name)
	}
}

func (c Config) validateDrives(bad func(string, ...any)) {
	ids, indexes := map[string]bool{}, map[int]string{}
	for _, d := range c.Drives {
		switch {
		case !idPattern.MatchString(d.ID):
			bad("drive %q (%s): an identifier begins with a letter and has letters, digits, '-', '_' and '.'", d.ID, d.Path)
		case ids[d.ID]:
			bad("drive %s: two drives of this name", d.ID)
		}
		ids[d.ID] = true
		if d.Path == "" {
			bad("drive %s: no image file", d.ID)
		}
		if d.Format != "" && d.Format != "raw" && d.Format != "qcow2" {
			bad("drive %s: format %q: raw or qcow2", d.ID, d.Format)
		}
		switch d.Bus {
		case "", VirtioBlk, SCSIDisk, SCSICD, USBStorage:
		default:
			bad("drive %s: bus %q: %s, %s, %s or %s", d.ID, d.Bus, VirtioBlk, SCSIDisk, SCSICD, USBStorage)
		}
		switch d.Cache {
		case "", "writeback", "none", "unsafe", "directsync", "writethrough":
		default:
			bad("drive %s: cache %q: writeback, none, unsafe, directsync or writethrough", d.ID, d.Cache)
		}
		if d.BootIndex < 0 {
			bad("drive %s: boot index %d: 1 is first, 0 none", d.ID, d.BootIndex)
		}
		if other, taken := indexes[d.BootIndex]; taken && d.BootIndex > 0 {
			bad("drive %s: boot index %d is %s's too", d.ID, d.BootIndex, other)
		}
		indexes[d.BootIndex] = d.ID
	}
}

func (c Config) validateLinks(bad func(string, ...any)) {
	names := map[string]bool{}
	for _, p := range c.Ports {
		if !portPattern.MatchString(p.Name) {
			bad("port %q: a name has 1 to 60 letters, digits, '-', '_' and '.'", p.Name)
		}
		if names[p.Name] {
			bad("port %s: two ports of this name", p.Name)
		}
		names[p.Name] = true
	}
	if c.Net == nil {
		return
	}
	for _, f := range c.Net.Forwards {
		if f.HostPort < 0 || f.HostPort > 65535 {
			bad("network: forwarded port %d of the host: from 1 to 65535, or 0 for a free one", f.HostPort)
		}
		if f.GuestPort < 1 || f.GuestPort > 65535 {
			bad("network: forwarded port %d of the guest: from 1 to 65535", f.GuestPort)
		}
	}
}
