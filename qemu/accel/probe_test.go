package accel

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// The committed guests are what their sources assemble to.
func TestGuestsFromSource(t *testing.T) {
	for _, tt := range []struct {
		arch    arch.Arch
		as      []string
		objcopy string
	}{
		{arch.X86_64, []string{"x86_64-linux-gnu-as", "--32"}, "x86_64-linux-gnu-objcopy"},
		{arch.AArch64, []string{"aarch64-linux-gnu-as"}, "aarch64-linux-gnu-objcopy"},
	} {
		t.Run(tt.arch.Name, func(t *testing.T) {
			for _, tool := range []string{tt.as[0], tt.objcopy} {
				if _, err := exec.LookPath(tool); err != nil {
					t.Skipf("%s is not installed (binutils, binutils-aarch64-linux-gnu)", tool)
				}
			}
			dir := t.TempDir()
			obj, bin := filepath.Join(dir, "guest.o"), filepath.Join(dir, "guest.bin")
			run := func(argv ...string) {
				if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
					t.Fatalf("%q: %v: %s", argv, err, out)
				}
			}
			run(append(tt.as, "-o", obj, filepath.Join("probe", tt.arch.Name+".S"))...)
			run(tt.objcopy, "-O", "binary", obj, bin)
			want := readFile(t, bin)
			got, err := guestImage(tt.arch)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the committed guest (%d bytes) is not what its source assembles to (%d bytes)", len(got), len(want))
			}
		})
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		name    string
		arch    arch.Arch
		res     result
		verdict Verdict
		words   []string
	}{
		{"passes", arch.X86_64, result{passed: true, letters: "RPLCUFSIX", took: 51e6}, Works, []string{"51ms"}},
		{"hangs before the timer", arch.X86_64, result{letters: "RPLCUFS", timeout: true}, Broken,
			[]string{"past a system call", "not through a timer interrupt", "RPLCUFS", "nothing more came in 5s"}},
		{"resets before the timer", arch.X86_64, result{letters: "RPLCUFS"}, Broken, []string{"then ended"}},
		{"stops at SSE", arch.X86_64, result{letters: "RPLCUFSI", stderr: "KVM internal error. Suberror: 1\n"}, Broken,
			[]string{"past a timer interrupt", "SSE", "KVM internal error"}},
		{"does not start", arch.X86_64, result{stderr: "a\nqemu: failed to set MSR 0x10a to 0x69\n"}, Broken, []string{"failed to set MSR"}},
		{"runs nothing", arch.X86_64, result{timeout: true}, Broken, []string{"no instruction"}},
		{"all letters, wrong end", arch.X86_64, result{letters: "RPLCUFSIX"}, Broken, []string{"not through its end"}},
		{"not built in", arch.X86_64, result{stderr: "qemu-system-x86_64: -accel hvf: invalid accelerator hvf\n"}, Absent, []string{"build of QEMU"}},
		{"not allowed", arch.X86_64, result{stderr: "Could not access KVM kernel module: Permission denied\n"}, Denied, []string{"Permission denied"}},
		{"no hypervisor on a CI runner", arch.AArch64, result{stderr: "qemu-system-aarch64: -accel hvf: Error: HV_UNSUPPORTED\n"}, Broken, []string{"HV_UNSUPPORTED"}},
		{"stuck in the loop", arch.AArch64, result{letters: "R", timeout: true}, Broken, []string{"first instructions", "a loop"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, reason := judge(tt.res, tt.arch, defaultLimit)
			if v != tt.verdict {
				t.Errorf("%s, want %s", v, tt.verdict)
			}
			for _, w := range tt.words {
				if !strings.Contains(reason, w) {
					t.Errorf("no %q in %q", w, reason)
				}
			}
		})
	}
}

// Through the whole way: a process that plays QEMU.
func TestRunGuest(t *testing.T) {
	tests := []struct {
		name    string
		arch    arch.Arch
		script  qemutest.Script
		passed  bool
		letters string
	}{
		{"passes", arch.X86_64, qemutest.Script{}, true, "RPLCUFSIX"},
		{"passes", arch.AArch64, qemutest.Script{}, true, "RX"},
		{"resets", arch.X86_64, qemutest.Script{Probe: "RPLCUFS"}, false, "RPLCUFS"},
		{"resets", arch.AArch64, qemutest.Script{Probe: "R"}, false, "R"},
		{"speaks in tongues", arch.X86_64, qemutest.Script{Probe: "\xff\x00zzRRRR"}, false, "R"},
	}
	for _, tt := range tests {
		res, err := runGuest(t.Context(), qemutest.Executable(t, tt.script), tt.arch, "kvm", "host", defaultLimit)
		if err != nil || res.passed != tt.passed || res.letters != tt.letters || res.timeout {
			t.Errorf("%s %s: %+v %v", tt.arch.Name, tt.name, res, err)
		}
	}
}

func TestHintOf(t *testing.T) {
	for _, h := range hints {
		if got := hintOf(Broken, "qemu: -accel x: "+h.text+"\n"); got != h.hint {
			t.Errorf("%s: %q", h.text, got)
		}
	}
	if got := hintOf(Broken, "who knows"); got != "" {
		t.Error(got)
	}
	if got := hintOf(Works, "warning: Permission denied"); got != "" {
		t.Error(got)
	}
}

// The probe's machine is the one that a build will use: an ARM server whose KVM
// has no GICv2 would fail with the default one.
func TestProbeMachine(t *testing.T) {
	for _, r := range rows {
		a, _ := arch.Parse(r.arch)
		got := strings.Join(probeArgs(a, r.option, r.models[0]), " ")
		want := "-machine " + qemu.Config{Arch: a.Name, Accel: r.option}.Machine() + " -accel " + r.option + " -cpu " + r.models[0]
		if !strings.Contains(got, want) {
			t.Errorf("%s %s: %s, want %s", r.name, r.arch, got, want)
		}
	}
	if got := strings.Join(probeArgs(arch.AArch64, "kvm", "host"), " "); !strings.Contains(got, "gic-version=host") {
		t.Error(got)
	}
}

// The guest runs on tcg too, where it needs no proof.
func TestRunTCG(t *testing.T) {
	for _, tt := range []struct {
		script qemutest.Script
		want   Verdict
	}{{qemutest.Script{}, Works}, {qemutest.Script{Probe: "RPL"}, Broken}} {
		r, _ := rowOf("tcg", arch.X86_64)
		p, err := run(t.Context(), Want{Binary: qemutest.Executable(t, tt.script)}, arch.X86_64, thisHost(), r, Probe{})
		if err != nil || p.Verdict != tt.want || p.Letters == "" || p.Seconds == 0 {
			t.Errorf("%+v %v", p, err)
		}
	}
}
