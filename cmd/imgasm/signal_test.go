//go:build linux

// Signals and sudden death, with real processes: the test's own binary is
// imgasm, and QEMU too.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// running is an imgasm in the middle of an installation.
type running struct {
	cmd    *exec.Cmd
	dir    string // holds everything that it makes
	out    string
	stderr *bytes.Buffer
	stdout io.Closer        // what reads its events
	said   chan event.Event // what it says, closed at the end of its stdout
	last   event.Event      // of said, after wait
}

// startImgasm starts a build on a QEMU that follows steps, and returns when the
// guest has been heard.
func startImgasm(t *testing.T, script qemutest.Script, flags ...string) *running {
	t.Helper()
	return startImgasmIn(t, t.TempDir(), script, flags...)
}

// startImgasmIn is startImgasm for an output in a folder that may have been used.
func startImgasmIn(t *testing.T, dir string, script qemutest.Script, flags ...string) *running {
	t.Helper()
	r := launchImgasmIn(t, dir, script, flags...)
	r.await(t, func(e event.Event) bool { return e.Kind == event.Console })
	return r
}

// launchImgasmIn does not wait for the guest.
func launchImgasmIn(t *testing.T, dir string, script qemutest.Script, flags ...string) *running {
	t.Helper()
	out, work := filepath.Join(dir, "image.raw"), t.TempDir()
	installer, tmp := filepath.Join(work, "installer.iso"), filepath.Join(work, "t")
	fakeInstaller(t, installer)
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	// The QEMU that is only asked what it can do is never told to go on.
	script.Steps = append([]qemutest.Step{qemutest.Await("cont"), qemutest.Serial("[    0.000000] Linux version 6.12.0-55.el10.x86_64\r\n")}, script.Steps...)
	return launch(t, out, tmp, filepath.Join(work, "cache"), append(buildArgs(installer, qemutest.Executable(t, script), out), flags...)...)
}

// launch starts imgasm, whose output out is, in a process of its own.
func launch(t *testing.T, out, tmp, cache string, args ...string) *running {
	t.Helper()
	return launchWith(t, []string{"TMPDIR=" + tmp, "IMGASM_CACHE=" + cache}, out, args...)
}

// launchWith is launch with variables of the environment.
func launchWith(t *testing.T, env []string, out string, args ...string) *running {
	t.Helper()
	r := &running{dir: filepath.Dir(out), out: out, stderr: new(bytes.Buffer), said: make(chan event.Event, 1000)}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	imgasm := filepath.Join(t.TempDir(), "imgasm")
	if err := os.Symlink(self, imgasm); err != nil {
		t.Fatal(err)
	}
	r.cmd = exec.Command(imgasm, append(args, "--json")...)
	r.cmd.Env = append(os.Environ(), env...)
	r.cmd.Stderr = r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdout = stdout
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	go func() {
		defer close(r.said)
		dec := json.NewDecoder(stdout)
		for {
			var e event.Event
			if dec.Decode(&e) != nil {
				return
			}
			r.said <- e
		}
	}()
	return r
}

// reportNonce finds the word by which a build's kickstart proves its reports.
var reportNonce = regexp.MustCompile(`imgasm1 ([0-9a-f]{16}) `)

// buildNonce is the nonce of every build here: they are wishes for the same image.
func buildNonce(t *testing.T) string {
	t.Helper()
	installer := filepath.Join(t.TempDir(), "installer.iso")
	fakeInstaller(t, installer)
	args := append([]string{"imgasm"}, buildArgs(installer, qemutest.Executable(t, qemutest.Script{}), filepath.Join(t.TempDir(), "image.raw"))...)
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append(args, "--dry-run", "--verbose"), strings.NewReader(""), &stdout, &stderr, os.Getenv)
	found := reportNonce.FindStringSubmatch(stdout.String())
	if code != exitDone || found == nil {
		t.Fatalf("exit code %d, no nonce in the plan: %s%s", code, &stdout, &stderr)
	}
	return found[1]
}

// await waits for an event.
func (r *running) await(t *testing.T, is func(event.Event) bool) {
	t.Helper()
	for e := range r.said {
		if is(e) {
			return
		}
	}
	_ = r.cmd.Wait()
	t.Fatalf("ended too early\n%s", r.stderr)
}

func (r *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// wait returns the exit code; -1: killed.
func (r *running) wait() int {
	for r.last = range r.said { // to its end
	}
	_ = r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

// noQEMU fails unless every QEMU of the build has ended, or ends now.
func (r *running) noQEMU(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); qemuProcesses(t, r.dir) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("QEMU outlives imgasm")
		}
	}
}

// Any signal that asks to stop ends QEMU too and leaves nothing.
func TestSignals(t *testing.T) {
	for name, signals := range map[string][]syscall.Signal{
		"SIGINT": {syscall.SIGINT}, "SIGTERM": {syscall.SIGTERM}, "SIGHUP": {syscall.SIGHUP}, "SIGINT twice": {syscall.SIGINT, syscall.SIGINT},
		"SIGINT after the SIGPIPE of another pipe": {syscall.SIGPIPE, syscall.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startImgasm(t, qemutest.Script{Steps: []qemutest.Step{qemutest.Hang()}})
			if n := qemuProcesses(t, r.dir); n != 1 {
				t.Fatalf("%d QEMUs while the guest runs, want 1", n)
			}
			for _, s := range signals {
				r.signal(t, s)
			}
			if code := r.wait(); code != exitInterrupted {
				t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, r.stderr)
			}
			r.noQEMU(t)
			if entries, err := os.ReadDir(r.dir); err != nil || len(entries) > 0 {
				t.Errorf("an interrupted build left %v, %v", entries, err)
			}
			if n := strings.Count(r.stderr.String(), "imgasm: error: stopped by "); n != 1 {
				t.Errorf("the signal is named %d times: %s", n, r.stderr)
			}
			if e := r.last; e.Kind != event.Error || e.Step != "install" || !e.Interrupted {
				t.Errorf("a program is told %+v; want that the step install was interrupted", e)
			}
		})
	}
}

// A build whose events nobody reads any more, as after | head, cleans up as well.
func TestUnreadOutput(t *testing.T) {
	t.Parallel()
	r := startImgasm(t, qemutest.Script{Steps: qemutest.Steps(
		qemutest.Sleep(time.Second), qemutest.Serial("[    1.000000] Run /init as init process\r\n"),
		qemutest.Sleep(time.Second), qemutest.Serial("[    2.000000] systemd[1]: Detected architecture x86-64.\r\n"), qemutest.Hang())})
	if err := r.stdout.Close(); err != nil {
		t.Fatal(err)
	}
	if code := r.wait(); code != exitUnread || r.stderr.Len() > 0 {
		t.Errorf("exit code %d, want %d\n%s", code, exitUnread, r.stderr)
	}
	r.noQEMU(t)
	if entries, err := os.ReadDir(r.dir); err != nil || len(entries) > 0 {
		t.Errorf("a build that nobody reads left %v, %v", entries, err)
	}
}

// A signal while the installer's last words are awaited does not hide that the
// installation failed: the error says both, and the logs are kept.
func TestSignalsWhileFailing(t *testing.T) {
	nonce := buildNonce(t)
	for name, signals := range map[string][]syscall.Signal{
		"SIGINT": {syscall.SIGINT}, "SIGTERM": {syscall.SIGTERM}, "SIGHUP": {syscall.SIGHUP}, "SIGINT twice": {syscall.SIGINT, syscall.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startImgasm(t, qemutest.Script{IgnoreTERM: true, Steps: qemutest.Steps(
				qemutest.Port("org.imgasm.progress.0", "imgasm1 "+nonce+" phase pre\n"), qemutest.Sleep(time.Second), // so its last words are awaited
				qemutest.Serial("[   20.100000] anaconda[2343]: Starting installer, one moment...\r\n"+
					"[   31.000000] anaconda[2343]: The installation was stopped due to an error which occurred while running in non-interactive cmdline mode. \r\n"+
					"[   31.000001] anaconda[2343]: The exact error message is: \r\n"+
					"[   31.000002] anaconda[2343]: Non interactive installation failed: You have not defined a root partition (/), which is required for installation of AlmaLinux to continue.\r\n"+
					"[   31.000003] anaconda[2343]: The installer will now terminate.\r\n"), qemutest.Hang())})
			r.await(t, func(e event.Event) bool { return e.Kind == event.Note && strings.Contains(e.Text, "waiting up to") })
			for _, s := range signals {
				r.signal(t, s)
			}
			if code := r.wait(); code != exitInterrupted {
				t.Errorf("exit code %d, want %d\n%s", code, exitInterrupted, r.stderr)
			}
			r.noQEMU(t)
			bundle := r.out + ".failed"
			for _, want := range []string{"stopped by ", "while the installation was failing", "no file system for /", "logs: " + bundle} {
				if !strings.Contains(r.stderr.String(), want) {
					t.Errorf("the error does not say %q: %s", want, r.stderr)
				}
			}
			onlyBundle(t, r)
		})
	}
}

// onlyBundle fails unless the bundle of a failure is all that a build has left.
func onlyBundle(t *testing.T, r *running) {
	t.Helper()
	entries, err := os.ReadDir(r.dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(r.out)+".failed" {
		t.Errorf("left: %v, %v; want the bundle alone", entries, err)
	}
}

// A guest that falls silent, or that takes too long, is exit code 6.
func TestStallIsExitCode6(t *testing.T) {
	for name, c := range map[string]struct {
		flags []string
		want  string // in the error
	}{
		"silence":    {[]string{"--stall-timeout", "1s", "--keep"}, "no new text on the console"},
		"time limit": {[]string{"--timeout", "1s"}, "did not end within 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startImgasm(t, qemutest.Script{Steps: []qemutest.Step{qemutest.Hang()}}, c.flags...)
			if code := r.wait(); code != exitTimeout || r.last.Interrupted {
				t.Errorf("exit code %d, want %d; last said: %+v\n%s", code, exitTimeout, r.last, r.stderr)
			}
			for _, want := range []string{c.want, "imgasm: hint: ", r.out + ".failed"} {
				if !strings.Contains(r.stderr.String(), want) {
					t.Errorf("the error does not say %q: %s", want, r.stderr)
				}
			}
			r.noQEMU(t)
			if name == "silence" {
				kept := assemble.WorkFolder(r.out)
				if _, err := os.Stat(kept); err != nil {
					t.Error(err)
				}
				if err := os.RemoveAll(kept); err != nil {
					t.Fatal(err)
				}
			}
			onlyBundle(t, r)
		})
	}
}

// installing is a guest that installs itself, after some steps. It needs no ports to
// prove that all is done.
func installing(t *testing.T, before ...qemutest.Step) qemutest.Script {
	t.Helper()
	boot := make([]byte, 512) // what a BIOS takes for a boot sector
	boot[0], boot[510], boot[511] = 0xeb, 0x55, 0xaa
	installed := filepath.Join(t.TempDir(), "installed.raw")
	if err := os.WriteFile(installed, boot, 0o600); err != nil {
		t.Fatal(err)
	}
	return qemutest.Script{Steps: qemutest.Steps(before,
		qemutest.CopyTo("target", installed),
		qemutest.Serial("[   20.100000] anaconda[2343]: Starting installer, one moment...\r\n[   30.100000] anaconda[2343]: Installing kernel.x86_64 (1/1)\r\n"+
			"[   38.100000] anaconda[2343]: Installing boot loader\r\n[   39.100000] anaconda[2343]: Storing configuration files and kickstarts\r\n"+
			"[   40.100000] anaconda[2343]: Running post-installation scripts\r\n[   40.200000] anaconda[2343]: Complete!\r\n"),
		qemutest.PowerOff())}
}

// smallFlags are flags of a build that is quick: all of its disk is hashed.
func smallFlags(t *testing.T) []string {
	t.Helper()
	ks := filepath.Join(t.TempDir(), "small.ks")
	if err := os.WriteFile(ks, []byte("cmdline\nlang en_US.UTF-8\nkeyboard us\ntimezone UTC --utc\nrootpw --plaintext canary-root\ncdrom\nzerombr\nclearpart --all --initlabel\n"+
		"part biosboot --fstype=biosboot --size=1\npart / --fstype=xfs --size=500 --grow\n%packages\n%end\npoweroff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--no-verify", "--kickstart", ks, "--disk-size", "600M"}
}

// Nobody can clean up after a SIGKILL; but QEMU is gone, and the next build of
// the same output works in the folder that was left.
func TestSuddenDeath(t *testing.T) {
	t.Parallel()
	r := startImgasm(t, qemutest.Script{IgnoreTERM: true, Steps: []qemutest.Step{qemutest.Hang()}})
	r.signal(t, syscall.SIGKILL)
	if code := r.wait(); code != -1 {
		t.Errorf("exit code %d of a killed process", code)
	}
	r.noQEMU(t)
	if _, err := os.Stat(r.out); err == nil {
		t.Error("a killed build has an output")
	}
	work := filepath.Join(r.dir, ".image.raw.imgasm")
	if _, err := os.Stat(filepath.Join(work, "disk.raw")); err != nil {
		t.Errorf("the killed build left no working folder to work in: %v", err)
	}
	next := startImgasmIn(t, r.dir, installing(t), smallFlags(t)...)
	if code := next.wait(); code != exitDone {
		t.Fatalf("exit code %d of the build after a killed one\n%s", code, next.stderr)
	}
	entries, err := os.ReadDir(r.dir)
	if err != nil || len(entries) != 2 || entries[0].Name() != "image.raw" || entries[1].Name() != "image.raw.json" {
		t.Errorf("left: %v, %v; want the image and its description", entries, err)
	}
}

// A guest that is held goes with Ctrl-C, and the exit code stays the failure's.
func TestHeldUntilInterrupted(t *testing.T) {
	t.Parallel()
	r := startImgasm(t, qemutest.Script{Steps: qemutest.Steps(
		qemutest.Serial("[    9.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00\r\n"), qemutest.Panic())}, "--keep-vm")
	pointer := filepath.Join(r.dir, ".image.raw.imgasm", "console")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(pointer); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the guest is not held")
		}
	}
	var stdout, stderr bytes.Buffer
	leave := strings.NewReader("hello\x1d")
	if code := run(t.Context(), []string{"imgasm", "console", r.out}, leave, &stdout, &stderr, os.Getenv); code != exitDone {
		t.Errorf("imgasm console: exit code %d: %s", code, &stderr)
	}
	if n := qemuProcesses(t, r.dir); n != 1 {
		t.Errorf("%d QEMUs after a visit, want 1", n)
	}
	r.signal(t, syscall.SIGINT)
	if code := r.wait(); code != exitInstall {
		t.Errorf("exit code %d, want %d\n%s", code, exitInstall, r.stderr)
	}
	r.noQEMU(t)
	onlyBundle(t, r)
	stderr.Reset()
	if code := run(t.Context(), []string{"imgasm", "console", r.out}, strings.NewReader(""), &stdout, &stderr, os.Getenv); code != exitInput {
		t.Errorf("imgasm console without a guest: exit code %d: %s", code, &stderr)
	}
}
