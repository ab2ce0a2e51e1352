package watch

import (
	"errors"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	os.Exit(m.Run())
}

func line(text string) qemutest.Step { return qemutest.Serial(text + "\r\n") }

// start starts a QEMU that does what steps say.
func start(t *testing.T, steps []qemutest.Step) *qemu.VM {
	t.Helper()
	vm, err := qemu.Start(t.Context(), qemu.Config{
		Arch: "x86_64", Binary: qemutest.Executable(t, qemutest.Script{Steps: steps}), Accel: "tcg", CPUs: 1, MemoryMiB: 256,
		Ports: []qemu.Port{{Name: LogPort}, {Name: ProgressPort}},
	}, qemu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Close() })
	return vm
}

// A defect in a goroutine that reads what the guest says ends the following.
func TestPanicBeside(t *testing.T) {
	vm := start(t, qemutest.Steps(line("[    0.000000] Linux version 6.12"), qemutest.Hang()))
	g := New(vm, anaconda.New(anaconda.Config{Arch: "x86_64", Accel: "tcg"}), Options{Timeout: time.Minute, Emit: func(event.Event) {}})
	g.now = func() time.Time { panic("the clock broke") } // asked when the guest has said something
	_, err := g.Follow(t.Context(), nil)
	var defect *guard.Panic
	if !errors.As(err, &defect) || !strings.Contains(string(defect.Stack), "watch.(*Guest).send") {
		t.Errorf("%v (%T), want a panic's error from a reader", err, err)
		if defect != nil {
			t.Logf("%s", defect.Stack)
		}
	}
}

// A host that slept for hours in the middle of an installation finds neither a
// stall nor a time limit passed, and the guest goes on.
func TestHostSleeps(t *testing.T) {
	t.Parallel()
	const nonce = "0123456789abcdef"
	vm := start(t, qemutest.Steps(line("[    0.000000] Linux version 6.12"), qemutest.AwaitSerial("awake"),
		line("[   20.100000] anaconda[2343]: Starting installer, one moment..."),
		qemutest.Port(ProgressPort, "imgasm1 "+nonce+" phase post\nimgasm1 "+nonce+" done\n"),
		line("[   40.100000] anaconda[2343]: Complete!"), qemutest.PowerOff()))
	var clock atomic.Int64 // nanoseconds since the beginning
	begun := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := func() time.Time { return begun.Add(time.Duration(clock.Load())) }
	var slept, heard atomic.Bool
	g := New(vm, anaconda.New(anaconda.Config{Arch: "x86_64", Accel: "tcg", Nonce: nonce, DoneMarker: true, Stall: time.Minute}), Options{
		Timeout: 10 * time.Minute,
		Emit: func(e event.Event) {
			slept.Store(slept.Load() || strings.Contains(e.Text, "the host slept for 3h"))
			heard.Store(heard.Load() || e.Kind == event.Console)
		},
	})
	ticks := make(chan time.Time)
	g.Begun, g.now, g.ticks = begun, now, ticks
	type end struct {
		failure *anaconda.Failure
		err     error
	}
	ended := make(chan end, 1)
	go func() {
		failure, err := g.Follow(t.Context(), nil)
		ended <- end{failure, err}
	}()
	tick := func(d time.Duration) {
		clock.Add(int64(d))
		time.Sleep(time.Millisecond) // so that the clock does not outrun the guest
		select {
		case ticks <- now():
		case e := <-ended:
			t.Fatalf("ended %v after its beginning: %v, %+v", time.Duration(clock.Load()), e.err, e.failure)
		case <-time.After(time.Minute):
			t.Fatal("nobody takes ticks")
		}
	}
	for !heard.Load() {
		tick(time.Millisecond)
	}
	tick(time.Second)
	tick(3 * time.Hour) // more than the time limit, and than may be silent
	for range 30 {
		tick(time.Second)
	}
	if _, err := io.WriteString(vm.Serial, "awake"); err != nil {
		t.Fatal(err)
	}
	for {
		clock.Add(int64(time.Millisecond)) // a power-off has to stand for a moment
		time.Sleep(time.Millisecond)
		select {
		case ticks <- now():
			continue
		case e := <-ended:
			if e.err != nil || e.failure != nil {
				t.Errorf("error %v, failure %+v; want success", e.err, e.failure)
			}
		case <-time.After(time.Minute):
			t.Error("the guest's end is not noticed")
		}
		break
	}
	if !slept.Load() {
		t.Error("it is not told that the host slept")
	}
}

// Sleep of the host is no time that passes for the guest, and a wall clock that
// is set, forth or back, is no silence.
func TestSuspendClock(t *testing.T) {
	begun := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) // no monotonic reading: a wall clock
	c := newSuspendClock(begun)
	now := begun
	var slept time.Duration
	step := func(d time.Duration) {
		now = now.Add(d)
		slept += c.slept(now)
	}
	for range 60 {
		step(time.Second)
	}
	step(3 * time.Hour)
	step(time.Second)
	step(-time.Hour)
	step(time.Second)
	if slept != 3*time.Hour {
		t.Errorf("slept %v, want 3h", slept)
	}
	if want := 62*time.Second + tickEvery; c.awake != want {
		t.Errorf("awake %v, want %v", c.awake, want)
	}
}
