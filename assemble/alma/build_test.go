package alma

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/freespace"
	"github.com/imgasm/imgasm/internal/tree"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	os.Exit(m.Run())
}

var mediaTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// kernelImage is the least that passes for a bzImage (Documentation/arch/x86/boot.rst).
func kernelImage() []byte {
	b := make([]byte, 4096)
	copy(b[0x1fe:], []byte{0x55, 0xaa})
	copy(b[0x202:], "HdrS")
	b[0x206], b[0x207], b[0x236] = 0x0f, 0x02, 1 // protocol 2.15, 64-bit
	return b
}

// peImage is the least that passes for an EFI program of an architecture.
func peImage(machine uint16) []byte {
	b := make([]byte, 512)
	copy(b, "MZ")
	b[0x3c] = 0x80
	copy(b[0x80:], "PE\x00\x00")
	b[0x84], b[0x85] = byte(machine), byte(machine>>8)
	return b
}

// installerISO writes an ISO that imgasm takes for an installer.
func installerISO(t testing.TB, a arch.Arch, more ...tree.File) string {
	t.Helper()
	return labelledISO(t, a, "AlmaLinux-10-1-"+a.Name+"-dvd", "AlmaLinux 10.1", more...)
}

// labelledISO is installerISO for one that says that it is another release.
func labelledISO(t testing.TB, a arch.Arch, label, release string, more ...tree.File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "installer.iso")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := append([]tree.File{
		tree.Bytes("images/pxeboot/vmlinuz", kernelImage()),
		tree.Bytes("images/pxeboot/initrd.img", []byte("initrd")),
		tree.Bytes("images/install.img", []byte("stage 2")),
		tree.Bytes("EFI/BOOT/"+a.EFIBoot, peImage(a.PEMachine)),
		tree.Bytes("EFI/BOOT/"+a.EFIGRUB, peImage(a.PEMachine)),
		tree.Bytes(".discinfo", []byte("1700000000.0\n"+release+"\n"+a.Name+"\n1\n")),
	}, more...)
	if err := iso.WriteInstallerTree(f, label, files, mediaTime); err != nil {
		t.Fatal(err)
	}
	return path
}

// testHost is a host with a fixed clock-free environment.
func testHost(t testing.TB) host.Host {
	t.Helper()
	return host.Host{
		OS: runtime.GOOS, CPUs: 2, Free: freespace.Bytes, CacheDir: t.TempDir(), Now: time.Now, Version: "test",
		Getenv: func(string) string { return "" },
	}
}

// smallKickstart fits on a disk that a test can hash.
const smallKickstart = `cmdline
lang en_US.UTF-8
keyboard us
timezone UTC --utc
rootpw --plaintext secret
cdrom
zerombr
clearpart --all --initlabel
part biosboot --fstype=biosboot --size=1
part / --fstype=xfs --size=500 --grow
%packages
%end
poweroff
`

// testSpec asks for a BIOS machine, since unit tests have no firmware, on a
// QEMU that does what script says.
func testSpec(t testing.TB, script qemutest.Script) Spec {
	t.Helper()
	dir := t.TempDir()
	ks := filepath.Join(t.TempDir(), "small.ks")
	if err := os.WriteFile(ks, []byte(smallKickstart), 0o600); err != nil {
		t.Fatal(err)
	}
	return Spec{
		Kickstart: ks, Arch: "x86_64", DiskSize: 1 << 30, NoVerify: true,
		Source:       Source{ISO: installerISO(t, arch.X86_64, tree.Bytes("BaseOS/repodata/repomd.xml", []byte("<repomd/>")))},
		Output:       assemble.Output{Out: filepath.Join(dir, "out.raw")},
		Machine:      Machine{Accel: "tcg", Firmware: "bios", QEMU: qemutest.Executable(t, script)},
		Installation: Installation{SpaceWait: time.Minute},
	}
}

// recorder keeps events.
type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) sink(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) steps() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, e := range r.events {
		if e.Kind == event.StepDone {
			names = append(names, e.Step)
		}
	}
	return names
}

// runBuild runs a build whose QEMU does steps.
func runBuild(t *testing.T, ctx context.Context, steps func(nonce, bootDisk string) []qemutest.Step) (Spec, *recorder, error) {
	t.Helper()
	return runScript(t, ctx, func(nonce, bootDisk string) qemutest.Script {
		return qemutest.Script{Steps: steps(nonce, bootDisk)}
	})
}

// runScript resolves and runs; the nonce is known only after resolving, so the
// script is made from it.
func runScript(t *testing.T, ctx context.Context, script func(nonce, bootDisk string) qemutest.Script) (Spec, *recorder, error) {
	t.Helper()
	s := testSpec(t, qemutest.Script{})
	h := testHost(t)
	p, err := resolve(t.Context(), s, h)
	if err != nil {
		t.Fatal(err)
	}
	installed := bootSector(t)
	p.Machine.Binary = qemutest.Executable(t, script(p.nonce(), installed))
	r := &recorder{}
	_, err = p.Run(ctx, r.sink)
	return s, r, err
}

// bootSector is a disk that a BIOS boots.
func bootSector(t testing.TB) string {
	t.Helper()
	b := make([]byte, 1<<20)
	b[0], b[510], b[511] = 0xeb, 0x55, 0xaa
	path := filepath.Join(t.TempDir(), "bios.raw")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func line(text string) qemutest.Step { return qemutest.Serial(text + "\r\n") }

func success(nonce, installed string) []qemutest.Step {
	say := func(text string) qemutest.Step {
		return qemutest.Port(watch.ProgressPort, "imgasm1 "+nonce+" "+text+"\n")
	}
	return qemutest.Steps(
		line("[    0.000000] Linux version 6.12.0-55.el10.x86_64"),
		line("[   20.100000] anaconda[2343]: Starting installer, one moment..."),
		say("phase pre"),
		line("[   30.100000] anaconda[2343]: Installing filesystem.x86_64 (1/2)"),
		line("[   30.200000] anaconda[2343]: Installing kernel.x86_64 (2/2)"),
		qemutest.CopyTo("target", installed),
		say("phase post"), say("fact release=AlmaLinux release 10.1 (Heliotrope Lion)"), say("fact packages=2"),
		say("package kernel-6.12.0-55.el10.x86_64"), say("done"),
		line("[   40.100000] anaconda[2343]: Complete!"),
		qemutest.PowerOff(),
	)
}

func TestBuildSucceeds(t *testing.T) {
	s, r, err := runBuild(t, t.Context(), success)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"source", "boot files", "kickstart", "OEMDRV", "disk", "install", "check", "raw", "publish"}
	if got := r.steps(); !slices.Equal(got, want) {
		t.Errorf("steps %v, want %v", got, want)
	}
	if _, err := resolve(t.Context(), s, testHost(t)); err != nil { // which would replace a file of the user's otherwise
		t.Errorf("the published image is not recognised: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(s.Out))
	if err != nil || len(entries) != 2 {
		t.Errorf("in the output's folder: %v, %v; want the image and its description", entries, err)
	}
}

// However the guest or QEMU ends too early: an error of the right class, a
// bundle that names what was said, no output, no working folder.
func TestBuildFails(t *testing.T) {
	for name, steps := range map[string][]qemutest.Step{
		"QEMU dies at once":        {qemutest.Crash()},
		"QEMU dies in the kernel":  {line("[    0.000000] Linux version 6.12"), qemutest.Crash()},
		"QEMU exits with 1":        {qemutest.Stderr("qemu-system-x86_64: something broke\n"), qemutest.Exit(1)},
		"guest powers off early":   qemutest.Steps(line("[   1.0] Booting"), qemutest.PowerOff()),
		"guest reboots early":      qemutest.Steps(line("[   1.0] Booting"), qemutest.Reboot()),
		"guest panics":             qemutest.Steps(line("[    9.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00"), qemutest.Panic()),
		"monitor closed and death": {line("[   1.0] Booting"), qemutest.CloseQMP(), qemutest.Crash()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, err := runBuild(t, t.Context(), func(string, string) []qemutest.Step { return steps })
			var install *watch.Error
			if !errors.As(err, &install) {
				t.Fatalf("error %v (%T), want the guest's failure", err, err)
			}
			if install.Failure.Meaning == "" || assemble.Hint(err) == "" {
				t.Errorf("failure without meaning or hint: %+v", install.Failure)
			}
			if bundleOf(err) != s.Out+".failed" {
				t.Errorf("bundle %q", bundleOf(err))
			}
			if _, err := os.Stat(filepath.Join(bundleOf(err), summaryFile)); err != nil {
				t.Error(err)
			}
			onlyBundle(t, s.Out)
		})
	}
}

// onlyBundle checks that beside out nothing is left but the failure bundle.
func onlyBundle(t *testing.T, out string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(out))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(out)+".failed" {
		t.Errorf("in the output's folder: %v, %v; want the bundle alone", entries, err)
	}
}

func TestBuildStopsWhenAskedTo(t *testing.T) {
	asked := errors.New("asked to stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		time.Sleep(300 * time.Millisecond)
		cancel(asked)
	}()
	s, _, err := runBuild(t, ctx, func(string, string) []qemutest.Step {
		return []qemutest.Step{line("[    0.000000] Linux version 6.12"), qemutest.Hang()}
	})
	if !errors.Is(err, asked) {
		t.Fatalf("error %v, want the context's cause", err)
	}
	if _, err := os.Stat(s.Out); err == nil {
		t.Error("an interrupted build has an output")
	}
	if _, err := os.Stat(assemble.WorkFolder(s.Out)); err == nil {
		t.Error("an interrupted build left its working folder")
	}
}

func TestBuildTimesOut(t *testing.T) {
	s := testSpec(t, qemutest.Script{Steps: []qemutest.Step{line("[    0.000000] Linux version 6.12"), qemutest.Hang()}})
	s.Timeout = 300 * time.Millisecond
	p, err := resolve(t.Context(), s, testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Run(t.Context(), nil)
	if !errors.Is(err, watch.ErrTimeout) || bundleOf(err) == "" {
		t.Fatalf("error %v (%T), want ErrTimeout with a bundle", err, err)
	}
	onlyBundle(t, s.Out)
}

// A full host disk pauses the guest; once there is space the build goes on.
func TestBuildWaitsForSpace(t *testing.T) {
	s, r, err := runBuild(t, t.Context(), func(nonce, installed string) []qemutest.Step {
		return qemutest.Steps(line("[    0.000000] Linux version 6.12"), qemutest.DiskFull("target"), qemutest.Await("cont"), success(nonce, installed))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.Out); err != nil {
		t.Error(err)
	}
	told := slices.ContainsFunc(r.events, func(e event.Event) bool { return strings.Contains(strings.ToLower(e.Text), "disk is full") })
	if !told {
		t.Error("nobody said that the host's disk is full")
	}
}

// folder makes the working folder of a plan, for what starts its machines.
func folder(t testing.TB, p *Plan) string {
	t.Helper()
	dir := assemble.WorkFolder(p.Outputs.Path)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOnlyOneBuildForAnOutput(t *testing.T) {
	p, err := resolve(t.Context(), testSpec(t, qemutest.Script{}), testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	err = inJob(t, p, nil, func(ctx context.Context, _ *assemble.Job) error {
		if _, err := p.Run(ctx, nil); !errors.Is(err, assemble.ErrBusy) {
			t.Errorf("error %v, want ErrBusy", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A working folder that somebody else has made is refused before the first step.
func TestBuildRefusesAForeignFolder(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	p, err := resolve(t.Context(), s, testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	ok(t, os.WriteFile(filepath.Join(target, "gem"), nil, 0o600))
	if err := os.Symlink(target, assemble.WorkFolder(s.Out)); err != nil {
		t.Skip(err)
	}
	r := &recorder{}
	if _, err := p.Run(t.Context(), r.sink); !errors.Is(err, assemble.ErrForeign) || len(r.events) > 0 {
		t.Errorf("error %v after %d events, want ErrForeign before the first", err, len(r.events))
	}
	if _, err := guest.Dial(s.Out); !errors.Is(err, assemble.ErrForeign) {
		t.Errorf("a console in it: %v, want ErrForeign", err)
	}
	if _, err := os.Stat(filepath.Join(target, "gem")); err != nil {
		t.Error(err)
	}
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestResolveRefuses(t *testing.T) {
	good := testSpec(t, qemutest.Script{})
	old := qemutest.Executable(t, qemutest.Script{Version: [3]int{6, 2, 0}})
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	truncated := write("cut.iso", "")
	if whole, err := os.ReadFile(good.ISO); err != nil || os.WriteFile(truncated, whole[:len(whole)/2], 0o600) != nil {
		t.Fatal(err)
	}
	old10 := write("old.ks", strings.Replace(smallKickstart, "lang", "vnc\nlang", 1))
	source := func(lines string) string {
		return write("source.ks", strings.Replace(smallKickstart, "cdrom", lines, 1))
	}
	typo := write("typo.ks", "lang en_US.UTF-8\nkeyboard us\ntimezon UTC\n")
	for _, c := range []struct {
		name   string
		change func(*Spec)
		want   string // in the error
		class  error
	}{
		{"ISO of another architecture", func(s *Spec) { s.ISO = installerISO(t, arch.AArch64) }, "is an installer for aarch64, not for x86_64", ErrInput},
		{"truncated ISO", func(s *Spec) { s.ISO = truncated }, "truncated", ErrInput},
		{"kickstart with a typo", func(s *Spec) { s.Kickstart = typo }, "refuse this kickstart\n    " + typo + ":3:1: unknown command timezon\n        did you mean timezone?\n    " + typo + ":1:1: no rootpw", ErrLint},
		{"kickstart with a deprecated command", func(s *Spec) { s.Kickstart, s.KSStrict = old10, true }, "old.ks:2:1", ErrLint},
		{"unknown console mode", func(s *Spec) { s.ConsoleMode = "screen" }, "ConsoleMode: \"screen\" is not one of direct, tmux", ErrInput},
		{"missing kickstart", func(s *Spec) { s.Kickstart = filepath.Join(dir, "none.ks") }, "none.ks", ErrInput},
		{"old QEMU", func(s *Spec) { s.QEMU = old }, "6.2", nil},
		{"missing QEMU", func(s *Spec) { s.QEMU = filepath.Join(dir, "qemu") }, "qemu", nil},
		{"missing post script", func(s *Spec) { s.Kickstart = ""; s.Provision = []Provision{{Script: filepath.Join(dir, "none.sh")}} }, "none.sh", ErrInput},
		{"line end in a password", func(s *Spec) { s.Kickstart = ""; s.Settings.RootPassword = "a\nb" }, "RootPassword: contains", ErrInput},
		{"offline without packages", func(s *Spec) { s.Kickstart, s.Offline, s.ISO = "", true, installerISO(t, arch.X86_64) }, "carries no packages", ErrInput},
		{"offline with a boot ISO and a kickstart of one's own", func(s *Spec) { s.Offline, s.ISO = true, installerISO(t, arch.X86_64) }, "carries no packages", ErrInput},
		{"offline and a boot ISO to fetch", func(s *Spec) { s.Offline, s.ISO = true, "" }, "a boot ISO carries no packages", ErrInput},
		{"offline with a repository on a server", func(s *Spec) { s.Offline, s.Kickstart = true, source("url --url=https://example.org/os/") },
			"source.ks:6:5: url needs the network, and the guest has none\n        write cdrom", ErrLint},
		{"offline with a second repository on a server", func(s *Spec) {
			s.Offline, s.Kickstart = true, source("cdrom\nrepo --name=e --baseurl=http://example.org/")
		},
			"source.ks:7:15: repo needs the network", ErrLint},
		{"missing folder", func(s *Spec) { s.Out = filepath.Join(dir, "none", "x.raw") }, "does not exist", ErrInput},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := good
			c.change(&s)
			_, err := resolve(t.Context(), s, testHost(t))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
			if c.class != nil && !errors.Is(err, c.class) {
				t.Errorf("error %v (%T), want %v", err, err, c.class)
			}
			if assemble.Hint(err) == "" && c.name != "line end in a password" {
				t.Errorf("no hint with: %v", err)
			}
			if entries, _ := os.ReadDir(filepath.Dir(good.Out)); len(entries) != 0 {
				t.Errorf("resolving wrote %v", entries)
			}
		})
	}
}

// A disk that does not fit, or a folder that cannot be written to, is found out
// before anything is done.
func TestResolveRefusesTheHostsDisk(t *testing.T) {
	s := testSpec(t, qemutest.Script{})
	s.DiskSize = 1 << 40
	h := testHost(t)
	h.Free = func(string) (int64, error) { return 100 << 20, nil }
	if _, err := resolve(t.Context(), s, h); !errors.Is(err, ErrHost) || !strings.Contains(err.Error(), "100.0 MiB free") || assemble.Hint(err) == "" {
		t.Errorf("a full disk: %v; want ErrHost with the figures and a hint", err)
	}
	h.Free = func(string) (int64, error) { return 20 << 30, nil }
	p, err := resolve(t.Context(), s, h)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "1.0 TiB") }) {
		t.Errorf("no note that the guest's disk may outgrow the host's: %q", p.Notes)
	}
	if runtime.GOOS != "linux" {
		t.Skip("no folder here that nobody can write to")
	}
	// Resolving only reads, and root may write anywhere as far as reading tells:
	// then the build says so, before its first step.
	s.Out = "/proc/out.raw"
	r := &recorder{}
	if p, err = resolve(t.Context(), s, h); err == nil {
		_, err = p.Run(t.Context(), r.sink)
	}
	if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "cannot be written to") || len(r.steps()) > 0 {
		t.Errorf("an unwritable folder: %v; want ErrInput", err)
	}
}
