package talk

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hinshun/vt10x"
)

func at(d time.Duration) Clock { return func() time.Duration { return d } }

func TestJournal(t *testing.T) {
	var b bytes.Buffer
	c := &Console{W: &b, Now: at(416418848 * time.Microsecond), PID: 2343}
	c.Anaconda("Starting installer, one moment...")
	c.Anaconda("Error\n\n  text\n  ")
	c.Journal("dracut-initqueue", 848, "Warning: Could not boot.")
	want := "[  416.418848] anaconda[2343]: Starting installer, one moment...\n" +
		"[  416.418848] anaconda[2343]: Error\n[  416.418848] anaconda[2343]:   text\n" +
		"[  416.418848] dracut-initqueue[848]: Warning: Could not boot.\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

// A prompt without a line end never appears under journald.
func TestBegin(t *testing.T) {
	var b bytes.Buffer
	c := &Console{W: &b, Now: at(0), PID: 1}
	c.Begin("Starting automated install")
	c.Begin(".")
	if b.Len() != 0 {
		t.Errorf("shown: %q", b.String())
	}
	c.Anaconda("Saving storage configuration...")
	if !strings.HasSuffix(b.String(), "anaconda[1]: Starting automated install.Saving storage configuration...\n") {
		t.Errorf("%q", b.String())
	}
}

var escapes = regexp.MustCompile(`\x1b\[[0-9;:]*m`)

func TestUnit(t *testing.T) {
	var b bytes.Buffer
	c := &Console{W: &b, Now: at(0)}
	c.Unit("OK", "Reached target", "poweroff.target", "System Power Off")
	c.Unit("", "Starting", "dracut-emergency.service", "Dracut Emergency Shell..")
	c.Unit("FAILED", "Failed to start", "anaconda-direct.service", "the anaconda installation program")
	plain := escapes.ReplaceAllString(b.String(), "")
	want := "[  OK  ] Reached target poweroff.target - System Power Off.\r\n" +
		"         Starting dracut-emergency.service - Dracut Emergency Shell...\r\n"
	if !strings.HasPrefix(plain, want) {
		t.Errorf("%q", plain)
	}
	last := strings.TrimSpace(strings.TrimPrefix(plain, want))
	if n := len([]rune(last)); n > 80 || !strings.Contains(last, "…") || !strings.HasSuffix(last, "program.") {
		t.Errorf("%d columns: %q", n, last)
	}
}

// Whatever the length of the name, the line fits and is whole UTF-8.
func TestUnitFitsTheTerminal(t *testing.T) {
	for n := 1; n < 120; n++ {
		var b bytes.Buffer
		c := &Console{W: &b, Now: at(0)}
		c.Unit("OK", "Started", strings.Repeat("u", n), strings.Repeat("d", 130-n))
		if got := len([]rune(strings.TrimSpace(escapes.ReplaceAllString(b.String(), "")))); got > 81 {
			t.Errorf("name of %d: %d columns", n, got)
		}
	}
}

func TestLog(t *testing.T) {
	var b, file bytes.Buffer
	l := &Log{W: &b, File: &file, Now: func() time.Time { return time.Date(2026, 1, 2, 11, 33, 24, 440e6, time.UTC) }}
	l.Info("main", "/sbin/anaconda %s", "40.22")
	l.Line("CRIT", "anaconda", "anaconda: exception: Traceback\nline 2")
	want := "11:33:24,440 INFO anaconda:anaconda: main: /sbin/anaconda 40.22\n11:33:24,440 CRIT anaconda:anaconda: exception: Traceback#012line 2\n"
	if b.String() != want {
		t.Errorf("%q", b.String())
	}
	l.Line("INFO", "dnf", "only on the port")
	if got := file.String(); got != "11:33:24,440 INF main: /sbin/anaconda 40.22\n11:33:24,440 CRT exception: Traceback\nline 2\n" {
		t.Errorf("the file: %q", got)
	}
	(&Log{Now: time.Now}).Info("main", "a log that goes nowhere")
}

// An independent terminal shows what a person would see in tmux.
func TestScreen(t *testing.T) {
	var b bytes.Buffer
	c := &Console{W: &b, Now: at(0)}
	c.Screen = &Screen{W: &b}
	term := vt10x.New(vt10x.WithSize(columns, rows))
	show := func() string {
		// The line discipline of the console makes "\r\n" out of "\n".
		term.Write([]byte(strings.ReplaceAll(b.String(), "\n", "\r\n")))
		b.Reset()
		return term.String()
	}
	c.Anaconda("Starting installer, one moment...")
	if s := show(); !strings.HasPrefix(s, "Starting installer, one moment...") || !strings.Contains(s, "[anaconda]1:main*") {
		t.Errorf("\n%s", s)
	}
	for n := 1; n <= 100; n++ {
		c.Anaconda(fmt.Sprintf("Installing package-%d.x86_64 (%d/100)", n, n))
	}
	c.Begin("Press ENTER to quit: ")
	lines := strings.Split(show(), "\n")
	screen := strings.Join(lines, "\n")
	for n := 85; n <= 100; n++ {
		if strings.Count(screen, fmt.Sprintf("(%d/100)", n)) != 1 {
			t.Errorf("package %d is on the screen %d times\n%s", n, strings.Count(screen, fmt.Sprintf("(%d/100)", n)), screen)
		}
	}
	if !strings.Contains(screen, "Press ENTER to quit:") {
		t.Errorf("no prompt\n%s", screen)
	}
	c.Screen.Time = func() time.Time { return time.Date(2026, 1, 2, 11, 33, 24, 0, time.UTC) }
	c.Screen.Status()
	if s := show(); !strings.Contains(s, "11:33:24") || !strings.Contains(s, "(100/100)") {
		t.Errorf("\n%s", s)
	}
}
