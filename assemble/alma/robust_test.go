package alma

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/guest"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// buildWith resolves s for a QEMU that does what steps say, and runs it.
func buildWith(t *testing.T, ctx context.Context, s Spec, sink event.Sink, steps func(nonce string) []qemutest.Step) error {
	t.Helper()
	p, err := resolve(ctx, s, testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: steps(p.nonce())})
	_, err = p.Run(ctx, sink)
	return err
}

// A QEMU that is killed is reported as such in whatever phase, and never as a success.
func TestQEMUKilledInEveryPhase(t *testing.T) {
	whole := success("0", "")
	for n := range whole {
		t.Run(fmt.Sprintf("after %d steps", n), func(t *testing.T) {
			t.Parallel()
			s, _, err := runScript(t, t.Context(), func(nonce, installed string) qemutest.Script {
				// One that ends when asked to, before it is killed, was not killed.
				return qemutest.Script{IgnoreQuit: true, Steps: append(success(nonce, installed)[:n:n], qemutest.Crash())}
			})
			// After the guest has powered off it is the host that failed.
			if !errors.As(err, new(*watch.Error)) && !errors.Is(err, ErrHost) {
				t.Fatalf("error %v (%T), want the guest's failure or the host's", err, err)
			}
			if assemble.Hint(err) == "" || !strings.Contains(strings.ToLower(err.Error()), "kill") {
				t.Errorf("it is not said that QEMU was killed: %v", err)
			}
			if errors.As(err, new(*watch.Error)) {
				onlyBundle(t, s.Out)
			}
			if _, err := os.Stat(s.Out); err == nil {
				t.Error("there is an output")
			}
		})
	}
}

// Without its monitor nobody learns how the guest ends: that is the host's fault.
func TestMonitorClosedAndQEMULives(t *testing.T) {
	t.Parallel()
	s, _, err := runBuild(t, t.Context(), func(string, string) []qemutest.Step {
		return []qemutest.Step{line("[    0.000000] Linux version 6.12"), qemutest.CloseQMP(), qemutest.Hang()}
	})
	if !errors.Is(err, watch.ErrHost) || !strings.Contains(err.Error(), "monitor") {
		t.Fatalf("error %v (%T), want ErrHost about the monitor", err, err)
	}
	onlyBundle(t, s.Out)
}

// An installer that never opens the virtio ports is told apart by its console
// and the way it ends alone.
func TestPortsNeverOpened(t *testing.T) {
	begun := []qemutest.Step{
		line("[    0.000000] Linux version 6.12.0-55.el10.x86_64"),
		line("[   20.100000] anaconda[2343]: Starting installer, one moment..."),
		line("[   30.200000] anaconda[2343]: Installing kernel.x86_64 (2/2)"),
	}
	complete := []qemutest.Step{
		line("[   38.000000] anaconda[2343]: Installing boot loader"),
		line("[   39.000000] anaconda[2343]: Storing configuration files and kickstarts"),
		line("[   40.000000] anaconda[2343]: Running post-installation scripts"),
		line("[   40.100000] anaconda[2343]: Complete!"),
	}
	for name, c := range map[string]struct {
		steps func(installed string) []qemutest.Step
		rule  string // of the failure; "": success
	}{
		"success": {func(installed string) []qemutest.Step {
			return qemutest.Steps(begun, qemutest.CopyTo("target", installed), complete, qemutest.PowerOff())
		}, ""},
		"power-off without Complete!": {func(string) []qemutest.Step { return qemutest.Steps(begun, qemutest.PowerOff()) }, "shutdown-early"},
		"Complete! and a reset":       {func(string) []qemutest.Step { return qemutest.Steps(begun, complete, qemutest.Reboot()) }, "reset-at-end"},
		"an error": {func(string) []qemutest.Step {
			return qemutest.Steps(begun, line("[   31.000000] anaconda[2343]: The installation was stopped due to an error which occurred while running in non-interactive cmdline mode. "),
				line("[   31.000001] anaconda[2343]: The exact error message is: "),
				line("[   31.000002] anaconda[2343]: Non interactive installation failed: You have not defined a root partition (/), which is required for installation of AlmaLinux to continue."),
				line("[   31.000003] anaconda[2343]: The installer will now terminate."), qemutest.Hang())
		}, "no-root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, r, err := runBuild(t, t.Context(), func(_, installed string) []qemutest.Step { return c.steps(installed) })
			if c.rule == "" {
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(r.steps(), "publish") {
					t.Error("nothing is published")
				}
				return
			}
			var install *watch.Error
			if !errors.As(err, &install) {
				t.Fatalf("error %v (%T), want the guest's failure", err, err)
			}
			if install.Failure.Rule != c.rule {
				t.Errorf("rule %q, want %q: %v", install.Failure.Rule, c.rule, err)
			}
			onlyBundle(t, s.Out)
		})
	}
}

// A guest that says nothing more is given up, and the error says what was silent.
func TestSilentGuest(t *testing.T) {
	t.Parallel()
	s := testSpec(t, qemutest.Script{})
	s.StallTimeout = time.Second
	err := buildWith(t, t.Context(), s, nil, func(string) []qemutest.Step {
		return []qemutest.Step{line("[    0.000000] Linux version 6.12.0-55.el10.x86_64"), qemutest.Hang()}
	})
	var late *watch.Error
	if !errors.As(err, &late) || !late.Failure.TimedOut || !errors.Is(err, watch.ErrTimeout) {
		t.Fatalf("error %v (%T), want ErrTimeout with its failure", err, err)
	}
	if !strings.Contains(err.Error(), "console") || assemble.Hint(err) == "" {
		t.Errorf("it is not said which silence it was: %v; hint %q", err, assemble.Hint(err))
	}
	onlyBundle(t, s.Out)
}

// A host disk that stays full ends the build, with what to do.
func TestHostDiskStaysFull(t *testing.T) {
	t.Parallel()
	s := testSpec(t, qemutest.Script{})
	s.SpaceWait = time.Nanosecond // over before anybody looks whether there is space
	err := buildWith(t, t.Context(), s, nil, func(string) []qemutest.Step {
		return qemutest.Steps(line("[    0.000000] Linux version 6.12"), qemutest.DiskFull("target"), qemutest.Hang())
	})
	if !errors.Is(err, watch.ErrHost) || assemble.Hint(err) == "" {
		t.Fatalf("error %v (%T), want ErrHost", err, err)
	}
	onlyBundle(t, s.Out)
}

// A flood neither blocks the guest nor grows our memory, and the log is whole.
func TestFloodingGuest(t *testing.T) {
	size := int64(100 << 20)
	if testing.Short() {
		size = 10 << 20
	}
	var most atomic.Uint64
	lines := 0
	sink := func(e event.Event) {
		if e.Kind != event.Console {
			return
		}
		if lines++; lines%5000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), m.HeapAlloc))
		}
	}
	s := testSpec(t, qemutest.Script{})
	err := buildWith(t, t.Context(), s, sink, func(string) []qemutest.Step {
		return qemutest.Steps(line("[    0.000000] Linux version 6.12"), qemutest.Flood(size),
			line("[    9.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00"), qemutest.Panic())
	})
	var install *watch.Error
	if !errors.As(err, &install) {
		t.Fatalf("error %v (%T), want the guest's failure", err, err)
	}
	if most.Load() > 64<<20 {
		t.Errorf("%d MiB of heap for %d MiB of console", most.Load()>>20, size>>20)
	}
	kept, err := os.ReadFile(filepath.Join(bundleOf(err), serialFile))
	if err != nil {
		t.Fatal(err)
	}
	begins, says, ends := bytes.Contains(kept[:100], []byte("Linux version 6.12")), bytes.Contains(kept, []byte("imgasm has left out")),
		bytes.Contains(kept[len(kept)-200:], []byte("Attempted to kill init!"))
	if cut := size > 50<<20; !begins || !ends || says != cut || !cut && int64(len(kept)) < size {
		t.Errorf("of %d bytes of console %d are kept; with the beginning: %t, the end: %t, a word on what is left out: %t", size, len(kept), begins, ends, says)
	}
}

// A guest that failed is held when that was asked for, and can be talked to,
// until the context ends; the error stays the guest's.
func TestHeldGuest(t *testing.T) {
	t.Parallel()
	s := testSpec(t, qemutest.Script{})
	s.KeepVM = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	held := make(chan string, 1)
	why := ""
	sink := func(e event.Event) {
		if e.Kind == event.Warning { // a plan's cautions are told before
			why += e.Text + e.Hint
		}
		if e.Kind == event.Warning && strings.Contains(e.Text, "kept") {
			held <- why
		}
	}
	ended := make(chan error, 1)
	p, err := resolve(ctx, s, testHost(t))
	if err != nil {
		t.Fatal(err)
	}
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: qemutest.Steps(
		line("[    9.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00"), qemutest.Panic(),
		qemutest.AwaitSerial("who are you\r"), line("the guest of a test"), qemutest.Hang())})
	go func() {
		_, err := p.Run(ctx, sink)
		ended <- err
	}()
	select {
	case text := <-held:
		for _, want := range []string{"imgasm console " + s.Out, "guest-panicked", "Attempted to kill init", s.Out + ".failed"} {
			if !strings.Contains(text, want) {
				t.Errorf("while the guest is held, nobody says %q: %s", want, text)
			}
		}
	case err := <-ended:
		t.Fatalf("the build ended and held no guest: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.Out+".failed", summaryFile)); err != nil {
		t.Errorf("no bundle while the guest is held: %v", err)
	}
	conn, err := guest.Dial(s.Out)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	expect(t, conn, "Attempted to kill init") // the end of what it said before
	if _, err := io.WriteString(conn, "who are you\r"); err != nil {
		t.Fatal(err)
	}
	expect(t, conn, "the guest of a test")
	second, err := guest.Dial(s.Out)
	if err != nil {
		t.Fatalf("a second terminal: %v", err)
	}
	second.Close()
	cancel()
	var install *watch.Error
	if err := <-ended; !errors.As(err, &install) {
		t.Errorf("error %v (%T), want the guest's failure", err, err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the console does not end with the guest: %v", err)
	}
	if _, err := guest.Dial(s.Out); !errors.Is(err, guest.ErrNoConsole) || assemble.Hint(err) == "" {
		t.Errorf("error %v, want ErrNoConsole", err)
	}
	onlyBundle(t, s.Out)
}

// expect reads until text comes.
func expect(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	defer func() { _ = conn.SetReadDeadline(time.Time{}) }()
	var all []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(all), text) {
		n, err := conn.Read(buf)
		all = append(all, buf[:n]...)
		if err != nil {
			t.Fatalf("%v before %q came: %q", err, text, all)
		}
	}
}

// Many runs in a row, with every kind of end, leave nothing behind: no
// goroutine, no file descriptor, no process, no file.
func TestRunsLeaveNothing(t *testing.T) {
	runs := 12
	switch {
	case os.Getenv("IMGASM_SOAK") != "":
		runs = 200
	case testing.Short():
		runs = 3
	}
	t.Logf("%d runs; IMGASM_SOAK=1 makes it 200", runs)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	one := func(n int) {
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		stop := errors.New("stop")
		sink := func(e event.Event) {
			if n%3 == 2 && e.Kind == event.Console {
				cancel(stop)
			}
		}
		s := testSpec(t, qemutest.Script{})
		p, err := resolve(ctx, s, testHost(t))
		if err != nil {
			t.Fatal(err)
		}
		steps := success(p.nonce(), bootSector(t))
		switch n % 3 {
		case 1:
			steps = append(steps[:3:3], qemutest.Crash())
		case 2:
			steps = append(steps[:3:3], qemutest.Hang())
		}
		p.Machine.Binary = qemutest.Executable(t, qemutest.Script{Steps: steps})
		_, err = p.Run(ctx, sink)
		switch n % 3 {
		case 0:
			if err != nil {
				t.Fatalf("run %d: %v", n, err)
			}
		case 1:
			if !errors.As(err, new(*watch.Error)) {
				t.Fatalf("run %d: %v, want the guest's failure", n, err)
			}
			onlyBundle(t, s.Out)
		case 2:
			if !errors.Is(err, stop) {
				t.Fatalf("run %d: %v, want the cause", n, err)
			}
			if entries, _ := os.ReadDir(filepath.Dir(s.Out)); len(entries) > 0 {
				t.Fatalf("run %d: an interrupted build left %v", n, entries)
			}
		}
	}
	one(0) // what is opened once for good is open now
	before := descriptors(t)
	others := goleak.IgnoreCurrent()
	for n := range runs {
		one(n)
	}
	goleak.VerifyNone(t, others)
	if after := descriptors(t); after > before {
		t.Errorf("%d open files, %d before", after, before)
	}
	if n := children(t); n > 0 {
		t.Errorf("%d child processes are left", n)
	}
	left, err := filepath.Glob(filepath.Join(tmp, "imgasm-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left in TMPDIR: %v, %v", left, err)
	}
}

// descriptors counts the open files of this process; 0 where that cannot be told.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Log("NOT CHECKED for open files: there is no /proc")
		return 0
	}
	return len(entries)
}

// children counts the child processes of this one; 0 where that cannot be told.
func children(t *testing.T) int {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(lists) == 0 {
		t.Log("NOT CHECKED for child processes: there is no /proc/self/task/*/children")
		return 0
	}
	n := 0
	for _, l := range lists {
		text, err := os.ReadFile(l)
		if err == nil {
			n += len(strings.Fields(string(text)))
		}
	}
	return n
}

// The last line of the log or progress port counts without a newline too: a
// guest may go down within it.
func TestLastLineOfAPort(t *testing.T) {
	for name, end := range map[string][]qemutest.Step{
		"done":  {qemutest.Port(watch.ProgressPort, "done")},
		"split": {qemutest.Port(watch.ProgressPort, "do"), qemutest.Sleep(300 * time.Millisecond), qemutest.Port(watch.ProgressPort, "ne")},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, err := runBuild(t, t.Context(), func(nonce, installed string) []qemutest.Step {
				steps := success(nonce, installed)
				for i := range steps { // the console says nothing of the end, and "done" has no end
					if steps[i].Text == "imgasm1 "+nonce+" done\n" {
						steps = slices.Concat(steps[:i], []qemutest.Step{qemutest.Port(watch.ProgressPort, "imgasm1 "+nonce+" ")}, end, qemutest.PowerOff())
						break
					}
				}
				return steps
			})
			if err != nil {
				t.Fatalf("%v\n%v", err, r.steps())
			}
			if _, err := resolve(t.Context(), s, testHost(t)); err != nil { // which would replace a file of the user's otherwise
				t.Error(err)
			}
		})
	}
}
