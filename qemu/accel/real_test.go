package accel

// Real probes: the letters that real hosts send.

import (
	"os/exec"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// Emulation passes its own probe on every host. What the host's accelerator
// gives is logged: it may be anything, but never an error.
func TestE2EProbes(t *testing.T) {
	hosttool.Machines(t)
	for _, a := range arch.All() {
		if _, err := exec.LookPath(a.QEMU); err != nil {
			t.Logf("%s is not installed: not probed", a.QEMU)
			continue
		}
		for _, model := range []string{"max,-erms,-fsrm", "cortex-a72", "neoverse-n1", "max,pauth-impdef=on"} {
			if (a.Name == "x86_64") != (model == "max,-erms,-fsrm") {
				continue
			}
			res, err := runGuest(t.Context(), a.QEMU, a, "tcg", model, 10*defaultLimit)
			if err != nil || !res.passed {
				t.Errorf("%s tcg %s: %+v %v", a.Name, model, res, err)
			}
			t.Logf("%s tcg %s: %s in %v", a.Name, model, res.letters, res.took)
		}
		c, err := Choose(t.Context(), Want{Arch: a.Name})
		if err != nil {
			t.Errorf("%s: %v", a.Name, err)
		}
		t.Logf("%s: %s, %s: %s", a.Name, c.Accel, c.CPU, c.Reason)
		for _, p := range c.Tried {
			t.Logf("%s: %+v", a.Name, p)
		}
	}
}

func BenchmarkProbeTCG(b *testing.B) {
	hosttool.Machines(b)
	for b.Loop() {
		if res, err := runGuest(b.Context(), "qemu-system-x86_64", arch.X86_64, "tcg", "max", 10*defaultLimit); err != nil || !res.passed {
			b.Fatal(res, err)
		}
	}
}
