//go:build unix

package instance

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
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// TestMain makes this program a supervisor too, and one that only reserves a name.
func TestMain(m *testing.M) {
	qemutest.Main()
	if len(os.Args) == 3 && os.Args[1] == "supervise" {
		if err := Supervise(context.Background(), os.Args[2], os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func supervisorArgv(t testing.TB) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, "supervise"}
}

// shortStore is a store whose sockets fit into it.
func shortStore(t testing.TB) Store {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "inst")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return Store{dir}
}

func fake(t testing.TB, s qemutest.Script) Spec {
	t.Helper()
	return Spec{Image: "disk.qcow2", VM: qemu.Config{Arch: "x86_64", Binary: qemutest.Executable(t, s), Display: true,
		Net: &qemu.Net{}, Actions: qemu.Actions{Shutdown: "poweroff"}}, SSH: SSH{Port: 40000 + os.Getpid()%20000}}
}

// up starts a detached instance.
func up(t testing.TB, s Store, name string, spec Spec) *Instance {
	t.Helper()
	f, err := s.Create(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	i, err := f.Detach(t.Context(), spec, supervisorArgv(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if i.Alive() {
			_ = i.Kill(context.Background())
		}
	})
	return i
}

// nothingLeft fails if there is anything of an instance: folder, sockets, processes.
func nothingLeft(t *testing.T, s Store, i *Instance, binary string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var left []string
		for _, dir := range []string{i.Dir, i.Sockets} {
			if _, err := os.Lstat(dir); err == nil {
				left = append(left, dir)
			}
		}
		if proc.Alive(i.Owner.Pid, i.Owner.ID) && i.Owner.Pid != os.Getpid() {
			left = append(left, fmt.Sprint("process ", i.Owner.Pid))
		}
		if n := processes(t, binary); n > 0 {
			left = append(left, fmt.Sprint(n, " QEMUs"))
		}
		if left == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left: %v", left)
		}
	}
}

// processes counts those that run a program.
func processes(t *testing.T, binary string) int {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-ww", "-o", "args=").Output()
	if err != nil {
		t.Skip(err)
	}
	return strings.Count(string(out), binary+" ")
}

// powersOff is a guest that powers off when its button is pressed.
func powersOff() qemutest.Script {
	return qemutest.Script{Steps: qemutest.Steps(qemutest.Serial("login: "), qemutest.Await("system_powerdown"),
		qemutest.Event("SHUTDOWN", map[string]any{"guest": true, "reason": "guest-shutdown"}), qemutest.Exit(0))}
}

func TestDetachedLife(t *testing.T) {
	s := shortStore(t)
	spec := fake(t, powersOff())
	i := up(t, s, "one", spec)
	for _, name := range []string{"one", ""} {
		if found, err := s.Find(t.Context(), name); err != nil || found.Supervisor != i.Supervisor || found.SSH.Port < spec.SSH.Port || found.Image != "disk.qcow2" {
			t.Fatalf("%q: %+v, %v", name, found, err)
		}
	}
	conn, err := i.Console(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got := make([]byte, 7)
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "login: " {
		t.Errorf("%q, %v", got, err)
	}
	picture, err := i.Screenshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Error(err)
	}
	var log bytes.Buffer
	if err := i.Log(t.Context(), &log, false); err != nil || log.String() != "login: " {
		t.Errorf("%q, %v", &log, err)
	}
	if off, err := i.Stop(t.Context(), 10*time.Second); err != nil || !off {
		t.Errorf("powered off: %v, %v", off, err)
	}
	nothingLeft(t, s, i, spec.VM.Binary)
	if _, err := s.Find(t.Context(), ""); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// A guest that does not hear its button is ended, and that is told.
func TestStopDeafGuest(t *testing.T) {
	s := shortStore(t)
	spec := fake(t, qemutest.Script{})
	i := up(t, s, "deaf", spec)
	if off, err := i.Stop(t.Context(), 100*time.Millisecond); err != nil || off {
		t.Errorf("powered off: %v, %v", off, err)
	}
	nothingLeft(t, s, i, spec.VM.Binary)
}

// Who does not wait any more is no deaf supervisor, and the machine goes on.
func TestStopInterrupted(t *testing.T) {
	s := shortStore(t)
	i := up(t, s, "busy", fake(t, qemutest.Script{}))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 200*time.Millisecond, io.EOF)
	defer cancel()
	if _, err := i.Stop(ctx, time.Minute); !errors.Is(err, io.EOF) || errors.Is(err, ErrSupervisor) {
		t.Error(err)
	}
	if !i.Alive() {
		t.Error("it has ended")
	}
}

// Several may look at once: each gets a whole picture.
func TestScreenshots(t *testing.T) {
	s := shortStore(t)
	i := up(t, s, "seen", fake(t, qemutest.Script{}))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			picture, err := i.Screenshot(t.Context())
			if err == nil {
				_, err = png.Decode(bytes.NewReader(picture))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestKill(t *testing.T) {
	for name, freeze := range map[string]bool{"works": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shortStore(t)
			spec := fake(t, qemutest.Script{IgnoreTERM: true})
			i := up(t, s, "victim", spec)
			if freeze {
				signalTo(t, i.Supervisor, syscall.SIGSTOP)
			}
			if err := i.Kill(t.Context()); err != nil {
				t.Error(err)
			}
			nothingLeft(t, s, i, spec.VM.Binary)
		})
	}
}

// After a kill -9 of the supervisor QEMU is gone; the rest goes with the next look.
func TestSuddenDeath(t *testing.T) {
	s := shortStore(t)
	spec := fake(t, qemutest.Script{IgnoreTERM: true})
	i, other := up(t, s, "dies", spec), up(t, s, "lives", fake(t, qemutest.Script{}))
	for _, name := range []string{"disk.qcow2", "id_ed25519"} {
		if err := os.WriteFile(filepath.Join(i.Dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	signalTo(t, i.Supervisor, syscall.SIGKILL)
	for i.alive() {
		time.Sleep(5 * time.Millisecond)
	}
	all, err := s.List(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "lives" {
		t.Errorf("%v, %v", all, err)
	}
	nothingLeft(t, s, i, spec.VM.Binary)
	if !other.Alive() {
		t.Error("another instance is gone too")
	}
}

// A folder that vanishes takes its machine with it: the instance's, and that of
// its sockets.
func TestLostFolder(t *testing.T) {
	for _, what := range []string{"folder", "record", "sockets"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := shortStore(t)
			if what == "sockets" { // they are elsewhere
				s.Dir = filepath.Join(t.TempDir(), strings.Repeat("long", 25))
			}
			spec := fake(t, qemutest.Script{IgnoreTERM: true})
			i := up(t, s, "lost", spec)
			gone := map[string]string{"folder": i.Dir, "record": filepath.Join(i.Dir, recordFile), "sockets": i.Sockets}[what]
			if what == "sockets" && i.Sockets == i.Dir {
				t.Fatal("the sockets are in a folder with too long a name")
			}
			if err := os.RemoveAll(gone); err != nil {
				t.Fatal(err)
			}
			nothingLeft(t, s, i, spec.VM.Binary)
		})
	}
}

// The record of a dead supervisor names a process that is somebody else's by now.
func TestRecycledPid(t *testing.T) {
	s := shortStore(t)
	bystander := exec.Command("sleep", "100")
	if err := bystander.Start(); err != nil {
		t.Skip(err)
	}
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	f, err := s.Create(t.Context(), "old")
	if err != nil {
		t.Fatal(err)
	}
	f.Owner.Pid = bystander.Process.Pid // with our time of start
	if err := f.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	i := f.Instance
	if err := i.Kill(t.Context()); err != nil {
		t.Error(err)
	}
	if err := bystander.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("a process that is no supervisor was killed: %v", err)
	}
	if all, err := s.List(t.Context()); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := os.Lstat(f.Dir); err == nil {
		t.Error("what the dead one has left is there")
	}
}

// A guest that filled the host's disk goes on when there is room, and both is said.
func TestFullDisk(t *testing.T) {
	s := shortStore(t)
	spec := fake(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Await("cont"), qemutest.DiskFull("image"), qemutest.Await("cont"), qemutest.Serial("on"))})
	i := up(t, s, "full", spec)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var log bytes.Buffer
		if err := i.Log(t.Context(), &log, false); err != nil {
			t.Fatal(err)
		}
		if text := log.String(); strings.Contains(text, "the host's disk is full") && strings.Contains(text, "goes on") && strings.Contains(text, "on") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q", &log)
		}
	}
}

// Another host with the same home has instances of its own.
func TestElsewhere(t *testing.T) {
	s := shortStore(t)
	f, err := s.Create(t.Context(), "theirs")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	f.Owner = process{Pid: 1 << 30, ID: "not known here", Host: "another"}
	if err := f.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err := s.List(t.Context()); err != nil || all != nil {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := s.Create(t.Context(), "theirs"); !errors.Is(err, ErrTaken) {
		t.Errorf("%v; want a name that is taken", err)
	}
}

// In the foreground the caller is the supervisor.
func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		script qemutest.Script
		end    End
		err    error
	}{
		"powers off": {qemutest.Script{Steps: qemutest.Steps(qemutest.Event("SHUTDOWN", map[string]any{"guest": true, "reason": "guest-shutdown"}), qemutest.Exit(0))}, PoweredOff, nil},
		"crashes":    {qemutest.Script{Steps: []qemutest.Step{qemutest.Crash()}}, Failed, ErrQEMU},
		"refuses":    {qemutest.Script{EarlyExit: qemutest.Status(1), Stderr: "no such machine\n"}, Failed, qemu.ErrStart},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shortStore(t)
			f, err := s.Create(t.Context(), "run")
			if err != nil {
				t.Fatal(err)
			}
			spec := fake(t, c.script)
			end, err := f.Run(t.Context(), spec, func(*Instance) {})
			if end != c.end || !errors.Is(err, c.err) {
				t.Errorf("%s, %v; want %s, %v", end, err, c.end, c.err)
			}
			i := f.Instance
			nothingLeft(t, s, &i, spec.VM.Binary)
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		s := shortStore(t)
		f, err := s.Create(t.Context(), "run")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		spec := fake(t, qemutest.Script{IgnoreTERM: true})
		end, err := f.Run(ctx, spec, func(*Instance) { cancel() })
		if end != Ended || !errors.Is(err, context.Canceled) {
			t.Errorf("%s, %v", end, err)
		}
		i := f.Instance
		nothingLeft(t, s, &i, spec.VM.Binary)
	})
}

// What keeps a detached machine from running is told by who started it.
func TestDetachFails(t *testing.T) {
	s := shortStore(t)
	f, err := s.Create(t.Context(), "bad")
	if err != nil {
		t.Fatal(err)
	}
	if _, err = f.Detach(t.Context(), fake(t, qemutest.Script{EarlyExit: qemutest.Status(1), Stderr: "no such machine\n"}), supervisorArgv(t)); !errors.Is(err, ErrSupervisor) || !strings.Contains(err.Error(), "no such machine") {
		t.Error(err)
	}
	if f, err = s.Create(t.Context(), "bad"); err != nil { // the name is free again
		t.Fatal(err)
	}
	if _, err = f.Detach(t.Context(), Spec{}, []string{"/bin/sh", "-c", "echo what >&2"}); !errors.Is(err, ErrSupervisor) || !strings.Contains(err.Error(), "what") {
		t.Error(err)
	}
}

// Several at once: each has a name and a port of its own.
func TestSeveral(t *testing.T) {
	s := shortStore(t)
	var all sync.WaitGroup
	spec := fake(t, qemutest.Script{})
	ports := make(chan int, 3)
	for range cap(ports) {
		all.Add(1)
		go func() {
			defer all.Done()
			f, err := s.CreateAny(t.Context(), "clone")
			if err != nil {
				t.Error(err)
				return
			}
			i, err := f.Detach(t.Context(), spec, supervisorArgv(t))
			if err != nil {
				t.Error(err)
				return
			}
			ports <- i.SSH.Port
		}()
	}
	all.Wait()
	close(ports)
	list, err := s.List(t.Context())
	if err != nil || len(list) != 3 || list[0].Name != "clone" || list[1].Name != "clone-2" || list[2].Name != "clone-3" {
		t.Errorf("%v, %v", list, err)
	}
	seen := map[int]bool{}
	for p := range ports {
		if p < spec.SSH.Port || seen[p] {
			t.Errorf("port %d is another's, or none that was asked for (%d)", p, spec.SSH.Port)
		}
		seen[p] = true
	}
	if _, err := s.Find(t.Context(), ""); !errors.Is(err, ErrSeveral) {
		t.Error(err)
	}
	if _, err := s.Create(t.Context(), "clone"); !errors.Is(err, ErrTaken) {
		t.Error(err)
	}
	for _, i := range list {
		if err := i.Kill(t.Context()); err != nil {
			t.Error(err)
		}
	}
	nothingLeft(t, s, list[0], spec.VM.Binary)
}

// Another port than ssh's that is taken is told as it is, at once.
func TestOtherPortTaken(t *testing.T) {
	s := shortStore(t)
	f, err := s.Create(t.Context(), "port")
	if err != nil {
		t.Fatal(err)
	}
	spec := fake(t, qemutest.Script{EarlyExit: qemutest.Status(1), Stderr: "Could not set up host forwarding rule 'tcp:127.0.0.1:1234-:80'\n"})
	spec.VM.Net.Forwards = []qemu.Forward{{HostPort: 1234, GuestPort: 80}}
	if _, err := f.Run(t.Context(), spec, func(*Instance) {}); errors.Is(err, ErrPort) || err == nil || !strings.Contains(err.Error(), ":1234-") {
		t.Error(err)
	}
}

// A record that cannot be read now is not one of nobody's.
func TestSweepWhileInterrupted(t *testing.T) {
	s := shortStore(t)
	f, err := s.Create(t.Context(), "lives")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.sweep(ctx); err != nil && !errors.Is(err, context.Canceled) { // nil: it was read before that was seen
		t.Error(err)
	}
	if !f.Alive() {
		t.Error("an instance that lives was removed")
	}
}

// A port that the user names is taken as it is.
func TestGivenPort(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	s := shortStore(t)
	spec := fake(t, qemutest.Script{})
	spec.VM.Net.Forwards = []qemu.Forward{{HostPort: l.Addr().(*net.TCPAddr).Port, GuestPort: 22}}
	f, err := s.Create(t.Context(), "port")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Run(t.Context(), spec, func(*Instance) {}); !errors.Is(err, qemu.ErrStart) {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for image, want := range map[string]string{
		"/images/Alma 10.qcow2": "alma-10", "alma.qcow2": "alma", "..qcow2": "vm", "": "vm", "Ünïcode.img": "n-code",
		strings.Repeat("x", 100) + ".raw": strings.Repeat("x", 29), "AlmaLinux-10-GenericCloud-latest.x86_64.qcow2": "almalinux-10-genericcloud-lat",
	} {
		if got := NameOf(image); got != want || CheckName(got+"-99") != nil {
			t.Errorf("%q: %q, want %q", image, got, want)
		}
	}
	for _, bad := range []string{"", "..", "a/b", "A", "-x", ".x", strings.Repeat("x", 33), "a\n"} {
		if !errors.Is(CheckName(bad), ErrName) {
			t.Errorf("%q is a name", bad)
		}
	}
}

// What a supervisor is asked may be nonsense.
func TestControlGarbage(t *testing.T) {
	s := shortStore(t)
	i := up(t, s, "garbage", fake(t, qemutest.Script{}))
	for _, text := range []string{"", "\n", "{", `{"do":"dance"}` + "\n", strings.Repeat("x", 100<<10)} {
		conn, err := net.Dial("unix", filepath.Join(i.Sockets, controlSocket))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(text))
		var a answer
		if strings.Contains(text, "dance") {
			if err := json.NewDecoder(conn).Decode(&a); err != nil || a.Error == "" {
				t.Errorf("%+v, %v", a, err)
			}
		}
		conn.Close()
	}
	if _, err := i.Screenshot(t.Context()); err != nil {
		t.Error(err)
	}
}

// The log of a guest that talks much is bounded, and who follows it misses nothing.
func TestLog(t *testing.T) {
	s := shortStore(t)
	f, err := s.Create(t.Context(), "talks")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Remove()
	log, err := newConsoleLog(f.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var heard bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error)
	go func() { followed <- f.Log(ctx, &heard, true) }()
	line := bytes.Repeat([]byte("x"), 1<<20-1)
	for n := range 9 {
		_, _ = log.Write(append(line, byte('a'+n)))
		time.Sleep(logPoll / 2 * 3)
	}
	cancel()
	if err := <-followed; !errors.Is(err, context.Canceled) || heard.Len() != 9<<20 {
		t.Errorf("%d bytes were heard, %v", heard.Len(), err)
	}
	var kept bytes.Buffer
	if err := f.Log(t.Context(), &kept, false); err != nil || kept.Len() < 4<<20 || kept.Len() > 10<<20 || !bytes.HasSuffix(kept.Bytes(), []byte("i")) {
		t.Errorf("%d bytes are kept, %v", kept.Len(), err)
	}
}

func signalTo(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	p, err := os.FindProcess(pid)
	if err == nil {
		err = p.Signal(s)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// imgasm ps looks at each record and asks no supervisor.
func BenchmarkList(b *testing.B) {
	s := shortStore(b)
	for n := range 20 {
		f, err := s.Create(b.Context(), fmt.Sprint("vm", n))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Remove()
	}
	for b.Loop() {
		if all, err := s.List(b.Context()); err != nil || len(all) != 20 {
			b.Fatal(all, err)
		}
	}
}
