// Package accel finds the accelerator that really runs guests on this host. It
// believes nothing but a probe guest of a few hundred bytes that does what
// every operating system does (paging, exceptions, system calls, a timer
// interrupt, SSE) and says how far it got: /dev/kvm may exist, open and report
// itself enabled, and yet hang every kernel.
package accel

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
)

// Auto asks for the fastest accelerator that works.
const Auto = "auto"

// Verdict is what was found out about an accelerator.
type Verdict string

// The verdicts.
const (
	Works      Verdict = "works"      // the probe guest ran to its end; for tcg: nothing is needed
	Broken     Verdict = "broken"     // there, but the probe guest did not run to its end
	Absent     Verdict = "absent"     // not on this host, or not in this build of QEMU
	Denied     Verdict = "denied"     // there, but we may not use it
	Unsuitable Verdict = "unsuitable" // cannot run this guest: other architecture, too old a processor
)

// Probe is one accelerator that was looked at.
type Probe struct {
	Accel   string  `json:"accel"`
	CPU     string  `json:"cpu,omitempty"` // model with which it was probed
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`            // one line for a person
	Hint    string  `json:"hint,omitempty"`    // what to do, if there is something
	Letters string  `json:"letters,omitempty"` // what the probe guest reported
	Seconds float64 `json:"seconds,omitempty"` // that the guest took; 0: none was run
}

// Want is what is asked of Choose.
type Want struct {
	Accel  string // "auto", "kvm", "hvf", "whpx" or "tcg"; "": auto
	Arch   string // the guest's: "x86_64" or "aarch64"
	Binary string // QEMU's executable; "": qemu-system-ARCH
	// X86Level is the x86-64 level (1 to 4) that the guest needs: AlmaLinux 10
	// needs 3, its x86_64_v2 variant 2. 0: any.
	X86Level int
	// Version is QEMU's, where it is known: an old one emulates old
	// processors only. Zero: not looked at.
	Version qemu.Version
	// Memory is a folder in which verdicts are remembered until QEMU's binary is
	// replaced or the host started again; "": they are not.
	Memory string
	// Renew has what Memory holds found out again.
	Renew bool
	// Limit is the time one probe guest may take; 0: 5 s. In health it takes a
	// tenth of a second, at a load of 10 up to 2 s.
	Limit time.Duration
}

// Choice is the accelerator to use.
type Choice struct {
	Accel   string  `json:"accel"`   // for qemu.Config.Accel, with options: "kvm", "whpx,kernel-irqchip=off"
	CPU     string  `json:"cpu"`     // for qemu.Config.CPU
	MaxCPUs int     `json:"maxCPUs"` // most virtual processors it can run; 0: no limit of its own
	Reason  string  `json:"reason"`  // why this one, in one line
	Tried   []Probe `json:"tried"`   // all that were looked at, the chosen one last
}

// Emulated tells whether the guest runs in software, ten times slower or more:
// limits on its time should be longer.
func (c Choice) Emulated() bool { return c.Accel == "tcg" }

// The classes of errors, for errors.Is.
var (
	// ErrRequest: Want asks for what does not exist.
	ErrRequest = fault.Class(fault.Input, "no such accelerator")
	// ErrUnusable: the accelerator asked for cannot be used here.
	ErrUnusable = fault.Class(fault.Host, "the accelerator cannot be used")
)

// Choose finds the accelerator. With "auto", one that does not work is passed
// over for emulation, which always works; one asked for by name that does not
// work is ErrUnusable, and Choice.Tried says what was found. Other errors:
// ErrRequest, a context that ended, qemu.ErrMissing.
func Choose(ctx context.Context, w Want) (Choice, error) {
	return choose(ctx, w, thisHost())
}

func choose(ctx context.Context, w Want, h host) (Choice, error) {
	w.Accel = cmp.Or(w.Accel, Auto)
	guest, err := arch.Parse(w.Arch)
	if err != nil {
		return Choice{}, &fault.Error{Class: ErrRequest, Field: "Arch", Err: err}
	}
	names := []string{w.Accel}
	if w.Accel == Auto {
		names = append(native(h.goos), "tcg")
	} else if _, ok := rowOf(w.Accel, guest); !ok {
		return Choice{}, unknown(w.Accel, append([]string{Auto}, qemu.Accelerators...))
	}
	var c Choice
	for _, name := range names {
		p, err := examine(ctx, w, guest, h, name)
		if err != nil {
			return Choice{}, err
		}
		c.Tried = append(c.Tried, p)
		if p.Verdict == Works {
			return c.with(p, guest), nil
		}
	}
	return c, unusable(c.Tried[len(c.Tried)-1])
}

func unknown(name string, known []string) error {
	return &fault.Error{Class: ErrRequest, Field: "Accel", Err: fmt.Errorf("there is no %q: %s", name, strings.Join(known, ", "))}
}

func unusable(p Probe) error {
	e := &fault.Error{Class: ErrUnusable, Err: fmt.Errorf("accelerator %s: %s", p.Accel, p.Reason), Do: p.Hint}
	const emulate = "emulate, which needs no device: {Accel} tcg"
	switch {
	case p.Accel == "tcg":
	case p.Hint == "":
		e.Do = emulate
	default:
		e.Do += "\nor " + emulate
	}
	return e
}

// with completes the choice.
func (c Choice) with(p Probe, guest arch.Arch) Choice {
	row, _ := rowOf(p.Accel, guest)
	c.Accel, c.CPU, c.MaxCPUs = row.option, p.CPU, row.maxCPUs
	c.Reason = p.Accel + ": " + p.Reason
	if n := len(c.Tried); n > 1 {
		before := c.Tried[n-2]
		c.Reason = fmt.Sprintf("%s: %s: using %s", before.Accel, before.Reason, p.Accel)
	}
	return c
}
