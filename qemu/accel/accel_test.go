package accel

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	goleak.VerifyTestMain(m)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is chosen on which host for which guest.
func TestChoose(t *testing.T) {
	pass := result{passed: true, letters: "RPLCUFSIX"}
	hang := result{letters: "RPLCUFS", timeout: true}
	msr := result{stderr: "error: failed to set MSR 0x10a to 0x69"}
	absent := func(string) (Verdict, string, string) { return Absent, "there is no /dev/kvm", "" }
	denied := func(string) (Verdict, string, string) {
		return Denied, "/dev/kvm may not be opened by this user", access{group: "kvm", joining: true}.hint("/dev/kvm")
	}
	tests := []struct {
		name    string
		goos    string
		host    arch.Arch
		level   int
		device  func(string) (Verdict, string, string)
		results map[string]result // by "ACCEL CPU"; a missing one must not be asked for
		want    Want
		accel   string // "": an error
		cpu     string
		max     int
		reason  string // part of the choice's reason, or of the error and its hint
	}{
		{"healthy KVM", "linux", arch.X86_64, 3, nil, map[string]result{"kvm host": pass},
			Want{Arch: "x86_64", X86Level: 3}, "kvm", "host", 0, "kvm: a probe guest ran to its end"},
		{"KVM that hangs", "linux", arch.X86_64, 3, nil, map[string]result{"kvm host": hang},
			Want{Arch: "x86_64"}, "tcg", "max,-erms,-fsrm", 0, "kvm: present, but broken: a probe guest got past a system call and not through a timer interrupt (letters RPLCUFS): nothing more came in 5s: using tcg"},
		{"KVM that hangs, asked for", "linux", arch.X86_64, 3, nil, map[string]result{"kvm host": hang},
			Want{Arch: "x86_64", Accel: "kvm"}, "", "", 0, "accelerator kvm: present, but broken"},
		{"KVM that lacks an MSR", "linux", arch.X86_64, 3, nil, map[string]result{"kvm host": msr, "kvm host,-arch-capabilities": pass},
			Want{Arch: "x86_64"}, "kvm", "host,-arch-capabilities", 0, "ran to its end"},
		{"KVM that lacks an MSR and hangs", "linux", arch.X86_64, 3, nil, map[string]result{"kvm host": msr, "kvm host,-arch-capabilities": hang},
			Want{Arch: "x86_64"}, "tcg", "max,-erms,-fsrm", 0, "RPLCUFS"},
		{"no KVM", "linux", arch.X86_64, 3, absent, nil, Want{Arch: "x86_64"}, "tcg", "max,-erms,-fsrm", 0, "kvm: there is no /dev/kvm: using tcg"},
		{"forbidden KVM", "linux", arch.X86_64, 3, denied, nil, Want{Arch: "x86_64"}, "tcg", "max,-erms,-fsrm", 0, "may not be opened"},
		{"forbidden KVM, asked for", "linux", arch.X86_64, 3, denied, nil, Want{Arch: "x86_64", Accel: "kvm"}, "", "", 0, "usermod -aG kvm"},
		{"foreign guest", "linux", arch.X86_64, 3, nil, nil, Want{Arch: "aarch64"}, "tcg", "cortex-a72", 0, "this host is x86_64, the guest aarch64: using tcg"},
		{"foreign guest, asked for", "linux", arch.X86_64, 3, nil, nil, Want{Arch: "aarch64", Accel: "kvm"}, "", "", 0, "{Accel} tcg"},
		{"old processor", "linux", arch.X86_64, 2, nil, nil, Want{Arch: "x86_64", X86Level: 3}, "tcg", "max,-erms,-fsrm", 0, "x86-64-v2, the guest needs x86-64-v3"},
		{"old processor, old guest", "linux", arch.X86_64, 2, nil, map[string]result{"kvm host": pass}, Want{Arch: "x86_64", X86Level: 2}, "kvm", "host", 0, ""},
		{"tcg asked for", "linux", arch.X86_64, 3, nil, nil, Want{Arch: "x86_64", Accel: "tcg"}, "tcg", "max,-erms,-fsrm", 0, "emulation"},
		{"ARM server", "linux", arch.AArch64, 0, nil, map[string]result{"kvm host": pass}, Want{Arch: "aarch64"}, "kvm", "host", 0, ""},
		{"Apple Silicon", "darwin", arch.AArch64, 0, nil, map[string]result{"hvf host": pass}, Want{Arch: "aarch64"}, "hvf", "host", 8, ""},
		{"Apple Silicon, x86 guest", "darwin", arch.AArch64, 0, nil, nil, Want{Arch: "x86_64", X86Level: 3}, "tcg", "max,-erms,-fsrm", 0, "this host is aarch64"},
		{"Mac of a CI service", "darwin", arch.AArch64, 0, nil, map[string]result{"hvf host": {stderr: "Error: HV_UNSUPPORTED"}},
			Want{Arch: "aarch64"}, "tcg", "cortex-a72", 0, "HV_UNSUPPORTED"},
		{"Intel Mac", "darwin", arch.X86_64, 3, nil, map[string]result{"hvf host": pass}, Want{Arch: "x86_64"}, "hvf", "host", 0, ""},
		{"KVM on a Mac", "darwin", arch.AArch64, 0, nil, nil, Want{Arch: "aarch64", Accel: "kvm"}, "", "", 0, "does not exist on darwin"},
		{"Windows", "windows", arch.X86_64, 3, nil, map[string]result{"whpx,kernel-irqchip=off max": pass}, Want{Arch: "x86_64"}, "whpx,kernel-irqchip=off", "max", 0, ""},
		{"old QEMU", "linux", arch.X86_64, 3, absent, nil, Want{Arch: "x86_64", X86Level: 3, Version: qemu.Version{Major: 7, Minor: 1}}, "", "", 0, "QEMU 7.1.0 emulates no processor of x86-64-v3"},
		{"old QEMU, old guest", "linux", arch.X86_64, 3, absent, nil, Want{Arch: "x86_64", X86Level: 2, Version: qemu.Version{Major: 7, Minor: 1}}, "tcg", "max,-erms,-fsrm", 0, ""},
		{"unknown system", "freebsd", arch.X86_64, 3, nil, nil, Want{Arch: "x86_64"}, "tcg", "max,-erms,-fsrm", 0, "emulation"},
		{"unknown accelerator", "linux", arch.X86_64, 3, nil, nil, Want{Arch: "x86_64", Accel: "xen"}, "", "", 0, `Accel: there is no "xen": auto, kvm, hvf, whpx, tcg`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := host{goos: tt.goos, arch: tt.host, x86Level: tt.level, device: tt.device}
			if h.device == nil {
				h.device = func(string) (Verdict, string, string) { return "", "", "" }
			}
			h.run = func(_ context.Context, binary string, _ arch.Arch, accel, cpu string, limit time.Duration) (result, error) {
				r, ok := tt.results[accel+" "+cpu]
				if !ok || binary != "qemu-system-"+tt.want.Arch || limit != defaultLimit {
					t.Errorf("probed %s with %s, %s, %v", binary, accel, cpu, limit)
				}
				return r, nil
			}
			c, err := choose(t.Context(), tt.want, h)
			if tt.accel == "" {
				text := ""
				if err != nil {
					text = err.Error()
				}
				class := ErrUnusable
				if tt.want.Accel == "xen" {
					class = ErrRequest
				}
				if !errors.Is(err, class) || (class == ErrUnusable) != (len(c.Tried) > 0) {
					t.Errorf("%v, want %v; tried %v", err, class, c.Tried)
				}
				text += fault.Hint(err, nil)
				if !strings.Contains(text, tt.reason) || text == "" {
					t.Errorf("%+v %q, want %q", c, text, tt.reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Accel != tt.accel || c.CPU != tt.cpu || c.MaxCPUs != tt.max || !strings.Contains(c.Reason, tt.reason) {
				t.Errorf("%+v", c)
			}
			if c.Emulated() != (tt.accel == "tcg") || len(c.Tried) == 0 || c.Tried[len(c.Tried)-1].Verdict != Works {
				t.Errorf("%+v", c)
			}
		})
	}
}

// The table's rows are complete, and no emulated ARM processor is plain "max".
func TestTable(t *testing.T) {
	for _, r := range rows {
		if !slices.Contains(qemu.Accelerators, r.name) || len(r.models) == 0 || r.option == "" || !strings.HasPrefix(r.option, r.name) {
			t.Errorf("%+v", r)
		}
		if _, err := arch.Parse(r.arch); err != nil {
			t.Error(err)
		}
		for _, m := range r.models {
			if r.name == "tcg" && r.arch == "aarch64" && m == "max" {
				t.Error("plain max on aarch64")
			}
		}
		a, _ := arch.Parse(r.arch)
		c := qemu.Config{Arch: a.Name, Accel: r.option, CPU: r.models[0], Kernel: &qemu.Kernel{Image: "k"}}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	if got := strings.Join(native("linux"), " "); got != "kvm" {
		t.Errorf("linux: %s", got)
	}
	if got := native("plan9"); got != nil {
		t.Errorf("plan9: %q", got)
	}
}

func TestOpenDevice(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no device nodes on Windows")
	}
	dir := t.TempDir()
	locked := filepath.Join(dir, "locked")
	if err := os.WriteFile(locked, nil, 0); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		path string
		want Verdict
		hint string
	}{
		{open, "", ""},
		{filepath.Join(dir, "none"), Absent, "modprobe"},
		{locked, Denied, "kvm"},
		{dir, Absent, ""},
	}
	for _, tt := range tests {
		if tt.path == locked && os.Geteuid() == 0 {
			t.Log("the locked device is not tried: root may open everything")
			continue
		}
		v, reason, hint := openDevice(tt.path)
		if v != tt.want || !strings.Contains(hint, tt.hint) || (v == "") != (reason == "") {
			t.Errorf("%s: %s %q %q", tt.path, v, reason, hint)
		}
	}
}

// Who may not open /dev/kvm is told what opens it: the group is not kvm everywhere.
func TestAccessHint(t *testing.T) {
	for name, c := range map[string]struct {
		access    access
		has, lack string
	}{
		"the usual group":          {access{group: "kvm", joining: true}, `sudo usermod -aG kvm "$USER"`, "udev"},
		"another group":            {access{group: "qemu", joining: true}, `sudo usermod -aG qemu "$USER"`, "-aG kvm"},
		"a group without a name":   {access{group: "36", joining: true}, `sudo usermod -aG 36 "$USER"`, "-aG kvm"},
		"root's":                   {access{group: "root"}, `KERNEL=="kvm", GROUP="kvm", MODE="0660"`, "-aG root"},
		"the group may only read":  {access{group: "video"}, "sudo chgrp kvm /dev/kvm && sudo chmod 660 /dev/kvm", "-aG video"},
		"forbidden by a container": {access{group: "kvm", joining: true, allowed: true}, "--device /dev/kvm", "usermod"},
		"not known":                {access{}, "ls -l /dev/kvm", "usermod"},
	} {
		got := c.access.hint("/dev/kvm")
		if !strings.Contains(got, c.has) || strings.Contains(got, c.lack) {
			t.Errorf("%s: %q; want %q and not %q", name, got, c.has, c.lack)
		}
	}
}

// A verdict is remembered from one program to the next until QEMU is replaced,
// or renewed.
func TestVerdictsAreRemembered(t *testing.T) {
	binary := qemutest.Executable(t, qemutest.Script{})
	runs := 0
	h := host{goos: "linux", arch: arch.X86_64, device: func(string) (Verdict, string, string) { return "", "", "" },
		run: func(context.Context, string, arch.Arch, string, string, time.Duration) (result, error) {
			runs++
			return result{passed: true, took: time.Second, timeout: runs == 1}, nil
		}}
	w := Want{Accel: "kvm", Arch: "x86_64", Binary: binary, Memory: t.TempDir()}
	for step, want := range []int{1, 2, 2, 2, 3, 3, 4, 4} {
		switch step {
		case 4:
			if err := os.WriteFile(binary+".new", []byte("another QEMU"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(binary+".new", binary); err != nil {
				t.Fatal(err)
			}
		case 6:
			w.Renew = true
		case 7:
			w.Renew = false
		}
		c, err := choose(t.Context(), w, h)
		if err != nil || c.Accel != "kvm" || c.CPU != "host" || runs != want {
			t.Errorf("step %d: %+v, %v after %d runs, want %d", step, c, err, runs, want)
		}
	}
}

func TestChooseWithoutQEMU(t *testing.T) {
	h := thisHost()
	h.goos, h.arch, h.device = "linux", arch.X86_64, func(string) (Verdict, string, string) { return "", "", "" }
	_, err := choose(t.Context(), Want{Arch: "x86_64", Binary: "qemu-system-none"}, h)
	if !errors.Is(err, qemu.ErrMissing) {
		t.Errorf("%v, want qemu.ErrMissing", err)
	}
}
