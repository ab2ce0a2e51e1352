// A scene on which imgasm runs machines: real processes, of which the test's own
// binary is imgasm, its supervisors and, if it is not a real one, QEMU.

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/qemu/qemutest"
)

// scene is a user's home, an image that a BIOS boots, and a QEMU.
type scene struct {
	t                  testing.TB
	dir, image, binary string
	env                map[string]string
}

func newScene(t testing.TB, s qemutest.Script) *scene {
	t.Helper()
	dir := shortDir(t)
	sector := make([]byte, 1<<20)
	sector[0], sector[510], sector[511] = 0xeb, 0x55, 0xaa
	sc := &scene{t: t, dir: dir, image: filepath.Join(dir, "disk.raw"), binary: qemutest.Executable(t, s),
		env: map[string]string{"XDG_STATE_HOME": filepath.Join(dir, "s"), "IMGASM_CACHE": filepath.Join(dir, "cache"), "TMPDIR": dir, "TERM": "xterm"}}
	if err := os.WriteFile(sc.image, sector, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = sc.call("", "kill") })
	return sc
}

// shortDir is a temporary folder in which sockets have room.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "run")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// call runs imgasm in this process.
func (s *scene) call(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), append([]string{"imgasm"}, args...), strings.NewReader(stdin), &out, &err, func(name string) string { return s.env[name] })
	return code, out.String(), err.String()
}

func (s *scene) must(args ...string) (stdout, stderr string) {
	s.t.Helper()
	code, stdout, stderr := s.call("", args...)
	if code != exitDone {
		s.t.Fatalf("imgasm %s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout, stderr
}

// command is imgasm in a process of its own.
func (s *scene) command(args ...string) *exec.Cmd {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	imgasm := filepath.Join(s.t.TempDir(), "imgasm")
	if err := os.Symlink(self, imgasm); err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(imgasm, args...)
	cmd.Env = os.Environ()
	for k, v := range s.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	return cmd
}

func (s *scene) runArgs(more ...string) []string {
	return append([]string{"run", s.image, "--qemu", s.binary, "--accel", "tcg", "--firmware", "bios"}, more...)
}

// clean fails unless nothing is left of any machine.
func (s *scene) clean() {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var left []string
		_ = filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && path != s.image && !strings.HasPrefix(path, s.env["IMGASM_CACHE"]) {
				left = append(left, path)
			}
			return nil
		})
		if n := qemuProcesses(s.t, s.dir); n > 0 {
			left = append(left, fmt.Sprint(n, " QEMUs"))
		}
		if left == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("left: %v", left)
		}
	}
}

// greets is a guest that greets and, told to, powers off.
var greets = qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.Serial("guest login: "), qemutest.Await("system_powerdown"),
	qemutest.Event("SHUTDOWN", map[string]any{"guest": true, "reason": "guest-shutdown"}), qemutest.Exit(0))}
