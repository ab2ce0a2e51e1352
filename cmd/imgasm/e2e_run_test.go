// An image that was built runs, and its user works with it.

package main

import (
	"bytes"
	"errors"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/hosttool"
)

// ssh runs one of the verbs that become another program, and returns its exit
// status and what it wrote to standard output.
func (s *scene) ssh(args ...string) (code int, stdout string) {
	s.t.Helper()
	cmd := s.command(args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if errs.Len() > 0 {
		s.t.Logf("imgasm %s: %s", strings.Join(args, " "), &errs)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// answer is what is typed at a text of the guest's.
type answer struct{ await, typed string }

// ofRehearsal logs in at the console of a rehearsal's system, and leaves.
var ofRehearsal = []answer{{"login: ", "admin\n"}, {"Password: ", "admin\n"}, {"$ ", "echo $((40+2))-done\n"}, {"42-done", "\x1d"}}

// checkRuns has two clones of an image run at once: their user logs in, copies
// files, looks at console and screen, and stops them.
func checkRuns(t *testing.T, a arch.Arch, image string) {
	hosttool.Find(t, "ssh", "openssh-client")
	s := &scene{t: t, dir: shortDir(t), image: image, binary: a.QEMU}
	s.env = map[string]string{"XDG_STATE_HOME": filepath.Join(s.dir, "s"), "TMPDIR": s.dir, "HOME": os.Getenv("HOME"), "PATH": os.Getenv("PATH")}
	before, _, err := digest.File(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, name := range []string{"one", "two"} {
			_, _, _ = s.call("", "kill", name)
		}
	})
	for _, name := range []string{"one", "two"} {
		_, said := s.must("run", image, "--detach", "--name", name)
		t.Log(said)
	}
	keys := map[string]string{}
	for _, name := range []string{"one", "two"} {
		code, out := s.ssh("ssh", name, "--wait", "10m", "--", "uname -m; hostname; cat /etc/ssh/ssh_host_ed25519_key.pub")
		lines := strings.Split(out, "\n")
		if code != 0 || len(lines) < 3 || lines[0] != a.Name || lines[1] != name {
			t.Fatalf("ssh %s: exit code %d: %s\n%s", name, code, out, func() string { log, _ := s.must("logs", name); return log }())
		}
		keys[lines[2]] = name
	}
	if len(keys) != 2 {
		t.Errorf("two clones have one host key: %v", keys)
	}
	if code, _ := s.ssh("ssh", "one", "--", "exit 7"); code != 7 {
		t.Errorf("the exit status of the remote command is %d, want 7", code)
	}
	checkCopies(t, s)
	checkTerminal(t, s)
	for _, name := range []string{"one", "two"} {
		if _, said := s.must("stop", name, "--wait", "3m"); !strings.Contains(said, name+" has powered off") {
			t.Errorf("stop: %s", said)
		}
	}
	if out, _ := s.must("ps", "--json"); out != "[]\n" {
		t.Errorf("ps after all has ended: %s", out)
	}
	if left, err := filepath.Glob(filepath.Join(s.dir, "s/imgasm/vm/*")); err != nil || left != nil {
		t.Errorf("left: %v, %v", left, err)
	}
	if after, _, err := digest.File(t.Context(), image); err != nil || after != before {
		t.Errorf("the image is another, %v", err)
	}
}

// checkCopies copies files both ways.
func checkCopies(t *testing.T, s *scene) {
	t.Helper()
	dir := t.TempDir()
	here, back := filepath.Join(dir, "a file:1"), filepath.Join(dir, "back")
	text := bytes.Repeat([]byte("imgasm\n\x00"), 1<<17)
	if err := os.WriteFile(here, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.ssh("scp", here, "one:/tmp/there"); code != 0 {
		t.Fatalf("scp: exit code %d", code)
	}
	if code, _ := s.ssh("scp", "one:/tmp/there", back); code != 0 {
		t.Fatalf("scp: exit code %d", code)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, text) {
		t.Errorf("what comes back is %d bytes, not the %d that went, %v", len(got), len(text), err)
	}
	if code, _ := s.ssh("scp", "one:/nothing", back); code == 0 {
		t.Error("a file that is not there was copied")
	}
}

// checkTerminal looks at a machine's console and screen.
func checkTerminal(t *testing.T, s *scene) {
	t.Helper()
	shot := filepath.Join(t.TempDir(), "screen.png")
	s.must("screenshot", "two", "--out", shot)
	f, err := os.Open(shot)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if picture, err := png.Decode(f); err != nil || picture.Bounds().Dx() < 320 {
		t.Errorf("the screen's picture: %v", err)
	}
	cmd := s.command("console", "two")
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hear(t, cmd, said, keys, ofRehearsal)
}

// A foreign image with a boot sector alone, as qcow2 and raw, is started by a BIOS.
func TestE2ERunBIOS(t *testing.T) {
	hosttool.Machines(t)
	sector := make([]byte, 1<<20)
	// 16 bits at 0x7c00: what stands at 0x7d00 goes to the first serial port.
	copy(sector, "\x31\xc0\x8e\xd8\xba\xf8\x03\xbe\x00\x7d\xac\x84\xc0\x74\x03\xee\xeb\xf8\xf4\xeb\xfd")
	copy(sector[0x100:], "a BIOS was here\r\n")
	sector[510], sector[511] = 0x55, 0xaa
	for _, format := range []string{"raw", "qcow2"} {
		s := &scene{t: t, dir: shortDir(t), binary: "qemu-system-x86_64"}
		s.image = filepath.Join(s.dir, "disk."+format)
		s.env = map[string]string{"XDG_STATE_HOME": filepath.Join(s.dir, "s"), "TMPDIR": s.dir}
		var err error
		if format == "raw" {
			err = os.WriteFile(s.image, sector, 0o600)
		} else {
			err = qcow2.Create(t.Context(), s.image, bytes.NewReader(sector), qcow2.Options{})
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd := s.command("run", s.image)
		keys, err1 := cmd.StdinPipe()
		said, err2 := cmd.StdoutPipe()
		if err := errors.Join(err1, err2, cmd.Start()); err != nil {
			t.Fatal(err)
		}
		hear(t, cmd, said, keys, []answer{{"a BIOS was here", "\x1d"}})
		s.clean()
	}
}

// hear answers what a console says, in a process that must end well then.
func hear(t *testing.T, cmd *exec.Cmd, said io.Reader, keys io.Writer, answers []answer) {
	t.Helper()
	defer time.AfterFunc(3*time.Minute, func() { _ = cmd.Process.Kill() }).Stop()
	var heard strings.Builder
	buf := make([]byte, 4096)
	for _, a := range answers {
		for !strings.Contains(heard.String(), a.await) {
			n, err := said.Read(buf)
			if err != nil {
				t.Fatalf("no %q on the console: %v: %s", a.await, err, heard.String())
			}
			heard.Write(buf[:n])
		}
		heard.Reset()
		if _, err := keys.Write([]byte(a.typed)); err != nil {
			t.Fatal(err)
		}
	}
	_, _ = io.Copy(io.Discard, said)
	if err := cmd.Wait(); err != nil {
		t.Errorf("imgasm: %v", err)
	}
}
