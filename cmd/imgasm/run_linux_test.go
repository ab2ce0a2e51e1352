// Machines that run, with real processes: the test's own binary is imgasm, its
// supervisors, and QEMU.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/assemble/seed"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/hosttool"
	"github.com/imgasm/imgasm/qemu/instance"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestRunDetached(t *testing.T) {
	s := newScene(t, greets)
	before, err := os.ReadFile(s.image)
	if err != nil {
		t.Fatal(err)
	}
	out, stderr := s.must(s.runArgs("--detach", "--json", "--port", "18080:80", "--port", "18022:22")...)
	if !strings.Contains(stderr, "ssh on port 18022 of this host\n") {
		t.Error(stderr)
	}
	var i machineJSON
	if err := json.Unmarshal([]byte(out), &i); err != nil || i.Name != "disk" || i.SSHPort != 18022 || i.SSHUser != "admin" || i.Persist || i.MemoryMiB != 2048 || i.Ports[0] != "18080:80" {
		t.Fatalf("%v: %s", err, out)
	}
	if info, err := os.Stat(i.SSHKey); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the private key: %v, %v", info, err)
	}
	var list []machineJSON
	if out, _ = s.must("ps", "--json"); json.Unmarshal([]byte(out), &list) != nil || len(list) != 1 || list[0].SSHPort != i.SSHPort {
		t.Errorf("ps --json: %s", out)
	}
	fits(t, "machines", []byte(out))
	if out, _ = s.must("ps"); !strings.Contains(out, "disk  x86_64  tcg,thread=single  "+strconv.Itoa(i.SSHPort)) {
		t.Errorf("ps: %s", out)
	}
	if out, _ = s.must(completeVerb, "imgasm", "stop", "d"); !strings.HasPrefix(out, "disk\t") {
		t.Errorf("complete: %q", out)
	}
	shot := filepath.Join(t.TempDir(), "x.png")
	s.must("screenshot", "disk", "--out", shot)
	if picture, err := os.ReadFile(shot); err != nil {
		t.Error(err)
	} else if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Error(err)
	}
	// A pipe of its own that breaks, such as QEMU's, is no end of a supervisor.
	for pid := range processes(t, filepath.Join(s.dir, "s", "imgasm", "vm", "disk")) {
		if err := syscall.Kill(pid, syscall.SIGPIPE); err != nil {
			t.Error(err)
		}
	}
	if out, _ = s.must("logs"); out != "guest login: " {
		t.Errorf("logs: %q", out)
	}
	code, out, stderr := s.call("root\n\x1d", "console", "disk")
	if code != exitDone || !strings.HasPrefix("guest login: ", out) || !strings.Contains(stderr, "left; the guest stays") {
		t.Errorf("console: exit code %d: %q %s", code, out, stderr)
	}
	if _, stderr = s.must("stop"); !strings.Contains(stderr, "disk has powered off") {
		t.Errorf("stop: %s", stderr)
	}
	s.clean()
	if after, err := os.ReadFile(s.image); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the image is another: %v", err)
	}
	if code, _, stderr := s.call("", "stop"); code != exitInput || !strings.Contains(stderr, "no machine runs") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// What is done wrong is told before anything is started.
func TestRunRefuses(t *testing.T) {
	s := newScene(t, greets)
	zeros := filepath.Join(s.dir, "zeros.raw")
	if err := os.WriteFile(zeros, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(zeros)
	for want, args := range map[string][]string{
		"is not HOST:GUEST":           s.runArgs("--port", "80"),
		"no boot loader":              {"run", zeros},
		"choose either --user or":     s.runArgs("--user", "x", "--user-data", s.image),
		"begin it with #cloud-config": s.runArgs("--detach", "--user-data", s.image),
		"lower-case letters":          s.runArgs("--name", "a/b"),
		"16 MiB":                      s.runArgs("--memory", "1M"),
	} {
		if code, _, stderr := s.call("", args...); code != exitInput && code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d: %s", args, code, stderr)
		}
	}
	if err := os.Remove(zeros); err != nil {
		t.Fatal(err)
	}
	state := s.env["XDG_STATE_HOME"]
	s.env["XDG_STATE_HOME"] = filepath.Join(s.image, "x") // in a file
	if code, _, stderr := s.call("", s.runArgs()...); code != exitHost || !strings.Contains(stderr, "XDG_STATE_HOME") {
		t.Errorf("no folder for machines: exit code %d: %s", code, stderr)
	}
	s.env["XDG_STATE_HOME"] = state
	s.clean()
}

// An image that is written to itself has no layer; a window wants a keyboard.
func TestRunPersists(t *testing.T) {
	s := newScene(t, greets)
	if code, _, stderr := s.call("", s.runArgs("--gui")...); code != exitHost || !strings.Contains(stderr, "usb-kbd") {
		t.Errorf("--gui: exit code %d: %s", code, stderr)
	}
	out, _ := s.must(s.runArgs("--detach", "--json", "--persist")...)
	var i machineJSON
	if err := json.Unmarshal([]byte(out), &i); err != nil || !i.Persist {
		t.Fatalf("%v: %s", err, out)
	}
	if layers, err := filepath.Glob(filepath.Join(i.Folder, "*.qcow2")); err != nil || layers != nil {
		t.Errorf("%v, %v", layers, err)
	}
	s.must("stop")
	s.clean()
}

// In a pipe, the console goes through, and Ctrl-] in it leaves.
func TestRunInAPipe(t *testing.T) {
	s := newScene(t, greets)
	code, out, stderr := s.call("hello\x1d", s.runArgs()...)
	if code != exitDone || !strings.Contains(stderr, "the guest was ended") || !strings.HasPrefix("guest login: ", out) {
		t.Errorf("exit code %d: %q %s", code, out, stderr)
	}
	if strings.Contains(stderr, "\n\n") {
		t.Errorf("an empty line, where no terminal is: %q", stderr)
	}
	s.clean()
	s = newScene(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.Serial("bye\r\n"), qemutest.Sleep(200*time.Millisecond),
		qemutest.Event("SHUTDOWN", map[string]any{"guest": true, "reason": "guest-shutdown"}), qemutest.Exit(0))})
	code, out, stderr = s.call("", s.runArgs()...)
	if code != exitDone || out != "bye\r\n" || !strings.Contains(stderr, "the guest has powered off") {
		t.Errorf("exit code %d: %q %s", code, out, stderr)
	}
	s.clean()
}

// A kill -9 of imgasm takes QEMU with it; what else is left goes with the next look.
func TestRunSuddenDeath(t *testing.T) {
	s := newScene(t, qemutest.Script{IgnoreTERM: true, Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.Serial("up\r\n"))})
	cmd := s.command(s.runArgs()...)
	hold, keep := io.Pipe()
	defer keep.Close()
	cmd.Stdin = hold
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	keys, err := filepath.Glob(filepath.Join(s.dir, "s/imgasm/vm/disk/id_ed25519"))
	if err != nil || len(keys) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	keep.Close()
	_ = cmd.Wait()
	s.must("ps")
	s.clean()
}

// terminalPair opens a terminal: what a person has, and what a program sees.
func terminalPair(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skip(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// Whatever ends imgasm, the terminal is as it was.
func TestTerminalIsRestored(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *exec.Cmd, *os.File){
		"Ctrl-]":  func(t *testing.T, _ *exec.Cmd, person *os.File) { _, _ = person.WriteString("\x1d") },
		"SIGTERM": func(t *testing.T, cmd *exec.Cmd, _ *os.File) { _ = cmd.Process.Signal(syscall.SIGTERM) },
		"SIGHUP":  func(t *testing.T, cmd *exec.Cmd, _ *os.File) { _ = cmd.Process.Signal(syscall.SIGHUP) },
		"SIGQUIT": func(t *testing.T, cmd *exec.Cmd, _ *os.File) { _ = cmd.Process.Signal(syscall.SIGQUIT) },
		"three SIGINTs": func(t *testing.T, cmd *exec.Cmd, _ *os.File) {
			for range 3 {
				_ = cmd.Process.Signal(syscall.SIGINT)
				time.Sleep(20 * time.Millisecond)
			}
		},
		"QEMU's death": func(t *testing.T, cmd *exec.Cmd, _ *os.File) {
			out, _ := exec.Command("pgrep", "-P", strconv.Itoa(cmd.Process.Pid)).Output()
			if pid, err := strconv.Atoi(strings.TrimSpace(string(out))); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			} else {
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.Serial("up\r\n"))})
			person, program := terminalPair(t)
			before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			cmd := s.command(s.runArgs()...)
			cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			buf := make([]byte, 1024)
			for !strings.Contains(said.String(), "\nup\r") {
				n, err := person.Read(buf)
				if err != nil {
					t.Fatal(err, said.String())
				}
				said.Write(buf[:n])
			}
			during, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil || during.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) != 0 {
				t.Errorf("the terminal is not raw: %#x, %v", during.Lflag, err)
			}
			end(t, cmd, person)
			go func() { _, _ = io.Copy(io.Discard, person) }()
			_ = cmd.Wait()
			after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
			if err != nil || *after != *before {
				t.Errorf("the terminal was %+v and is %+v, %v", before, after, err)
			}
			s.must("ps")
			s.clean()
		})
	}
}

// Without an ssh, one sentence says so.
func TestSSHMissing(t *testing.T) {
	hosttool.Find(t, "ssh", "openssh-client")
	s := newScene(t, greets)
	s.must(s.runArgs("--detach")...)
	// The fake QEMU takes connections and says nothing.
	if code, _, stderr := s.call("", "ssh", "--wait", "1500ms"); code != exitTimeout || !strings.Contains(stderr, "waiting for the ssh server of disk") || !strings.Contains(stderr, "no ssh server of disk has answered within 1.5s") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	t.Setenv("PATH", t.TempDir())
	// Nobody waits for the guest before that.
	if code, _, stderr := s.call("", "ssh", "--wait", "1m"); code != exitHost || !strings.HasPrefix(stderr, "imgasm: error: ssh is not installed") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// ssh itself says how it reads our options.
func TestSSHOptions(t *testing.T) {
	ssh := hosttool.Find(t, "ssh", "openssh-client")
	i := &instance.Instance{Name: "alma-2", Dir: "/home/me/my state %d/alma-2", Spec: instance.Spec{SSH: instance.SSH{Port: 2223, User: "admin", Key: "/home/me/my state %d/alma-2/id_ed25519"}}}
	out, err := exec.Command(ssh, append(append([]string{"-G", "-F", "/dev/null"}, sshArgs(i)...), "-p", "2223", "--", destinationOf(i))...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"user admin", "hostname 127.0.0.1", "port 2223", "hostkeyalias imgasm-alma-2", "stricthostkeychecking accept-new", "identitiesonly yes"} {
		if !strings.Contains(string(out), want+"\n") {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	for _, want := range []string{`(?m)^userknownhostsfile "?/home/me/my state %+d/alma-2/known_hosts"?$`, `(?m)^identityfile "?/home/me/my state %+d/alma-2/id_ed25519"?$`} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

// Every name of a machine makes one of a host.
func TestHostname(t *testing.T) {
	for name, want := range map[string]string{"web-": "web", "a.b_c": "a-b-c", "0._-": "0"} {
		s := seed.Seed{Hostname: hostname(name)}
		if _, err := s.Files(); err != nil || s.Hostname != want {
			t.Errorf("%q: %q, %v", name, s.Hostname, err)
		}
	}
}

func TestDivided(t *testing.T) {
	for line, want := range map[string][2]int{"ssh": {0, 0}, "ssh x": {1, 0}, "ssh -- a": {0, 1}, "ssh x -- a -- b": {1, 3}, "ssh x --": {1, 0}, "ssh x a b": {3, 0}, "ssh --user u x -- -l": {1, 1}} {
		a := &app{Streams: ui.NewStreams(io.Discard, io.Discard, os.Getenv), args: append([]string{"imgasm"}, strings.Fields(line)...)}
		var before, after []string
		app := a.cli()
		for _, c := range app.Commands {
			if c.Name == "ssh" {
				c.Action = func(c *cli.Context) error { before, after = a.divided(c); return nil }
			}
		}
		if err := app.Run(interspersed(a.args, a.commands())); err != nil {
			t.Fatal(err)
		}
		if len(before) != want[0] || len(after) != want[1] {
			t.Errorf("%s: %q, %q", line, before, after)
		}
	}
}

func TestScpPath(t *testing.T) {
	for arg, want := range map[string]string{
		"alma:/x": "me@h:/x", ":x": "me@h:x", "a:b:c": "me@h:b:c", "alma:": "me@h:",
		"/a:b": "/a:b", "./a:b": "./a:b", "Alma:x": "./Alma:x", "a b:c": "./a b:c", "x": "x", "/tmp/a file:1": "/tmp/a file:1",
	} {
		if got := scpPath(arg, "me@h"); got != want {
			t.Errorf("%s: %q, want %q", arg, got, want)
		}
	}
}

// What imgasm run does before QEMU's first instruction, and imgasm ssh before ssh's;
// and imgasm ps of 20 machines.
func BenchmarkOverhead(b *testing.B) {
	b.Run("run", func(b *testing.B) {
		stamp := filepath.Join(b.TempDir(), "stamp")
		s := newScene(b, qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.Stamp(stamp))})
		s.must(s.runArgs("--detach")...) // what is remembered is remembered
		s.must("kill")
		var took time.Duration
		for b.Loop() {
			_ = os.Remove(stamp)
			begun := time.Now()
			if out, err := s.command(s.runArgs("--detach")...).CombinedOutput(); err != nil {
				b.Fatal(err, string(out))
			}
			var at int64
			for at == 0 {
				text, _ := os.ReadFile(stamp)
				at, _ = strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			}
			took += time.Unix(0, at).Sub(begun)
			s.must("kill")
		}
		b.ReportMetric(float64(took.Milliseconds())/float64(b.N), "ms/guest")
	})
	b.Run("ps", func(b *testing.B) {
		s := newScene(b, qemutest.Script{})
		for n := range 20 {
			f, err := instance.Store{Dir: filepath.Join(s.dir, "s/imgasm/vm")}.Create(b.Context(), fmt.Sprint("vm", n))
			if err != nil {
				b.Fatal(err)
			}
			defer f.Remove()
		}
		for b.Loop() {
			if out, err := s.command("ps").CombinedOutput(); err != nil || bytes.Count(out, []byte("\n")) != 21 {
				b.Fatal(err, string(out))
			}
		}
	})
	b.Run("ssh", func(b *testing.B) {
		s := newScene(b, qemutest.Script{})
		l, err := net.Listen("tcp4", "127.0.0.1:0") // a server that is up
		if err != nil {
			b.Skip(err)
		}
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(conn, "SSH-2.0-test\r\n")
				conn.Close()
			}
		}()
		f, err := instance.Store{Dir: filepath.Join(s.dir, "s/imgasm/vm")}.Create(b.Context(), "up")
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		ran, ended := make(chan struct{}), make(chan error, 1)
		spec := instance.Spec{}
		spec.VM.Arch, spec.VM.Binary = "x86_64", s.binary
		spec.SSH.Port = l.Addr().(*net.TCPAddr).Port
		go func() {
			_, err := f.Run(ctx, spec, func(*instance.Instance) { close(ran) })
			ended <- err
		}()
		<-ran
		fake := b.TempDir()
		if err := os.WriteFile(filepath.Join(fake, "ssh"), []byte("#!/bin/sh\nexit 42\n"), 0o700); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			cmd := s.command("ssh")
			cmd.Env = append(cmd.Env, "PATH="+fake)
			var exit *exec.ExitError
			if out, err := cmd.CombinedOutput(); !errors.As(err, &exit) || exit.ExitCode() != 42 {
				b.Fatal(err, string(out))
			}
		}
		cancel()
		<-ended
	})
}
