// What this host can do, each thing with what to do about it.

package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/accel"
)

// Health is the state of one thing that builds need.
type Health string

// The states. Only Missing keeps a build from running.
const (
	Good    Health = "ok"
	Poor    Health = "poor"    // works, but slowly or in part
	Missing Health = "missing" // builds for this architecture cannot run
	Unused  Health = "unused"  // not there, and something else does its work
)

// Check is one thing that was looked at.
type Check struct {
	Name   string `json:"name"`           // "qemu", "accelerator kvm", "firmware", …
	Arch   string `json:"arch,omitempty"` // "": both
	Health Health `json:"health"`
	Text   string `json:"text"` // what was found
	// Bytes are free on the disk, or the memory; of the checks disk, cache and memory.
	Bytes int64  `json:"bytes,omitempty"`
	Do    string `json:"do,omitempty"` // what to do
}

// Checkup is what `imgasm doctor` found.
type Checkup struct {
	Checks []Check `json:"checks"`
	// Ready lists the architectures that can be built for.
	Ready []string `json:"ready"`
}

// leastMemory is what an installation of AlmaLinux needs, in MiB, with the host's own work.
const leastMemory = 4096

// Diagnose looks at everything that a build in dir needs.
func Diagnose(ctx context.Context, h Host, dir string) Checkup {
	var c Checkup
	host := c.host(h, dir)
	for _, a := range arch.All() {
		if c.forArch(ctx, h, a, accel.Want{Arch: a.Name, Binary: a.QEMU, Memory: h.Memory(), Renew: true}) && host {
			c.Ready = append(c.Ready, a.Name)
		}
	}
	c.nix(ctx)
	return c
}

// Build is what Suits asks about.
type Build struct {
	Arch      string // of the guest; "": this host's
	QEMU      string // the path of QEMU; "": found
	Accel     string // that must work; "", "auto": any
	FreeBytes int64  // that dir must have
	Machine   bool   // it starts virtual machines
}

// Suits looks at what one build needs of this host, which is to be done below dir. It
// is Diagnose for that alone, and believes what is remembered of accelerators. The
// build cannot run if a check is Missing. The error is about the architecture.
func Suits(ctx context.Context, h Host, dir string, b Build) (c Checkup, err error) {
	a := arch.Host()
	if b.Arch != "" {
		if a, err = arch.Parse(b.Arch); err != nil {
			return c, err
		}
	}
	ready := true
	if free, err := h.Free(dir); err == nil && free < b.FreeBytes {
		c.add("disk", "", Missing, fmt.Sprintf("%s free in %s, and %s are needed", size.Text(free), dir, size.Text(b.FreeBytes)), "free some space there: imgasm cache list shows what imgasm keeps")
		ready = false
	}
	if b.Machine {
		ready = c.forArch(ctx, h, a, accel.Want{Arch: a.Name, Accel: b.Accel, Binary: cmp.Or(b.QEMU, a.QEMU), Memory: h.Memory()}) && ready
	}
	if ready {
		c.Ready = []string{a.Name}
	}
	return c, nil
}

func (c *Checkup) add(name string, a string, health Health, text, do string) {
	c.Checks = append(c.Checks, Check{Name: name, Arch: a, Health: health, Text: text, Do: do})
}

// measured says how many bytes the last check found.
func (c *Checkup) measured(bytes int64) { c.Checks[len(c.Checks)-1].Bytes = bytes }

// host checks what does not depend on the architecture.
func (c *Checkup) host(h Host, dir string) bool {
	ok := true
	free, err := h.Free(dir)
	if err != nil {
		c.add("disk", "", Poor, "free space of "+dir+" cannot be told: "+err.Error(), "")
	} else if free < 1<<30 {
		c.add("disk", "", Missing, size.Text(free)+" free in "+dir, "free some space: an installed system needs about 3 GiB")
		ok = false
	} else if free < 12<<30 {
		c.add("disk", "", Poor, size.Text(free)+" free in "+dir, "enough for a boot ISO and a small image; a DVD ISO alone takes 10 GiB")
	} else {
		c.add("disk", "", Good, size.Text(free)+" free in "+dir, "")
	}
	c.measured(free)
	if err := Writable(dir); err != nil {
		c.add("folder", "", Poor, dir+" cannot be written to: "+err.Error(), "write images elsewhere: {Out}")
	}
	if total := MemoryMiB(); total > 0 {
		health, do := Good, ""
		if total < leastMemory {
			health, do = Poor, "AlmaLinux's installer needs 3 GiB (x86_64) or 4 GiB (aarch64) for the guest alone; close something, or give {MemoryMiB}"
		}
		c.add("memory", "", health, fmt.Sprintf("%.1f GiB, %d processors", float64(total)/1024, h.CPUs), do)
		c.measured(int64(total) << 20)
	}
	cache := h.CacheDir
	if err := os.MkdirAll(cache, 0o755); err != nil {
		c.add("cache", "", Poor, err.Error(), "name another folder in the variable IMGASM_CACHE")
	} else if free, err := h.Free(cache); err == nil {
		c.add("cache", "", Good, fmt.Sprintf("%s (%s free)", cache, size.Text(free)), "")
		c.measured(free)
	}
	return ok
}

// forArch checks QEMU, its accelerators and the firmware for one architecture.
func (c *Checkup) forArch(ctx context.Context, h Host, a arch.Arch, want accel.Want) bool {
	info, err := qemu.Inspect(ctx, want.Binary)
	if err != nil {
		c.add("qemu", a.Name, Missing, err.Error(), fault.Hint(err, nil))
		return false
	}
	text := fmt.Sprintf("%s %s", info.Path, info.Version)
	if h.OS == "linux" && !info.Sandbox {
		text += ", without seccomp sandbox"
	}
	c.add("qemu", a.Name, Good, text, "")
	want.Binary = info.Path
	accelerated := c.accelerators(ctx, a, info, want)
	return c.firmware(ctx, h, a, info) && accelerated
}

func (c *Checkup) accelerators(ctx context.Context, a arch.Arch, info *qemu.Info, want accel.Want) bool {
	choice, err := accel.Choose(ctx, want)
	if err != nil {
		c.add("accelerator", a.Name, Missing, err.Error(), fault.Hint(err, nil))
		return false
	}
	for _, p := range choice.Tried {
		health := Good
		switch {
		case p.Verdict != accel.Works:
			health = Unused
		case p.Accel == "tcg":
			health = Poor
		}
		text, do := p.Reason, p.Hint
		if p.Accel == "tcg" && p.Verdict == accel.Works && Crashes(info.Version) {
			caution, advice := EmulatorCaution(info.Version)
			text, do = text+"; "+caution, advice
		}
		if p.Accel == choice.Accel || strings.HasPrefix(choice.Accel, p.Accel+",") {
			text += " (this one is used)"
		}
		c.add("accelerator "+p.Accel, a.Name, health, text, do)
	}
	return true
}

func (c *Checkup) firmware(ctx context.Context, h Host, a arch.Arch, info *qemu.Info) bool {
	query := firmware.Query{Arch: a.Name, Getenv: h.Getenv, Binary: info.Path, Trees: h.FirmwareTrees()}
	pair, err := firmware.Find(ctx, query)
	if err != nil {
		text := err.Error()
		if errors.Is(err, firmware.ErrNotFound) {
			_, looked := firmware.List(ctx, query)
			text = fmt.Sprintf("no UEFI firmware in any of %d places", len(looked))
		}
		c.add("firmware", a.Name, Missing, text, fault.Hint(err, nil))
		return false
	}
	c.add("firmware", a.Name, Good, fmt.Sprintf("%s (%s)", pair.Code.Path, filepath.Base(pair.Source)), "")
	query.SecureBoot = true
	if pair, err := firmware.Find(ctx, query); err != nil {
		c.add("secure boot", a.Name, Unused, "no firmware with Secure Boot keys: --secure-boot is not possible", fault.Hint(err, nil))
	} else {
		c.add("secure boot", a.Name, Good, pair.Code.Path, "")
	}
	return true
}
