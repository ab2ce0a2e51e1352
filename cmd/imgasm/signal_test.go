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
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// running is an imgasm in the middle of an installation.
type running struct {
	cmd    *exec.Cmd
	dir    string // holds everything that it makes
	out    string
	stderr *bytes.Buffer
	ended  chan struct{} // its stdout has ended
}

// startImgasm starts a build on a QEMU that follows steps, and returns when the
// guest has been heard.
func startImgasm(t *testing.T, script qemutest.Script, flags ...string) *running {
	t.Helper()
	r := &running{dir: t.TempDir(), stderr: new(bytes.Buffer), ended: make(chan struct{})}
	r.out = filepath.Join(r.dir, "image.raw")
	work := t.TempDir()
	installer, tmp := filepath.Join(work, "installer.iso"), filepath.Join(work, "t")
	fakeInstaller(t, installer)
	if err := os.Mkdir(tmp, 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	imgasm := filepath.Join(work, "imgasm")
	if err := os.Symlink(self, imgasm); err != nil {
		t.Fatal(err)
	}
	// The QEMU that is only asked what it can do is never told to go on.
	script.Steps = append([]qemutest.Step{qemutest.Await("cont"), qemutest.Serial("[    0.000000] Linux version 6.12.0-55.el10.x86_64\r\n")}, script.Steps...)
	args := append([]string{"alma", "--iso", installer, "--arch", "x86_64", "--firmware", "bios", "--accel", "tcg", "--disk-size", "10G",
		"--qemu", qemutest.Executable(t, script), "--out", r.out, "--json"}, flags...)
	r.cmd = exec.Command(imgasm, args...)
	r.cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "IMGASM_CACHE="+filepath.Join(work, "cache"))
	r.cmd.Stderr = r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	dec := json.NewDecoder(stdout)
	for {
		var e event.Event
		if err := dec.Decode(&e); err != nil {
			_ = r.cmd.Wait()
			t.Fatalf("ended before the guest was heard: %v\n%s", err, r.stderr)
		}
		if e.Kind == event.Console {
			break
		}
	}
	go func() {
		defer close(r.ended)
		_, _ = io.Copy(io.Discard, stdout)
	}()
	return r
}

func (r *running) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
}

// wait returns the exit code; -1: killed.
func (r *running) wait() int {
	<-r.ended
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
		})
	}
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
	entries, err := os.ReadDir(r.dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "image.raw.failed" {
		t.Errorf("left: %v, %v; want the bundle alone", entries, err)
	}
	stderr.Reset()
	if code := run(t.Context(), []string{"imgasm", "console", r.out}, strings.NewReader(""), &stdout, &stderr, os.Getenv); code != exitInput {
		t.Errorf("imgasm console without a guest: exit code %d: %s", code, &stderr)
	}
}
