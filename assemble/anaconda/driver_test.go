package anaconda

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/console"
)

// drive plays a build to a machine as the driver does: a tick every second
// between the inputs.
type drive struct {
	t      *testing.T
	m      *Machine
	at     time.Duration
	out    Output
	events []event.Event
	asked  []Action
	stops  bool // like the driver, at the first verdict
}

func newDrive(t *testing.T, c Config) *drive {
	if c.Nonce == "" {
		c.Nonce = "0123456789abcdef"
	}
	return &drive{t: t, m: New(c), stops: true}
}

func (d *drive) step(w What) {
	if d.stops && d.out.Verdict != Running {
		return
	}
	d.out = d.m.Step(Input{At: d.at, What: w})
	d.events = append(d.events, d.out.Events...)
	if d.out.Do != Nothing {
		d.asked = append(d.asked, d.out.Do)
	}
}

// wait lets time pass with ticks, until a verdict.
func (d *drive) wait(for_ time.Duration) {
	for end := d.at + for_; d.at < end && d.out.Verdict == Running; {
		d.at += time.Second
		d.step(Tick{})
	}
}

func (d *drive) console(lines ...string) {
	for i, l := range lines {
		d.step(Console(console.Record{Line: i + 1, Text: l}))
	}
}

func (d *drive) port(lines ...string) {
	for _, l := range lines {
		d.step(Progress{Line: 1, Text: "imgasm1 " + d.m.config.Nonce + " " + l})
	}
}

func (d *drive) shutdown(reason string) {
	d.step(QMP{Name: "SHUTDOWN", Data: map[string]any{"guest": strings.HasPrefix(reason, "guest"), "reason": reason}})
}

func (d *drive) want(v Verdict, rule string) {
	d.t.Helper()
	got := ""
	if d.out.Failure != nil {
		got = d.out.Failure.Rule
	}
	if d.out.Verdict != v || got != rule {
		d.t.Errorf("verdict %v by %q after %v, want %v by %q", d.out.Verdict, got, d.at, v, rule)
	}
}

var healthy = []string{
	"Starting installer, one moment...", "anaconda 40.22.3.57-1.el10 for AlmaLinux 10.1 started.",
	"Starting automated install.", "Setting up the installation environment", ".", "Installing the software",
	"Installing bash.x86_64 (1/2)", "Installing systemd.x86_64 (2/2)", ".", "Installing boot loader", ".",
	"Storing configuration files and kickstarts", ".", "Running post-installation scripts", "...", "Complete!",
}

func TestSuccessNeedsBothSides(t *testing.T) {
	t.Run("marker and power off", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy...)
		d.port("phase post", "fact release=AlmaLinux 10.1", "package bash-5.2-1.x86_64", "done")
		d.want(Running, "")
		d.shutdown("guest-shutdown")
		d.want(Succeeded, "")
		r := d.m.Report()
		if r.Facts["release"] != "AlmaLinux 10.1" || len(r.Packages) != 1 || d.out.Fraction != 1 {
			t.Errorf("report %+v, fraction %v", r, d.out.Fraction)
		}
	})
	t.Run("the marker may come after the event", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.port("phase post")
		d.shutdown("guest-shutdown")
		d.want(Running, "")
		d.at += 300 * time.Millisecond
		d.port("done")
		d.want(Succeeded, "")
	})
	t.Run("no marker", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy...)
		d.port("phase post")
		d.shutdown("guest-shutdown")
		d.wait(5 * time.Second)
		d.want(Failed, "no-done-marker")
	})
	t.Run("a guest without the port", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy...)
		d.shutdown("guest-shutdown")
		d.want(Succeeded, "")
	})
	t.Run("a marker of someone else", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console("Starting installer, one moment...")
		d.step(Progress{Text: "imgasm1 ffffffffffffffff done"})
		d.step(Progress{Text: "done"})
		d.shutdown("guest-shutdown")
		d.wait(5 * time.Second)
		d.want(Failed, "shutdown-early")
	})
	t.Run("a reset instead of power off", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy...)
		d.port("done")
		d.shutdown("guest-reset")
		d.wait(5 * time.Second)
		d.want(Failed, "reset-at-end")
	})
	t.Run("a kickstart that reboots", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true, EndsWithReboot: true})
		d.console(healthy...)
		d.port("done")
		d.shutdown("guest-reset")
		d.want(Succeeded, "")
	})
	for reason, c := range map[string]Config{"guest-reset": {DoneMarker: true}, "guest-shutdown": {DoneMarker: true, EndsWithReboot: true}} {
		t.Run("an included file ends the installation by "+reason, func(t *testing.T) {
			d := newDrive(t, c)
			d.console(healthy...)
			d.port("done")
			d.step(Console(console.Record{Line: 99, Source: "kernel", Stamped: true, Stamp: time.Hour, Text: map[string]string{
				"guest-reset": "reboot: Restarting system", "guest-shutdown": "reboot: Power down"}[reason]}))
			d.shutdown(reason)
			d.wait(5 * time.Second)
			d.want(Succeeded, "")
		})
	}
	t.Run("a crash whose kernel is followed by that of kdump", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy...)
		d.port("done")
		d.step(Console(console.Record{Line: 99, Source: "kernel", Stamped: true, Text: "Linux version 6.12.0"}))
		d.shutdown("guest-reset")
		d.wait(5 * time.Second)
		d.want(Failed, "reset-at-end")
	})
	t.Run("powered off too early", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy[:7]...)
		d.shutdown("guest-shutdown")
		d.wait(5 * time.Second)
		d.want(Failed, "shutdown-early")
	})
	t.Run("reset too early", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy[:7]...)
		d.shutdown("guest-reset")
		d.step(Exit{Code: 0})
		d.want(Failed, "reset-early")
	})
	t.Run("without a marker the console's word counts", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy...)
		d.want(Running, "")
		d.shutdown("guest-shutdown")
		d.want(Succeeded, "")
	})
	t.Run("or the log's", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.step(Log{Line: 1, Text: "11:33:24,440 INFO anaconda:anaconda: installation: All tasks in the installation queue are done. Installation successfully finished."})
		d.shutdown("guest-shutdown")
		d.want(Succeeded, "")
	})
}

func TestFailuresOfTheHost(t *testing.T) {
	t.Run("a panic that the console explains a moment later", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy[:7]...)
		d.step(QMP{Name: "GUEST_PANICKED", Data: map[string]any{"action": "poweroff"}})
		d.shutdown("guest-panic")
		d.want(Running, "")
		d.step(Console(console.Record{Line: 9, Source: "kernel", Stamped: true, Text: "Kernel panic - not syncing: Fatal exception"}))
		d.want(Failed, "kernel-panic")
	})
	t.Run("a panic that nothing explains", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.step(QMP{Name: "GUEST_PANICKED", Data: map[string]any{"action": "poweroff"}})
		d.shutdown("guest-panic")
		d.wait(5 * time.Second)
		d.want(Failed, "guest-panicked")
	})
	t.Run("QEMU crashes", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.step(Exit{Code: 1, Stderr: "qemu: something\nqemu: broke\n"})
		d.want(Failed, "qemu-failed")
		if f := d.out.Failure; len(f.Lines) != 3 || f.Class != ClassHost {
			t.Errorf("%+v", f)
		}
	})
	t.Run("QEMU is killed", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.step(Exit{Signal: "killed"})
		d.want(Failed, "qemu-killed")
	})
	t.Run("QEMU pauses a guest that has ended", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy[:7]...)
		d.shutdown("guest-shutdown")
		d.step(QMP{Name: "STOP"})
		d.wait(5 * time.Second)
		d.want(Failed, "shutdown-early")
	})
	t.Run("QEMU pauses a guest that has panicked", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.step(QMP{Name: "GUEST_PANICKED", Data: map[string]any{"action": "pause"}})
		d.step(QMP{Name: "STOP"})
		d.wait(15 * time.Second)
		d.want(Failed, "guest-panicked")
	})
	t.Run("someone quits QEMU", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.shutdown("host-signal")
		d.want(Failed, "stopped-by-host")
	})
	t.Run("the accelerator fails", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.step(Exit{Code: 1, Stderr: "qemu-system-x86_64: failed to initialize kvm: Permission denied"})
		d.want(Failed, "qemu-accel")
	})
	t.Run("the watchdog bites", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.step(QMP{Name: "WATCHDOG", Data: map[string]any{"action": "pause"}})
		d.want(Failed, "watchdog")
	})
	t.Run("the host's disk is broken", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.step(QMP{Name: "BLOCK_IO_ERROR", Data: map[string]any{"device": "hd", "nospace": false, "action": "stop", "reason": "Input/output error", "operation": "write"}})
		d.want(Failed, "host-disk-error")
	})
	t.Run("the host's disk is full for an hour, then not", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:7]...)
		for range 30 {
			d.step(QMP{Name: "BLOCK_IO_ERROR", Data: map[string]any{"nospace": true, "action": "stop", "reason": "No space left on device"}})
		}
		d.step(QMP{Name: "STOP"})
		d.wait(time.Hour)
		d.want(Running, "")
		if len(d.asked) != 1 || d.asked[0] != WaitForSpace {
			t.Errorf("asked for %v", d.asked)
		}
		d.step(QMP{Name: "RESUME"})
		d.wait(5 * time.Minute)
		d.want(Running, "")
		d.console(healthy[7:]...)
		d.shutdown("guest-shutdown")
		d.want(Succeeded, "")
	})
}

func TestStall(t *testing.T) {
	t.Run("silence", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:7]...)
		d.wait(time.Hour)
		d.want(Failed, "stall")
		f := d.out.Failure
		if !f.TimedOut || f.Class != ClassStall || d.at != 10*time.Minute {
			t.Errorf("after %v: %+v", d.at, f)
		}
		if n := len(f.Context); n == 0 || f.Context[n-1].Text != healthy[6] {
			t.Errorf("context %v", f.Context)
		}
		for _, want := range []string{"10m", "no new text on the console", "installing packages", "Installing bash.x86_64"} {
			if !strings.Contains(f.Lines[0].Text, want) {
				t.Errorf("%q does not say %q", f.Lines[0].Text, want)
			}
		}
	})
	t.Run("emulated guests get more time", func(t *testing.T) {
		d := newDrive(t, Config{Accel: "tcg"})
		d.console(healthy[:7]...)
		d.wait(29 * time.Minute)
		d.want(Running, "")
		d.wait(2 * time.Minute)
		d.want(Failed, "stall")
	})
	t.Run("as given", func(t *testing.T) {
		d := newDrive(t, Config{Stall: time.Minute})
		d.wait(59 * time.Second)
		d.want(Running, "")
		d.wait(2 * time.Second)
		d.want(Failed, "stall")
	})
	t.Run("never", func(t *testing.T) {
		d := newDrive(t, Config{Stall: -1})
		d.wait(24 * time.Hour)
		d.want(Running, "")
	})
	t.Run("a clock, dots and a kernel that repeats itself are silence", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:7]...)
		for i := range 3600 {
			d.wait(time.Second)
			d.console(fmt.Sprintf("[anaconda] %02d:%02d", i/60, i%60), strings.Repeat(".", i%60+1), fmt.Sprintf("clocksource: Long readout interval: cs_nsec: %d", i))
		}
		d.want(Failed, "stall")
	})
	t.Run("writing is no silence", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:7]...)
		for i := range 360 {
			d.wait(10 * time.Second)
			d.step(Blocks{WrittenBytes: int64(i)})
		}
		d.want(Running, "")
		d.wait(11 * time.Minute)
		d.want(Failed, "stall")
		if !strings.Contains(d.out.Failure.Lines[0].Text, "no disk writes") {
			t.Error(d.out.Failure.Lines[0].Text)
		}
	})
	t.Run("a log that goes on is no silence", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:7]...)
		for i := range 60 {
			d.wait(time.Minute)
			d.step(Log{Line: i, Text: "11:33:24,440 INFO anaconda:packaging: Installed: " + strings.Repeat("x", i+1)})
		}
		d.want(Running, "")
	})
	t.Run("a host that sleeps for a day is no silence", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:7]...)
		d.wait(time.Minute)
		d.at += 24 * time.Hour
		d.step(Tick{})
		d.step(Suspended{For: 24 * time.Hour})
		d.want(Running, "")
		d.wait(8 * time.Minute)
		d.want(Running, "")
		d.wait(2 * time.Minute)
		d.want(Failed, "stall")
	})
	t.Run("dots for ever", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:3]...)
		for i := range 3600 {
			d.wait(time.Second)
			d.step(Log{Line: i, Text: "11:33:24,440 DEBUG anaconda:anaconda: " + strings.Repeat("y", i%500+1)})
		}
		d.want(Failed, "stall-checks")
	})
}

func TestLastWords(t *testing.T) {
	cmdline := []string{
		"The installation was stopped due to an error which occurred while running in non-interactive cmdline mode. Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation.",
		"The exact error message is:", "Non interactive installation failed: No usable disks.", "The installer will now terminate.",
	}
	t.Run("until they have come", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy[:4]...)
		d.port("phase pre")
		d.console(cmdline...)
		d.want(Running, "")
		if e := d.events[len(d.events)-1]; e.Rule != "no-disks" || !strings.Contains(e.Text, "has failed") {
			t.Errorf("not told at once: %+v", e)
		}
		if d.out.Pending == nil || d.out.Pending.Rule != "no-disks" {
			t.Errorf("pending %+v", d.out.Pending)
		}
		d.wait(time.Second)
		d.port("error the installer gave up", "log anaconda.log "+base64.StdEncoding.EncodeToString([]byte("one\n")))
		d.wait(time.Second)
		d.port("log anaconda.log " + base64.StdEncoding.EncodeToString([]byte("two\n")))
		d.want(Running, "")
		d.wait(10 * time.Second)
		d.want(Failed, "no-disks")
		if d.at > 5*time.Second {
			t.Errorf("waited until %v", d.at)
		}
		if got := string(d.m.Report().Logs["anaconda.log"]); got != "one\ntwo\n" {
			t.Errorf("log %q", got)
		}
	})
	t.Run("no longer than they last", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.port("phase pre")
		d.console(cmdline...)
		d.port("error the installer gave up", "log anaconda.log "+base64.StdEncoding.EncodeToString([]byte("one\n")))
		d.want(Running, "")
		d.port("end")
		d.want(Failed, "no-disks")
	})
	t.Run("ten seconds for a guest that says none", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.port("phase pre")
		d.console(cmdline...)
		d.wait(9 * time.Second)
		d.want(Running, "")
		d.wait(2 * time.Second)
		d.want(Failed, "no-disks")
	})
	t.Run("none where the port was never opened", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(cmdline...)
		d.want(Failed, "no-disks")
	})
	t.Run("not after the end of QEMU", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.port("phase pre")
		d.console(cmdline...)
		d.step(Exit{Signal: "killed"})
		d.want(Failed, "no-disks")
	})
	t.Run("a prompt is given a moment", func(t *testing.T) {
		d := newDrive(t, Config{})
		d.console(healthy[:3]...)
		d.step(Console(console.Record{Line: 9, Text: "Please make a selection from the above ['b' to begin installation,", Partial: true}))
		d.at += 400 * time.Millisecond
		d.step(Tick{})
		d.want(Running, "")
		d.at += 200 * time.Millisecond
		d.step(Tick{})
		d.want(Failed, "prompt-hub")
	})
	t.Run("both lines of systemd about the installer's unit", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.step(Console(console.Record{Line: 1, Source: "anaconda", PID: 7, Text: healthy[0]}))
		d.step(Log{Line: 1, Text: "11:36:10,002 ERR kernel:Out of memory: Killed process 1801 (anaconda) total-vm:2411412kB"})
		d.console("[FAILED] Failed to start anaconda-direct.se… the anaconda installation program.")
		d.want(Running, "")
		d.console("See 'systemctl status anaconda-direct.service' for details.")
		d.want(Failed, "log-out-of-memory")
		quoted := fmt.Sprint(d.out.Failure.Lines)
		if !strings.Contains(quoted, "Killed process") || !strings.Contains(quoted, "See 'systemctl status") {
			t.Errorf("quotes %s", quoted)
		}
	})
	t.Run("names of logs stay in their folder", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.port("log ../../etc/passwd eA==", "log . eA==", "log a/b eA==", "log ok eA==", "log bad !!")
		if logs := d.m.Report().Logs; len(logs) != 1 || string(logs["ok"]) != "x" {
			t.Errorf("%v", logs)
		}
	})
}

func TestWaitsForEnter(t *testing.T) {
	t.Run("told at once", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy...)
		d.port("done")
		d.step(Console(console.Record{Line: 99, Text: "Installation complete. Press ENTER to quit:", Partial: true}))
		if len(d.asked) != 1 || d.asked[0] != PowerDown {
			t.Fatalf("asked for %v", d.asked)
		}
		if e := d.events[len(d.events)-1]; e.Kind != event.Warning || !strings.Contains(e.Hint, "poweroff") {
			t.Errorf("told %+v", e)
		}
		d.shutdown("guest-shutdown")
		d.want(Succeeded, "")
	})
	t.Run("found out where the prompt is not shown", func(t *testing.T) {
		d := newDrive(t, Config{DoneMarker: true})
		d.console(healthy...)
		d.port("done")
		d.wait(2 * time.Minute)
		if len(d.asked) != 1 || d.asked[0] != PowerDown {
			t.Fatalf("asked for %v", d.asked)
		}
		d.wait(time.Hour)
		d.want(Failed, "stall-down")
	})
}

func TestFractionNeverGoesBack(t *testing.T) {
	d := newDrive(t, Config{})
	last := 0.0
	say := func(lines ...string) {
		for _, l := range lines {
			d.wait(time.Second)
			d.console(l)
			if d.out.Fraction < last || d.out.Fraction > 1 {
				t.Fatalf("%v after %v at %q", d.out.Fraction, last, l)
			}
			last = d.out.Fraction
		}
	}
	say(healthy[:6]...)
	before := last
	say("Downloading packages", "Downloading 389 RPMs, 95.38 MiB / 331.12 MiB (28%) done.", "Downloading 389 RPMs, 331.12 MiB / 331.12 MiB (100%) done.")
	if last <= before {
		t.Error("downloading is no progress")
	}
	before = last
	for i := range 389 {
		say(fmt.Sprintf("Installing p%d.noarch (%d/389)", i, i+1))
	}
	if last <= before+0.2 {
		t.Error("packages are no progress")
	}
	say("Installing p1.noarch (1/389)", "Setting up the installation environment", "Starting automated install.")
	say(healthy[8:]...)
}

// The machine does not keep what a guest floods it with.
func TestReportIsBounded(t *testing.T) {
	d := newDrive(t, Config{})
	data := base64.StdEncoding.EncodeToString(make([]byte, 3000))
	for i := range 20000 {
		d.port(fmt.Sprintf("log l%d %s", i, data), fmt.Sprintf("fact k%d=v", i), "package p")
	}
	total := 0
	for _, l := range d.m.Report().Logs {
		total += len(l)
	}
	if total > maxReport || total < maxReport/2 {
		t.Errorf("kept %d bytes", total)
	}
}
