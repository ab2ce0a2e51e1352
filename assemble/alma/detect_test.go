package alma

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/watch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/qemutest"
)

// proof is a way in which a guest shows that its installation has failed.
type proof struct {
	before []qemutest.Step // how far it has come
	steps  []qemutest.Step // the first line that proves it, and what follows at once
}

func proofs(nonce string) map[string]proof {
	direct := func(lines ...string) []qemutest.Step {
		var b strings.Builder
		for _, l := range lines {
			b.WriteString("[   31.000000] anaconda[2343]: " + l + "\r\n")
		}
		return []qemutest.Step{qemutest.Serial(b.String())}
	}
	tmux := func(lines ...string) []qemutest.Step {
		return []qemutest.Step{qemutest.Serial(strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\r\n")}
	}
	say := func(text string) qemutest.Step {
		return qemutest.Port(watch.ProgressPort, "imgasm1 "+nonce+" "+text+"\n")
	}
	const greeting, hub = "Starting installer, one moment...", "Starting automated install...."
	kernel := []qemutest.Step{line("[    0.000000] Linux version 6.12.0-55.el10.x86_64")}
	begun := qemutest.Steps(kernel, direct(greeting), say("phase pre"))
	packages := qemutest.Steps(begun, direct("Installing filesystem.x86_64 (1/2)"))
	painted := qemutest.Steps(kernel, tmux(greeting, hub), say("phase pre"))
	stopped := direct("The installation was stopped due to an error which occurred while running in non-interactive cmdline mode. ",
		"The exact error message is: ", "Non interactive installation failed: No match for argument: nosuchpackage. ", "The installer will now terminate.")
	rule := strings.Repeat("=", 80)
	const choose = "Please make a selection from the above ['b' to begin installation, 'h' to help,"
	return map[string]proof{
		"kernel panic": {packages, qemutest.Steps(line("[    9.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00007f00"), qemutest.Panic())},
		"kickstart error": {begun, direct("An error occurred during reading the kickstart file:",
			"The following problem occurred on line 3 of the kickstart file:", "Unknown command: frobnicate", "The installer will now terminate.")},
		"installer error, logs on the port": {packages, qemutest.Steps(stopped, say("error the installer gave up"), say("end"))},
		"installer error, no port":          {qemutest.Steps(kernel, direct(greeting)), stopped},
		"script failed, prompt not shown": {packages, direct(rule, rule, "Error",
			"  There was an error running the kickstart script at line 2.  This is a fatal", "  error and installation will be aborted.  The details of this error are:", "  ", "  about to fail")},
		"question, line ended":   {qemutest.Steps(begun, direct(hub)), direct(choose)},
		"question, line open":    {painted, []qemutest.Step{qemutest.Serial("Please make a selection from the above ['q' to quit, 'r' to refresh]: ")}},
		"dead pane":              {painted, tmux("Pane is dead (status 1, Sun Nov 22 22:22:07 2026)")},
		"power-off in the midst": {packages, qemutest.PowerOff()},
		"QEMU dies":              {packages, []qemutest.Step{qemutest.Crash()}},
	}
}

// BenchmarkDetection measures how soon a guest's failure is known: from the
// first of its bytes that prove it to the verdict, with a QEMU that is none.
func BenchmarkDetection(b *testing.B) {
	for name := range proofs("") {
		b.Run(name, func(b *testing.B) {
			var sum, worst time.Duration
			for range b.N {
				took := detect(b, name)
				sum, worst = sum+took, max(worst, took)
			}
			b.ReportMetric(0, "ns/op") // QEMU's start and end are not the point
			b.ReportMetric(float64(sum.Milliseconds())/float64(b.N), "ms")
			b.ReportMetric(float64(worst.Milliseconds()), "worst-ms")
		})
	}
}

// Each of the proofs is one.
func TestProofs(t *testing.T) {
	for name := range proofs("") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			detect(t, name)
		})
	}
}

// detect follows a guest that fails in the named way and returns how soon that was known.
func detect(t testing.TB, name string) time.Duration {
	t.Helper()
	s := testSpec(t, qemutest.Script{})
	p, err := resolve(t.Context(), s, testHost(t))
	ok(t, err)
	if err := os.WriteFile(filepath.Join(folder(t, p), assemble.DiskFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stamp := filepath.Join(t.TempDir(), "stamp")
	c := proofs(p.nonce())[name]
	p.Machine.Binary = qemutest.Executable(t, qemutest.Script{
		Steps: qemutest.Steps(c.before, qemutest.Sleep(time.Second), qemutest.Stamp(stamp), c.steps, qemutest.Hang())})
	vm, err := qemu.Start(t.Context(), p.Machine, qemu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	g := watch.New(vm, anaconda.New(anaconda.Config{Arch: "x86_64", Accel: "tcg", Nonce: p.nonce(), DoneMarker: true}), watch.Options{Timeout: time.Minute, Emit: func(event.Event) {}})
	failure, err := g.Follow(t.Context(), nil)
	now := time.Now()
	if err != nil || failure == nil || failure.TimedOut {
		t.Fatalf("failure %+v, error %v; want a failure that the guest proves", failure, err)
	}
	text, err := os.ReadFile(stamp)
	if err != nil {
		t.Fatal(errors.Join(errors.New("known before it was proven"), err))
	}
	began, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return now.Sub(time.Unix(0, began))
}
