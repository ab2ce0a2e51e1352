package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/internal/event"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64, e event.Event) event.Event {
	e.Time = t0.Add(time.Duration(seconds * float64(time.Second)))
	return e
}

var session = []event.Event{
	at(0, event.Event{Kind: event.StepStart, Step: "install", Text: "installing"}),
	at(1, event.Event{Kind: event.Phase, Step: "install", Text: "Installing the software"}),
	at(2, event.Event{Kind: event.Console, Step: "install", Text: "Installing bash.x86_64 (1/3)\x1b[31m"}),
	at(3, event.Event{Kind: event.Progress, Step: "install", Text: "bash", Done: 1, Total: 3, Unit: "packages", Fraction: 0.5}),
	at(20, event.Event{Kind: event.Progress, Step: "install", Text: "zsh", Done: 2, Total: 3, Unit: "packages", Fraction: 0.6}),
	at(21, event.Event{Kind: event.StepDone, Step: "install", Text: "3 packages", Elapsed: 21}),
	at(22, event.Event{Kind: event.Warning, Text: "disk nearly full", Hint: "free some space"}),
}

func show(o Options, events ...event.Event) string {
	var out bytes.Buffer
	v := New(&out, o)
	for _, e := range events {
		v.Event(e)
	}
	v.Close()
	return out.String()
}

func TestPlain(t *testing.T) {
	got := show(Options{}, session...)
	want := `00:00 install    installing
00:01 install    Installing the software
00:20 install    zsh  2/3 packages  60 %
00:21 install    done: 3 packages (21s)
imgasm: warning: disk nearly full
imgasm: hint: free some space
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := show(Options{Verbose: true}, session...); !strings.Contains(got, "| Installing bash.x86_64 (1/3)[31m\n") {
		t.Errorf("verbose shows no cleaned console line:\n%s", got)
	}
	if got := show(Options{Quiet: true}, session...); got != "imgasm: warning: disk nearly full\nimgasm: hint: free some space\n" {
		t.Errorf("quiet says %q", got)
	}
}

func TestJSON(t *testing.T) {
	lines := strings.Split(strings.TrimSuffix(show(Options{Style: JSON}, session...), "\n"), "\n")
	if len(lines) != len(session) {
		t.Fatalf("%d lines for %d events", len(lines), len(session))
	}
	for i, line := range lines {
		var e event.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e != session[i] {
			t.Errorf("line %d: %+v, want %+v", i, e, session[i])
		}
	}
}

func TestLiveFitsTheTerminal(t *testing.T) {
	const width = 60
	long := at(2, event.Event{Kind: event.Phase, Step: "install", Text: strings.Repeat("long text ", 30)})
	now := t0.Add(3 * time.Second)
	got := show(Options{Style: Live, ASCII: true, Width: func() int { return width }, Now: func() time.Time { return now }},
		session[0], long, session[5])
	for _, line := range strings.FieldsFunc(got, func(r rune) bool { return r == '\r' || r == '\n' }) {
		line = strings.TrimPrefix(line, "\x1b[J")
		if len(line) > width {
			t.Errorf("%d columns on a terminal of %d: %q", len(line), width, line)
		}
	}
	if !strings.Contains(got, "+ install     3 packages  21s\n") {
		t.Errorf("no line stays for the finished step: %q", got)
	}
}

// The moving line and those that finished steps leave have one row each, on
// any terminal and with any script.
func TestLiveNeverWraps(t *testing.T) {
	for _, text := range []string{"installing 🖥\ufe0f", "설치", "安装软件包", "ｆｕｌｌ", "🚀⏳", "Установка", "e\u0301a\u0300", "┌─┐│└┘", "x"} {
		for width := 1; width <= 120; width++ {
			long := strings.Repeat(text+" ", 40)
			now := t0.Add(3725 * time.Second)
			got := show(Options{Style: Live, Width: func() int { return width }, Now: func() time.Time { return now }},
				at(0, event.Event{Kind: event.StepStart, Step: "boot files", Text: long}),
				at(1, event.Event{Kind: event.Phase, Step: "boot files", Text: long}),
				at(2, event.Event{Kind: event.Progress, Step: "boot files", Text: long, Done: 1 << 30, Total: 8 << 30, Unit: "B", Fraction: 0.1}),
				at(3, event.Event{Kind: event.StepDone, Step: "boot files", Text: long, Elapsed: 3725}))
			for _, line := range strings.FieldsFunc(got, func(r rune) bool { return r == '\r' || r == '\n' }) {
				line = strings.TrimPrefix(line, "\x1b[J")
				taken := 0
				for _, r := range line {
					switch {
					case r == '\u0301' || r == '\u0300':
					case strings.ContainsRune("설치安装软件包ｆｕｌｌ🚀⏳🖥", r):
						taken += 2
					case r != '\ufe0f':
						taken++
					}
				}
				if taken >= width && taken > 2 {
					t.Fatalf("%d columns on a terminal of %d: %q", taken, width, line)
				}
			}
		}
	}
}

// An error has three parts that one tells apart: what failed, in colour, what the
// guest said, broken between words, and what to do, as it is to be copied.
func TestLiveError(t *testing.T) {
	got := show(Options{Style: Live, Colour: true, Width: func() int { return 40 }},
		at(0, event.Event{Kind: event.Error, Text: "the installation failed\n    serial.log:512: It was stopped due to an error", Hint: "imgasm alma --disk-size 20G --out a-rather-long-name.qcow2"}))
	want := "\x1b[31mimgasm: error: the installation failed\x1b[0m\n" +
		"    serial.log:512: It was stopped due\n        to an error\n" +
		"\x1b[1mimgasm: hint: imgasm alma --disk-size 20G --out a-rather-long-name.qcow2\x1b[0m\n"
	if !strings.HasSuffix(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// A note is broken between words.
func TestLiveNote(t *testing.T) {
	got := show(Options{Style: Live, ASCII: true, Width: func() int { return 30 }}, at(0, event.Event{Kind: event.Note, Text: "not verified: selinux: there is no SELinux"}))
	if got != "* not verified: selinux:\n    there is no SELinux\n" {
		t.Errorf("%q", got)
	}
}

// A terminal that becomes narrower breaks the moving line into several; it is
// cleared from its first one on, because there the cursor is.
func TestLiveCursorRests(t *testing.T) {
	var out bytes.Buffer
	v := newLiveView(&out, Options{Width: func() int { return 60 }, Now: func() time.Time { return t0 }})
	v.event(session[0])
	if got := out.String(); !strings.HasSuffix(got, "0.0s\r") {
		t.Errorf("the cursor does not go back: %q", got)
	}
	out.Reset()
	v.tick()
	if got := out.String(); !strings.HasPrefix(got, "\r\x1b[J") {
		t.Errorf("rows below the cursor stay: %q", got)
	}
}

// After an error the failed step stays, marked, the error follows once, and no
// moving line is left on the terminal.
func TestLiveFailure(t *testing.T) {
	now := t0.Add(3 * time.Second)
	got := show(Options{Style: Live, Now: func() time.Time { return now }}, session[0], session[1],
		at(3, event.Event{Kind: event.Error, Text: "the installation failed:\n    serial.log:7: pan\x1b[31mic", Hint: "give it memory"}))
	want := "✗ install     failed  3.0s\nimgasm: error: the installation failed:\n    serial.log:7: pan[31mic\nimgasm: hint: give it memory\n"
	if !strings.HasSuffix(got, clearLine+want) {
		t.Errorf("got %q, want it to end with %q", got, clearLine+want)
	}
}

// A step that somebody stopped has not failed.
func TestLiveInterrupted(t *testing.T) {
	got := show(Options{Style: Live, Now: func() time.Time { return t0.Add(3 * time.Second) }}, session[0],
		at(3, event.Event{Kind: event.Error, Text: "stopped by SIGINT (Ctrl-C)", Interrupted: true}))
	want := "✗ install     interrupted  3.0s\nimgasm: error: stopped by SIGINT (Ctrl-C)\n"
	if !strings.HasSuffix(got, clearLine+want) {
		t.Errorf("got %q, want it to end with %q", got, clearLine+want)
	}
}

// Programs are told which step an error ended.
func TestJSONNamesTheFailedStep(t *testing.T) {
	failed := at(3, event.Event{Kind: event.Error, Text: "no space"})
	got := strings.Split(show(Options{Style: JSON}, session[0], failed, session[0], session[5], failed), "\n")
	for i, want := range map[int]string{1: "install", 4: ""} {
		var e event.Event
		if err := json.Unmarshal([]byte(got[i]), &e); err != nil || e.Step != want {
			t.Errorf("line %d: step %q, %v; want %q", i, e.Step, err, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{-time.Second, "0.0s"}, {400 * time.Millisecond, "0.4s"}, {9960 * time.Millisecond, "10s"},
		{59700 * time.Millisecond, "1m00s"}, {185 * time.Second, "3m05s"}, {3599700 * time.Millisecond, "1h00m"},
	} {
		if got := Duration(c.d); got != c.want {
			t.Errorf("Duration(%v) = %q, want %q", c.d, got, c.want)
		}
	}
}

func TestRate(t *testing.T) {
	var r rate
	e := event.Event{Step: "source", Unit: "B", Done: 0, Total: 100 << 20}
	r.text(e, t0)
	e.Done = 50 << 20
	if got, want := r.text(e, t0.Add(5*time.Second)), "10.0 MiB/s, 5.0s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A log is not silent for 15 s while a step runs, and is left alone when none does.
func TestPlainIsNeverSilentForLong(t *testing.T) {
	now := t0
	var out bytes.Buffer
	v := newPlainView(&out, Options{Now: func() time.Time { return now }})
	pass := func(seconds int) {
		for range seconds {
			now = now.Add(time.Second)
			v.tick()
		}
	}
	v.event(at(0, event.Event{Kind: event.StepStart, Step: "install", Text: "installing"}))
	pass(10)
	v.event(at(10, event.Event{Kind: event.Phase, Step: "install", Text: "starting the kernel"}))
	pass(30)
	v.event(at(40, event.Event{Kind: event.StepDone, Step: "install", Text: "done"}))
	pass(30)
	want := `00:00 install    installing
00:10 install    starting the kernel
00:24 install    still starting the kernel
00:38 install    still starting the kernel
00:40 install    done: done (0.0s)
`
	if got := out.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
