package accel

// Running the probe guests and reading what they say.

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/memo"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/tmpdir"
	"github.com/imgasm/imgasm/qemu"
)

// The guests, assembled from the sources beside them: see probe_test.go.
//
//go:embed probe/*.bin
var guests embed.FS

// defaultLimit is the time that a probe guest may take.
const defaultLimit = 5 * time.Second

// result is what one run of a probe guest gave.
type result struct {
	passed  bool
	letters string
	stderr  string
	timeout bool
	took    time.Duration
}

// runner runs the guest of an architecture; the error is one of starting QEMU at all, or the context's.
type runner func(ctx context.Context, binary string, a arch.Arch, accel, cpu string, limit time.Duration) (result, error)

// stage is something that an operating system does.
type stage struct {
	letter byte   // sent when it is done
	what   string // "past WHAT", "not through WHAT"
}

// stages are those of the guests, in their order.
var stages = map[string][]stage{
	"x86_64": {
		{'R', "real mode"}, {'P', "protected mode"}, {'L', "paging and long mode"}, {'C', "a loop of a hundred thousand turns"},
		{'U', "an invalid instruction's exception"}, {'F', "a page fault"}, {'S', "a system call"},
		{'I', "a timer interrupt"}, {'X', "an SSE instruction in ring 0"},
	},
	"aarch64": {{'R', "the first instructions"}, {'X', "a loop of a million turns"}},
}

// examine gives the verdict on one accelerator.
func examine(ctx context.Context, w Want, guest arch.Arch, h host, name string) (Probe, error) {
	r, _ := rowOf(name, guest)
	p := Probe{Accel: name, Verdict: Works, Reason: "emulation, needs nothing of the host"}
	if len(r.models) > 0 {
		p.CPU = r.models[0]
	}
	if name == "tcg" {
		if v := w.Version; v != (qemu.Version{}) && w.X86Level >= 3 && guest.Name == "x86_64" && v.Before(qemu.V3Version) {
			p.Verdict, p.Reason = Unsuitable, fmt.Sprintf("QEMU %v emulates no processor of x86-64-v%d, which the guest needs", v, w.X86Level)
			p.Hint = fmt.Sprintf("install QEMU %d.%d or newer", qemu.V3Version.Major, qemu.V3Version.Minor)
		}
		return p, nil
	}
	if p.Verdict, p.Reason, p.Hint = unsuitable(w, guest, h, r); p.Verdict != "" {
		p.CPU = ""
		return p, nil
	}
	if p.Verdict, p.Reason, p.Hint = h.device(name); p.Verdict != "" {
		return p, nil
	}
	return run(ctx, w, guest, h, r, p)
}

// run runs the probe guest and completes the probe, unless that is remembered.
func run(ctx context.Context, w Want, guest arch.Arch, h host, r row, p Probe) (Probe, error) {
	limit := w.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	binary := cmp.Or(w.Binary, guest.QEMU)
	file, of := "accel-"+guest.Name+"-"+r.name+".json", ""
	if path, err := qemu.Find(binary); err == nil {
		of = memo.Program(path)
	}
	if !w.Renew && memo.Recall(w.Memory, file, of, &p) {
		return p, nil
	}
	for i, model := range r.models {
		res, err := h.run(ctx, binary, guest, r.option, model, limit)
		if err != nil {
			return Probe{}, err
		}
		p.CPU, p.Letters, p.Seconds = model, res.letters, res.took.Seconds()
		p.Verdict, p.Reason = judge(res, guest, limit)
		p.Hint = hintOf(p.Verdict, res.stderr)
		if !res.timeout { // the host may have been busy
			memo.Keep(w.Memory, file, of, p)
		}
		if p.Verdict == Works || i+1 == len(r.models) || !strings.Contains(res.stderr, "failed to set MSR 0x10a") {
			break
		}
	}
	return p, nil
}

// unsuitable says why an accelerator needs no probe; "" if it does.
func unsuitable(w Want, guest arch.Arch, h host, r row) (v Verdict, reason, hint string) {
	switch {
	case r.goos != h.goos:
		return Absent, "does not exist on " + h.goos, ""
	case guest.Name != h.arch.Name:
		return Unsuitable, fmt.Sprintf("this host is %s, the guest %s", h.arch.Name, guest.Name), ""
	case h.x86Level > 0 && w.X86Level > h.x86Level:
		return Unsuitable, fmt.Sprintf("the host's processor is x86-64-v%d, the guest needs x86-64-v%d", h.x86Level, w.X86Level),
			fmt.Sprintf("build a release for x86-64-v%d", h.x86Level)
	}
	return "", "", ""
}

// judge reads a run.
func judge(res result, a arch.Arch, limit time.Duration) (Verdict, string) {
	if res.passed {
		return Works, fmt.Sprintf("a probe guest ran to its end in %v", res.took.Round(time.Millisecond))
	}
	said := lastLine(res.stderr)
	if strings.Contains(res.stderr, "invalid accelerator") {
		return Absent, "this build of QEMU does not have it"
	}
	if strings.Contains(res.stderr, "Permission denied") {
		return Denied, said
	}
	if res.letters == "" {
		said = cmp.Or(said, "no instruction of a probe guest ran")
		return Broken, "present, but QEMU cannot use it: " + said
	}
	how := "the virtual machine then ended"
	if res.timeout {
		how = fmt.Sprintf("nothing more came in %v", limit)
	}
	if said != "" {
		how += " (" + said + ")"
	}
	done, next := progress(res.letters, stages[a.Name])
	return Broken, fmt.Sprintf("present, but broken: a probe guest got past %s and not through %s (letters %s): %s", done, next, res.letters, how)
}

// hints are known words of QEMU's when an accelerator does not start.
var hints = []struct{ text, hint string }{
	// "qemu-system-aarch64: -accel hvf: Error: HV_DENIED"
	{"HV_DENIED", "QEMU needs the entitlement com.apple.security.hypervisor: Homebrew's has it; sign your own with codesign"},
	// "Error: HV_UNSUPPORTED": macOS inside a virtual machine, such as a CI service's
	{"HV_UNSUPPORTED", "this Mac gives no hypervisor to its programs (is it a virtual machine itself?)"},
	// "WHPX: No accelerator found, hr=00000000"
	{"WHPX: No accelerator found", "switch on the Windows Hypervisor Platform: Enable-WindowsOptionalFeature -Online -FeatureName HypervisorPlatform"},
	// "Could not access KVM kernel module: Permission denied": we could, a moment ago
	{"Permission denied", "this program may open the device and QEMU may not: see what confines QEMU (snap, Flatpak, AppArmor, SELinux)"},
}

func hintOf(v Verdict, stderr string) string {
	if v == Works {
		return ""
	}
	for _, h := range hints {
		if strings.Contains(stderr, h.text) {
			return h.hint
		}
	}
	return ""
}

// progress names the last stage passed and the one that was not.
func progress(letters string, s []stage) (done, next string) {
	done, next = "nothing", "its end"
	for _, st := range s {
		if strings.IndexByte(letters, st.letter) < 0 {
			return done, st.what
		}
		done = st.what
	}
	return done, next
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}

// runGuest is the runner of real guests.
func runGuest(ctx context.Context, binary string, a arch.Arch, accel, cpu string, limit time.Duration) (result, error) {
	binary, err := qemu.Find(binary)
	if err != nil {
		return result{}, err
	}
	dir, remove, err := tmpdir.New("")
	if err != nil {
		return result{}, fmt.Errorf("accelerator probe: %w", err)
	}
	defer remove()
	image, err := guestImage(a)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "guest"), image, 0o600)
	}
	if err != nil {
		return result{}, fmt.Errorf("accelerator probe: %w", err)
	}
	cmd := proc.Cmd{Path: binary, Args: probeArgs(a, accel, cpu), Dir: dir, Grace: -1}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	begin := time.Now()
	err = cmd.Run(limited)
	res := result{took: time.Since(begin)}
	if err := ctx.Err(); err != nil {
		return result{}, context.Cause(ctx)
	}
	res.timeout = limited.Err() != nil
	said, _ := os.ReadFile(filepath.Join(dir, "letters"))
	res.letters = letters(said, a)
	code := 0
	var pe *proc.Error
	if errors.As(err, &pe) {
		code, res.stderr = pe.Code, pe.Stderr
	}
	res.passed = !res.timeout && code == passCode[a.Name] && len(res.letters) == len(stages[a.Name])
	return res, nil
}

// passCode is QEMU's exit status when the guest ended as it should: x86_64's
// writes 0x2a to isa-debug-exit, which makes it 2*0x2a+1; aarch64's powers off.
var passCode = map[string]int{"x86_64": 85, "aarch64": 0}

// probeArgs are QEMU's arguments; file names are relative to its directory.
func probeArgs(a arch.Arch, accel, cpu string) []string {
	args := []string{"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", qemu.Config{Arch: a.Name, Accel: accel}.Machine(), "-accel", accel, "-cpu", cpu, "-m", "16", "-chardev", "file,id=out,path=letters"}
	if a.Machine == "q35" {
		return append(args, "-bios", "guest", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
			"-device", "isa-debugcon,iobase=0xe9,chardev=out")
	}
	return append(args, "-kernel", "guest", "-serial", "chardev:out")
}

// letters keeps what the guest said that it can say, once each.
func letters(said []byte, a arch.Arch) string {
	var b strings.Builder
	for _, st := range stages[a.Name] {
		if bytes.IndexByte(said, st.letter) >= 0 {
			b.WriteByte(st.letter)
		}
	}
	return b.String()
}

// guestImage is the file that QEMU runs.
func guestImage(a arch.Arch) ([]byte, error) {
	code, err := guests.ReadFile("probe/" + a.Name + ".bin")
	if err != nil || a.Machine != "q35" {
		return code, err
	}
	// A ROM of 64 KiB that ends at 4 GiB. The processor starts 16 bytes before
	// its end: there stands a jump to the ROM's first byte (rel16 = 0x10000 -
	// 0xfff3).
	rom := make([]byte, 64<<10)
	copy(rom, code)
	copy(rom[0xfff0:], []byte{0xe9, 0x0d, 0x00})
	return rom, nil
}
