// Package accel finds the accelerator that really runs guests on this host. It
// believes nothing but a probe guest of a few hundred bytes that does what
// every operating system does (paging, exceptions, system calls, a timer
// interrupt, SSE) and says how far it got: /dev/kvm may exist, open and report
// itself enabled, and yet hang every kernel.
package accel

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
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
	Accel   string        `json:"accel"`
	CPU     string        `json:"cpu,omitempty"` // model with which it was probed
	Verdict Verdict       `json:"verdict"`
	Reason  string        `json:"reason"`            // one line for a person
	Hint    string        `json:"hint,omitempty"`    // what to do, if there is something
	Letters string        `json:"letters,omitempty"` // what the probe guest reported
	Took    time.Duration `json:"took,omitempty"`    // nanoseconds in JSON; 0: no guest was run
}

// Want is what is asked of Choose.
type Want struct {
	Accel  string    // "auto", "kvm", "hvf", "whpx" or "tcg"; "": auto
	Arch   arch.Arch // the guest's
	Binary string    // QEMU's executable; "": Arch.QEMU
	// X86Level is the x86-64 level (1 to 4) that the guest needs: AlmaLinux 10
	// needs 3, its x86_64_v2 variant 2. 0: any.
	X86Level int
	// Version is QEMU's, where it is known: an old one emulates old
	// processors only. Zero: not looked at.
	Version qemu.Version
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

// UnusableError says that the accelerator asked for cannot be used.
type UnusableError struct{ Probe Probe }

func (e *UnusableError) Error() string {
	return fmt.Sprintf("accelerator %s: %s", e.Probe.Accel, e.Probe.Reason)
}

// Hint is what to do.
func (e *UnusableError) Hint() string {
	if e.Probe.Hint != "" {
		return e.Probe.Hint
	}
	return "leave the accelerator to imgasm (--accel auto), or emulate: --accel tcg"
}

// Choose finds the accelerator. With "auto", one that does not work is passed
// over for emulation, which always works; one asked for by name that does not
// work is an *UnusableError. Other errors: a context that ended, a missing QEMU.
func Choose(ctx context.Context, w Want) (Choice, error) {
	return choose(ctx, w, thisHost())
}

func choose(ctx context.Context, w Want, h host) (Choice, error) {
	if w.Accel == "" {
		w.Accel = Auto
	}
	names := []string{w.Accel}
	if w.Accel == Auto {
		names = append(native(h.goos), "tcg")
	} else if _, ok := rowOf(w.Accel, w.Arch); !ok {
		return Choice{}, fmt.Errorf("accelerator %q: auto, %s", w.Accel, known())
	}
	var c Choice
	for _, name := range names {
		p, err := examine(ctx, w, h, name)
		if err != nil {
			return Choice{}, err
		}
		c.Tried = append(c.Tried, p)
		if p.Verdict == Works {
			return c.with(p, w), nil
		}
	}
	return Choice{}, &UnusableError{Probe: c.Tried[len(c.Tried)-1]}
}

// with completes the choice.
func (c Choice) with(p Probe, w Want) Choice {
	row, _ := rowOf(p.Accel, w.Arch)
	c.Accel, c.CPU, c.MaxCPUs = row.option, p.CPU, row.maxCPUs
	c.Reason = p.Accel + ": " + p.Reason
	if n := len(c.Tried); n > 1 {
		before := c.Tried[n-2]
		c.Reason = fmt.Sprintf("%s: %s: using %s", before.Accel, before.Reason, p.Accel)
	}
	return c
}

// Examine looks at one accelerator for one guest architecture, whatever is
// best on this host: for a report. Unlike Choose it runs a probe guest on tcg
// too, which proves that this QEMU runs guests at all.
func Examine(ctx context.Context, w Want) (Probe, error) {
	r, ok := rowOf(w.Accel, w.Arch)
	if !ok {
		return Probe{}, fmt.Errorf("accelerator %q: %s", w.Accel, known())
	}
	h := thisHost()
	p, err := examine(ctx, w, h, w.Accel)
	if err != nil || w.Accel != "tcg" || p.Verdict != Works {
		return p, err
	}
	return run(ctx, w, h, r, p)
}

// Native are the accelerators other than tcg that an operating system has
// (runtime.GOOS's name; "": this one's).
func Native(goos string) []string {
	if goos == "" {
		goos = runtime.GOOS
	}
	return native(goos)
}
