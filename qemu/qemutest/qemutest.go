// Package qemutest is a fake QEMU for tests: the test's own binary, started
// under another name, speaks QMP, connects to the sockets that its command
// line names, copies what it says into logfile=, and otherwise does what a
// Script tells it to: say things on the console, raise events, die, hang, flood,
// or turn a deaf ear to "quit".
//
// A package that uses it calls Main first thing in its TestMain:
//
//	func TestMain(m *testing.M) { qemutest.Main(); os.Exit(m.Run()) }
//
// and gets the path of a QEMU for each script:
//
//	binary := qemutest.Executable(t, qemutest.Script{Steps: []qemutest.Step{
//		qemutest.Serial("Kernel panic - not syncing\r\n"), qemutest.Hang(),
//	}})
package qemutest

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Script is what the fake QEMU does. The zero value connects, answers, and runs
// until it is told to quit.
type Script struct {
	Version [3]int `json:",omitempty"` // of QEMU; zero: 7.2.22

	// Before it connects.
	Stderr    string        `json:",omitempty"` // said first
	EarlyExit *int          `json:",omitempty"` // ends with this status without connecting; see Status
	NoConnect bool          `json:",omitempty"` // never connects, and lives on
	Slow      time.Duration `json:",omitempty"` // connects after this time
	NoSandbox bool          `json:",omitempty"` // ends with status 1 when it is told to use -sandbox
	Greeting  string        `json:",omitempty"` // sent in place of QMP's greeting

	// While it runs.
	IgnoreQuit bool                       `json:",omitempty"` // "quit" is answered, and nothing follows
	Deaf       bool                       `json:",omitempty"` // no QMP command but qmp_capabilities is answered
	IgnoreTERM bool                       `json:",omitempty"` // SIGTERM does nothing
	Replies    map[string]json.RawMessage `json:",omitempty"` // answers to QMP commands, in place of the usual ones
	Refusals   map[string]string          `json:",omitempty"` // QMP commands that are refused, with the words

	// Steps are done one after the other once the guest has been let go by
	// "cont". After the last one the fake runs on until it is told to quit.
	Steps []Step `json:",omitempty"`

	// Probe is what accel's probe guest reports; "": all, and it passes.
	Probe string `json:",omitempty"`
}

// Step is one thing to do; make it with the functions below.
type Step struct {
	Do    string                      `json:",omitempty"`
	Text  string                      `json:",omitempty"`
	Name  string                      `json:",omitempty"`
	Data  map[string]any              `json:",omitempty"`
	Time  time.Duration               `json:",omitempty"`
	N     int64                       `json:",omitempty"`
	Stats map[string]map[string]int64 `json:",omitempty"`
}

// Serial writes to the serial console.
func Serial(text string) Step { return Step{Do: "serial", Text: text} }

// Port writes to the virtio-serial port of this name.
func Port(name, text string) Step { return Step{Do: "port", Name: name, Text: text} }

// OpenPort raises the event by which QEMU tells that the guest has opened a port.
func OpenPort(name string) Step { return Step{Do: "open", Name: name} }

// Flood writes n bytes of garbage lines to the serial console.
func Flood(n int64) Step { return Step{Do: "flood", N: n} }

// Event raises a QMP event. After a "STOP", query-status tells the state that
// the event before it explains, as QEMU does.
func Event(name string, data map[string]any) Step { return Step{Do: "event", Name: name, Data: data} }

// PowerOff is the guest's own power-off under -action shutdown=pause.
func PowerOff() []Step { return end("guest-shutdown") }

// Reboot is the guest's own reboot under -action reboot=shutdown,shutdown=pause.
func Reboot() []Step { return end("guest-reset") }

func end(reason string) []Step {
	return []Step{Event("SHUTDOWN", map[string]any{"guest": true, "reason": reason}), Event("STOP", nil)}
}

// Panic is a guest's panic with pvpanic and -action panic=pause.
func Panic() []Step {
	return []Step{Event("GUEST_PANICKED", map[string]any{"action": "pause"}), Event("STOP", nil)}
}

// DiskFull is the host's disk filling up under werror=stop.
func DiskFull(drive string) []Step {
	return []Step{Event("BLOCK_IO_ERROR", map[string]any{"device": drive, "node-name": "#block000", "operation": "write",
		"action": "stop", "nospace": true, "reason": "No space left on device"}), Event("STOP", nil)}
}

// Stats is what query-blockstats says from now on: counters ("wr_bytes", …) by drive.
func Stats(s map[string]map[string]int64) Step { return Step{Do: "stats", Stats: s} }

// Sleep lets time pass.
func Sleep(d time.Duration) Step { return Step{Do: "sleep", Time: d} }

// Stamp writes into a file when it is done, in nanoseconds since 1970: for
// benchmarks of how soon what follows is noticed.
func Stamp(file string) Step { return Step{Do: "stamp", Text: file} }

// Await waits until a QMP command of this name comes (or came since the last Await).
func Await(command string) Step { return Step{Do: "await", Name: command} }

// AwaitSerial waits until this text comes in on the serial console.
func AwaitSerial(text string) Step { return Step{Do: "await-serial", Text: text} }

// Stderr says something on stderr.
func Stderr(text string) Step { return Step{Do: "stderr", Text: text} }

// CopyTo copies a file onto the image of a drive, as if the guest had written it.
func CopyTo(drive, file string) Step { return Step{Do: "copy", Name: drive, Text: file} }

// CloseQMP closes the QMP socket, and nothing else.
func CloseQMP() Step { return Step{Do: "close-qmp"} }

// CloseSerial closes the serial console's socket, and nothing else.
func CloseSerial() Step { return Step{Do: "close-serial"} }

// Exit ends the process with this status.
func Exit(status int) Step { return Step{Do: "exit", N: int64(status)} }

// Crash ends the process by SIGKILL: the guest's memory was too large, or QEMU
// had a bug. On Windows it exits with status 3.
func Crash() Step { return Step{Do: "crash"} }

// Hang does nothing for ever; QMP is still answered.
func Hang() Step { return Step{Do: "hang"} }

// Freeze stops the whole process from doing anything, QMP included, until it is killed.
func Freeze() Step { return Step{Do: "freeze"} }

// Steps joins single steps and groups of them.
func Steps(parts ...any) []Step {
	var steps []Step
	for _, p := range parts {
		switch p := p.(type) {
		case Step:
			steps = append(steps, p)
		case []Step:
			steps = append(steps, p...)
		default:
			panic("qemutest.Steps: neither a Step nor a []Step")
		}
	}
	return steps
}

// Status is an exit status for Script.EarlyExit.
func Status(n int) *int { return &n }

// Executable makes an executable that follows the script. It has the name of a
// QEMU, lies in a directory of its own and goes with the test.
func Executable(t testing.TB, s Script) string {
	t.Helper()
	if !mainCalled {
		t.Fatal("qemutest.Executable: TestMain does not call qemutest.Main")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := "qemu-system-fake"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(self, path); err != nil {
		if err := copyFile(path, self, 0o755); err != nil { // Windows: links need a privilege
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+scriptSuffix, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scriptSuffix is where the fake finds its script: beside its own name.
const scriptSuffix = ".script.json"

var mainCalled bool

// Main returns in the test itself; in a fake QEMU it never returns.
func Main() {
	mainCalled = true
	text, err := os.ReadFile(os.Args[0] + scriptSuffix)
	if err != nil {
		return
	}
	var s Script
	if err := json.Unmarshal(text, &s); err != nil {
		os.Stderr.WriteString("qemutest: script: " + err.Error() + "\n")
		os.Exit(2)
	}
	os.Exit(newMachine(s, os.Args[1:]).run())
}

// copyFile writes src's content over dst from its beginning, without truncating it.
func copyFile(dst, src string, mode os.FileMode) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
