package qemu

// Machines that die, hang, lie and are deaf, at every phase of their life.

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/qemu/monitor"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func fake(t testing.TB, s qemutest.Script) Config {
	return Config{Arch: "x86_64", Binary: qemutest.Executable(t, s)}
}

// begin starts a fake and lets its guest go.
func begin(t testing.TB, c Config) *VM {
	t.Helper()
	vm, err := Start(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	if err := vm.Cont(t.Context()); err != nil {
		t.Fatal(err)
	}
	return vm
}

func TestStartFails(t *testing.T) {
	tests := []struct {
		name   string
		script qemutest.Script
		want   string
		code   int
	}{
		{"ends before it connects", qemutest.Script{Stderr: "qemu: -device nope: no such thing\n", EarlyExit: qemutest.Status(1)},
			"exit status 1: qemu: -device nope: no such thing", 1},
		{"ends well before it connects", qemutest.Script{EarlyExit: qemutest.Status(0)}, "ended at once, with status 0", 0},
		{"speaks something else", qemutest.Script{Greeting: "SSH-2.0-OpenSSH_9.2\r\n"}, `QMP greeting: not QEMU's: "SSH-2.0`, -1},
		{"greets in half a line", qemutest.Script{Greeting: `{"QMP": {`}, "context deadline exceeded", -1},
		{"refuses capabilities", qemutest.Script{Refusals: map[string]string{"qmp_capabilities": "no"}}, "QMP qmp_capabilities: no", -1},
		{"never connects", qemutest.Script{NoConnect: true, IgnoreTERM: true, Stderr: "thinking\n"}, "QMP monitor: context deadline exceeded", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			vm, err := Start(ctx, fake(t, tt.script), Options{})
			if err == nil {
				vm.Close()
				t.Fatal("started")
			}
			var pe *proc.Error
			if !errors.As(err, &pe) || pe.Code != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v (%+v), want %q with status %d", err, pe, tt.want, tt.code)
			}
		})
	}
}

func TestStartCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := Start(ctx, fake(t, qemutest.Script{NoConnect: true}), Options{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestStartMissing(t *testing.T) {
	_, err := Start(t.Context(), Config{Arch: "x86_64", Binary: "qemu-system-none"}, Options{})
	if !errors.Is(err, ErrMissing) || fault.Hint(err, nil) == "" {
		t.Errorf("error %v, want ErrMissing with a hint", err)
	}
}

func TestStartInvalid(t *testing.T) {
	c := fake(t, qemutest.Script{})
	c.CPUs = 1000
	if _, err := Start(t.Context(), c, Options{}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "1000 processors") {
		t.Errorf("error %v", err)
	}
}

func TestSlowStart(t *testing.T) {
	vm := begin(t, fake(t, qemutest.Script{Slow: 300 * time.Millisecond}))
	if err := vm.Quit(t.Context()); err != nil {
		t.Error(err)
	}
}

// The whole of an ordinary life: console, ports, events, counters, end.
func TestLife(t *testing.T) {
	c := fake(t, qemutest.Script{Steps: qemutest.Steps(
		qemutest.Serial("Linux version 6.12\r\n"),
		qemutest.OpenPort("org.imgasm.progress.0"),
		qemutest.Port("org.imgasm.progress.0", "done\n"),
		qemutest.Stats(map[string]map[string]int64{"hd": {"wr_bytes": 4096}}),
		qemutest.AwaitSerial("yes"),
		qemutest.PowerOff(),
	)})
	dir := t.TempDir()
	c.Ports = []Port{{Name: "org.imgasm.progress.0"}}
	c.Drives = []Drive{{ID: "hd", Path: filepath.Join(dir, "hd.raw")}}
	vm, err := Start(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	events := vm.Events()
	if s, _ := vm.Status(t.Context()); s.Status != "prelaunch" {
		t.Errorf("status %+v before cont", s)
	}
	if err := vm.Cont(t.Context()); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("Linux version 6.12\r\n"))
	if _, err := io.ReadFull(vm.Serial, line); err != nil || string(line) != "Linux version 6.12\r\n" {
		t.Errorf("serial %q %v", line, err)
	}
	port := make([]byte, 5)
	if _, err := io.ReadFull(vm.Port("org.imgasm.progress.0"), port); err != nil || string(port) != "done\n" {
		t.Errorf("port %q %v", port, err)
	}
	io.WriteString(vm.Serial, "yes\r")
	var names []string
	for e := range events.C() {
		names = append(names, e.Event)
		if e.Event == "STOP" {
			break
		}
	}
	if got := strings.Join(names, " "); got != "RESUME VSERPORT_CHANGE SHUTDOWN STOP" {
		t.Errorf("events %s", got)
	}
	if s, err := vm.Status(t.Context()); err != nil || s.Status != "shutdown" || s.Running {
		t.Errorf("status %+v %v", s, err)
	}
	stats, err := vm.BlockStats(t.Context())
	if err != nil || stats["hd"].WriteBytes != 4096 {
		t.Errorf("counters %v %v", stats, err)
	}
	if err := vm.Quit(t.Context()); err != nil {
		t.Errorf("quit: %v", err)
	}
	for range events.C() {
	}
}

// Whatever QEMU does, it is gone after Close, its end is told to everybody who
// waits, and commands do not hang.
func TestEnds(t *testing.T) {
	tests := []struct {
		name   string
		script qemutest.Script
		end    func(*VM)
		want   string // of Wait's error; "": nil
	}{
		{"exits with 0", qemutest.Script{Steps: qemutest.Steps(qemutest.Exit(0))}, nil, ""},
		{"exits with 1 and says why", qemutest.Script{Steps: qemutest.Steps(qemutest.Stderr("qemu: bug\n"), qemutest.Exit(1))}, nil,
			"exit status 1: qemu: bug"},
		{"is killed", qemutest.Script{Steps: qemutest.Steps(qemutest.Crash())}, nil, "killed"},
		{"is killed by us", qemutest.Script{}, (*VM).Kill, "killed"},
		{"quits", qemutest.Script{}, quit, ""},
		{"quits while its console floods and nobody reads", qemutest.Script{Steps: qemutest.Steps(qemutest.Flood(1 << 30))}, quit, ""},
		{"ignores quit", qemutest.Script{IgnoreQuit: true, IgnoreTERM: true}, quitSoon, "killed"},
		{"is deaf", qemutest.Script{Deaf: true, Steps: qemutest.Steps(qemutest.Hang())}, quitSoon, "killed"},
		{"froze", qemutest.Script{IgnoreTERM: true, Steps: qemutest.Steps(qemutest.Freeze())}, quitDead, "killed"},
		{"has closed QMP", qemutest.Script{Steps: qemutest.Steps(qemutest.CloseQMP(), qemutest.Hang())}, quitDead, "killed"},
		{"has closed its console", qemutest.Script{Steps: qemutest.Steps(qemutest.CloseSerial(), qemutest.Hang())}, quit, ""},
		{"is closed", qemutest.Script{}, func(vm *VM) { vm.Close() }, "killed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vm, err := Start(t.Context(), fake(t, tt.script), Options{})
			if err != nil {
				t.Fatal(err)
			}
			run := filepath.Dir(vm.links[0].addr)
			defer vm.Close()
			go vm.Cont(context.Background()) // its answer may never come
			var waiters sync.WaitGroup
			errs := make([]error, 4)
			for i := range errs {
				waiters.Go(func() { errs[i] = vm.Wait() })
			}
			if tt.end != nil {
				tt.end(vm)
			}
			waiters.Wait()
			for _, err := range errs {
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("wait: %v, want %q", err, tt.want)
				}
			}
			vm.Close()
			vm.Close()
			if err := vm.Cont(t.Context()); !errors.Is(err, monitor.ErrClosed) {
				t.Errorf("command after the end: %v, want ErrClosed", err)
			}
			if err := vm.Quit(t.Context()); (err == nil) != (tt.want == "") {
				t.Errorf("quit after the end: %v", err)
			}
			if _, err := os.Stat(run); !os.IsNotExist(err) {
				t.Errorf("%s is still there", run)
			}
		})
	}
}

func quit(vm *VM) { vm.Quit(context.Background()) }

// quitDead is quitSoon once QMP does not answer any more.
func quitDead(vm *VM) {
	for answers := true; answers; {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		_, err := vm.Status(ctx)
		answers = err == nil
		cancel()
	}
	quitSoon(vm)
}

// quitSoon gives QEMU little time.
func quitSoon(vm *VM) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	vm.Quit(ctx)
}

// What QEMU wrote before its end can still be read after it.
func TestSerialOutlivesQEMU(t *testing.T) {
	vm := begin(t, fake(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Serial("last words\n"), qemutest.Exit(1))}))
	vm.Wait()
	if text, err := io.ReadAll(vm.Serial); err != nil || string(text) != "last words\n" {
		t.Errorf("serial %q %v", text, err)
	}
}

// A flood is read whole.
func TestFlood(t *testing.T) {
	const size = 8 << 20
	vm := begin(t, fake(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Flood(size), qemutest.Exit(0))}))
	if n, err := io.Copy(io.Discard, vm.Serial); err != nil || n != size {
		t.Errorf("%d bytes %v, want %d", n, err, size)
	}
}

func TestDiskFull(t *testing.T) {
	c := fake(t, qemutest.Script{Steps: qemutest.Steps(qemutest.DiskFull("hd"), qemutest.Await("cont"), qemutest.Await("cont"), qemutest.PowerOff())})
	c.Drives = []Drive{{ID: "hd", Path: filepath.Join(t.TempDir(), "hd")}}
	vm, err := Start(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	events := vm.Events("STOP", "BLOCK_IO_ERROR", "SHUTDOWN")
	vm.Cont(t.Context())
	if e := <-events.C(); e.Event != "BLOCK_IO_ERROR" || e.Data["nospace"] != true {
		t.Errorf("event %+v", e)
	}
	<-events.C()
	if s, _ := vm.Status(t.Context()); s.Status != "io-error" {
		t.Errorf("status %+v", s)
	}
	vm.Cont(t.Context())
	if e := <-events.C(); e.Event != "SHUTDOWN" {
		t.Errorf("event %+v", e)
	}
	events.Close()
}

// A run directory of the caller's is used and left alone.
func TestRunDir(t *testing.T) {
	dir, err := os.MkdirTemp("", "r")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	vm, err := Start(t.Context(), fake(t, qemutest.Script{Stderr: "hello\n"}), Options{RunDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	vm.Quit(t.Context())
	vm.Close()
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("run directory: %v %v", list, err)
	}
	if vm.Stderr() != "hello\n" {
		t.Errorf("tail %q", vm.Stderr())
	}
}

func TestSocketPathTooLong(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, goos := range []string{"linux", "darwin"} {
		ls, err := openLinks(goos, long, nil)
		if err == nil {
			ls.close()
			t.Fatalf("%s: no error for a path of %d bytes", goos, len(long))
		}
		if !strings.Contains(err.Error(), "TMPDIR") {
			t.Errorf("%s: %v", goos, err)
		}
	}
}

// A TMPDIR of the user's that is too long is not used.
func TestLongTMPDIR(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 100))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	c := fake(t, qemutest.Script{})
	t.Setenv("TMPDIR", long)
	vm, err := Start(t.Context(), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	vm.Close()
}

func TestListenNetwork(t *testing.T) {
	for goos, want := range map[string]string{"windows": "tcp", "linux": "unix", "darwin": "unix", "freebsd": "unix"} {
		ls, err := openLinks(goos, t.TempDir(), []Port{{Name: "p"}})
		if err != nil {
			t.Fatal(goos, err)
		}
		for _, l := range ls {
			if got := l.l.Addr().Network(); got != want {
				t.Errorf("%s: %s", goos, got)
			}
			if want == "tcp" && !l.l.Addr().(*net.TCPAddr).IP.IsLoopback() {
				t.Errorf("%s listens on %s", goos, l.addr)
			}
		}
		ls.close()
	}
}

// Two hundred machines in a row leave nothing behind: goroutines are watched by
// TestMain, the rest here.
func TestManyRuns(t *testing.T) {
	n := 200
	if testing.Short() {
		n = 20
	}
	// The script's steps end some by themselves, at every point of their life.
	configs := []Config{
		fake(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Exit(0))}),
		fake(t, qemutest.Script{Steps: qemutest.Steps(qemutest.Crash())}),
		fake(t, qemutest.Script{EarlyExit: qemutest.Status(1)}),
		fake(t, qemutest.Script{}),
	}
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	before := openFiles(t)
	for i := range n {
		vm, err := Start(t.Context(), configs[i%len(configs)], Options{})
		if err != nil {
			continue
		}
		events := vm.Events()
		vm.Cont(t.Context())
		if i%8 >= 4 {
			vm.Quit(t.Context())
		}
		vm.Close()
		events.Close()
	}
	if after := openFiles(t); after > before+1 { // the runtime opens one of its own for polling
		t.Errorf("%d open files, %d before", after, before)
	}
	if list, _ := os.ReadDir(tmp); len(list) != 0 {
		t.Errorf("left in the temporary directory: %v", list)
	}
}

func TestInspectFake(t *testing.T) {
	old := qemutest.Executable(t, qemutest.Script{Version: [3]int{6, 2, 0}})
	info, err := Inspect(t.Context(), old)
	if !errors.Is(err, ErrOld) || info == nil || info.Version.Major != 6 ||
		err.Error() != old+" is QEMU 6.2.0: 7.0 is the oldest that imgasm works with" || fault.Hint(err, nil) == "" {
		t.Errorf("%+v %v, want ErrOld", info, err)
	}
	bare := qemutest.Executable(t, qemutest.Script{NoSandbox: true, Refusals: map[string]string{"query-cpu-definitions": "no"}})
	info, err = Inspect(t.Context(), bare)
	if err != nil || info.Sandbox || len(info.CPUs) != 0 || strings.Join(info.Accels, " ") != "tcg" {
		t.Errorf("%+v %v", info, err)
	}
	c := full(arch.X86_64, "/images")
	if m := info.Missing(c); m != nil {
		t.Errorf("missing %q", m)
	}
	c.Extra = []string{"-device", "warp-drive,id=w", "-device", "warp-drive"}
	if m := info.Missing(c); len(m) != 1 || m[0] != "warp-drive" {
		t.Errorf("missing %q, want warp-drive", m)
	}
	if info, err := Inspect(t.Context(), qemutest.Executable(t, qemutest.Script{})); err != nil || info.Sandbox != (runtime.GOOS == "linux") {
		t.Errorf("%+v %v", info, err)
	}
	broken := qemutest.Executable(t, qemutest.Script{Refusals: map[string]string{"qom-list-types": "no"}})
	if _, err := Inspect(t.Context(), broken); err == nil {
		t.Error("no error when nothing can be listed")
	}
}

// A program that is no QEMU, or one that cannot run, is named, with what it said.
func TestInspectNoQEMU(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no shell scripts")
	}
	dir := t.TempDir()
	for name, c := range map[string]struct {
		text  string
		mode  os.FileMode
		class error
		want  string
	}{
		"fails":   {"#!/bin/sh\necho 'libfoo.so: cannot open' >&2\nexit 127\n", 0o755, ErrNoAnswer, "fails what it can do: fails: exit status 127: libfoo.so: cannot open"},
		"ends":    {"#!/bin/sh\n", 0o755, ErrNoAnswer, "ends what it can do: ends: ended at once, with status 0"},
		"text":    {"lang en_US\n", 0o644, ErrMissing, "text cannot be executed"},
		"missing": {"", 0, ErrMissing, "there is no program"},
	} {
		path := filepath.Join(dir, name)
		if c.mode != 0 {
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Inspect(t.Context(), path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, c.class) || !strings.Contains(fault.Hint(err, nil), "QEMU") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A socket that a killed run left behind in the caller's directory is no obstacle.
func TestStaleSocket(t *testing.T) {
	dir := t.TempDir()
	old, err := net.Listen("unix", filepath.Join(dir, "qmp"))
	if err != nil {
		t.Skip("no unix sockets here: ", err)
	}
	old.(*net.UnixListener).SetUnlinkOnClose(false)
	old.Close()
	ls, err := openLinks("linux", dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	ls.close()
	if err := os.WriteFile(filepath.Join(dir, "qmp"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if ls, err := openLinks("linux", dir, nil); err == nil {
		ls.close()
		t.Error("a file that is no socket was replaced")
	}
}

// Whatever the paths are called, QEMU's option parser gives them back.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{"/a/b", "a,b", ",", ",,", "x=y", "nbd:unix:/x", "json:{}", "ü \n", "fat:rw:/etc", ",file=/etc/passwd"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c := full(arch.X86_64, "/images")
		c.Drives[0].Path, c.Firmware.Vars = path, path
		words := c.Args(Links{QMP: "/run/qmp", Serial: "/run/serial"})
		found := 0
		for i, w := range words {
			switch words[max(i-1, 0)] {
			case "-drive", "-chardev":
				props := parseOptions(w)
				if props["file.filename"] == path {
					found++
				}
			}
		}
		if path != "" && found != 2 {
			t.Errorf("%q was found %d times in %q", path, found, words)
		}
	})
}

// parseOptions reads QEMU's comma-joined options as util/qemu-option.c does,
// byte by byte.
func parseOptions(s string) map[string]string {
	props := map[string]string{}
	for len(s) > 0 {
		var field strings.Builder
		for len(s) > 0 {
			if s[0] == ',' {
				if len(s) < 2 || s[1] != ',' {
					s = s[1:]
					break
				}
				s = s[1:]
			}
			field.WriteByte(s[0])
			s = s[1:]
		}
		key, value, _ := strings.Cut(field.String(), "=")
		props[key] = value
	}
	return props
}
