package console

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// recorded are the consoles of real installers.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("../../testdata/serial/*.raw")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded consoles in testdata/serial: %v", err)
	}
	consoles := map[string][]byte{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		consoles[strings.TrimSuffix(filepath.Base(path), ".raw")] = raw
	}
	return consoles
}

// records reads a console in pieces of size bytes (0: whole).
func records(raw []byte, size int) []Record {
	var got []Record
	r := NewReader(func(rec Record) { got = append(got, rec) })
	if size == 0 {
		size = len(raw) + 1
	}
	for len(raw) > 0 {
		n := min(size, len(raw))
		r.Write(raw[:n])
		raw = raw[n:]
	}
	r.Flush()
	return got
}

func texts(recs []Record) string {
	var b strings.Builder
	for _, r := range recs {
		if r.Partial {
			b.WriteString("~")
		}
		b.WriteString(r.Text + "\n")
	}
	return b.String()
}

// How the bytes were cut must not matter, for real consoles.
func TestCutsDoNotMatter(t *testing.T) {
	for name, raw := range recorded(t) {
		whole := records(raw, 0)
		if len(whole) == 0 {
			t.Errorf("%s: no records", name)
		}
		for _, size := range []int{1, 2, 3, 7, 64, 1000, 4096} {
			if diff := cmp.Diff(whole, records(raw, size)); diff != "" {
				t.Errorf("%s in pieces of %d bytes differs from the whole (-whole +pieces):\n%s", name, size, diff)
			}
		}
	}
}

// Where something took the carriage returns out, tmux's screen is still one.
func TestWithoutCarriageReturns(t *testing.T) {
	for name, raw := range recorded(t) {
		if strings.Contains(string(raw), "\x1bM") { // systemd overwrites lines by them
			continue
		}
		want := texts(records(raw, 0))
		if got := texts(records(bytes.ReplaceAll(raw, []byte("\r"), nil), 0)); got != want {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
}

func TestLines(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "one\r\ntwo\n", "one\ntwo\n"},
		{"PID 1 ends lines with two carriage returns", "Powering off.\r\r\n", "Powering off.\n"},
		{"blank lines are no records", "a\r\n\r\n   \r\nb\r\n", "a\nb\n"},
		{"colours", "[\x1b[0;32m  OK  \x1b[0m] Finished \x1b[0;1;39mx.service\x1b[0m - X.\r\r\n", "[  OK  ] Finished x.service - X.\n"},
		{"queries and resets of systemd 257", "\x1b[6n\x1b[32766;32766H\x1b[6n\x1b[!p\x1b]104\x07\x1b[?7hhello\r\n", "hello\n"},
		{"a terminal title", "\x1b]0;title\x1b\\text\r\n", "text\n"},
		{"an unended string does not swallow lines", "\x1b]never ends\nKernel panic\n", "Kernel panic\n"},
		{
			"the animation goes, the status that overwrites it stays",
			"[    \x1b[0;31m*\x1b[0;1;31m*\x1b[0m] Job a.service/start running (34s / no limit)\r\r\n\x1bM\r\r\x1b[K[\x1b[0;1;31mFAILED\x1b[0m] Failed to start a.service.\r\r\n",
			"[FAILED] Failed to start a.service.\n",
		},
		{"a carriage return overwrites", "Downloading 10%\rDownloading 20%\r\n", "Downloading 20%\n"},
		{"and leaves what is longer", "abcdef\rxy\r\n", "xycdef\n"},
		{"backspace", "abd\bc\r\n", "abc\n"},
		{"tab", "a\tb\r\n", "a       b\n"},
		{"erase to the end", "abcdef\r\x1b[Kxy\r\n", "xy\n"},
		{"a box of the firmware in CP437", "\xda\xc4\xc4\xc4 Boot\r\n", "\ufffd\ufffd\ufffd\ufffd Boot\n"},
		{"UTF-8", "anaconda-direct.se\xe2\x80\xa6 x\r\n", "anaconda-direct.se… x\n"},
		{"a broken character before a line feed", "a\xe2\x80\nb\n", "a\ufffd\nb\n"},
		{"a menu's pieces are lines", "\x1b[2J\x1b[01;01HGNU GRUB\x1b[5;3H*Install\x1b[6;3H Test\r\n", "GNU GRUB\n*Install\n Test\n"},
		{"a prompt", "Press ENTER to exit: ", "~Press ENTER to exit:\n"},
		{"NUL and DEL", "a\x00b\x7fc\n", "abc\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, size := range []int{0, 1} {
				if got := texts(records([]byte(tt.in), size)); got != tt.want {
					t.Errorf("pieces of %d: got %q, want %q", size, got, tt.want)
				}
			}
		})
	}
}

func TestPrefix(t *testing.T) {
	tests := []struct {
		in, text, source string
		pid              int
		stamped          bool
	}{
		{"[  292.773657] anaconda[1801]: Complete!", "Complete!", "anaconda", 1801, true},
		{"[  798.191879] anaconda[2345]:   There was", "  There was", "anaconda", 2345, true},
		{"anaconda[1801]: Complete!", "Complete!", "anaconda", 1801, false},
		{"[    1.180714] Kernel panic - not syncing: x", "Kernel panic - not syncing: x", "kernel", 0, true},
		{"[    1.180714][    T1] Kernel panic", "Kernel panic", "kernel", 0, true},
		{"[12345.000001] x", "x", "kernel", 0, true},
		{"[  317.873534] (sd-exec-[2122]: failed", "failed", "(sd-exec-", 2122, true},
		{"534.995037 | updated bindings file", "534.995037 | updated bindings file", "", 0, false},
		{"[  OK  ] Started x[1].", "[  OK  ] Started x[1].", "", 0, false},
		{"1) [x] Language settings", "1) [x] Language settings", "", 0, false},
		{"[1.5] x", "[1.5] x", "", 0, false},
		{"see foo[3] for", "see foo[3] for", "", 0, false},
	}
	for _, tt := range tests {
		var r Record
		if ok := r.read(tt.in); !ok || r.Text != tt.text || r.Source != tt.source || r.PID != tt.pid || r.Stamped != tt.stamped {
			t.Errorf("%q is read as %+v, %v", tt.in, r, ok)
		}
	}
}

func TestLineNumbers(t *testing.T) {
	got := records([]byte("a\r\n\r\nb\r\n\x1b[1;24rc\r\n\r\nd\r\n\x1bce\n"), 0)
	var lines []string
	for _, r := range got {
		lines = append(lines, fmt.Sprint(r.Line, r.Text))
	}
	if diff := cmp.Diff([]string{"1a", "3b", "4c", "6d", "7e"}, lines); diff != "" {
		t.Error(diff)
	}
}

// A partial line is told once, grows, and is told whole when it ends.
func TestFlush(t *testing.T) {
	for _, mode := range []string{"", "\x1b[1;24r\x1b[1;1H"} {
		var got []Record
		r := NewReader(func(rec Record) { got = append(got, rec) })
		r.Write([]byte(mode + "Starting"))
		r.Flush()
		r.Flush()
		r.Write([]byte("..."))
		r.Flush()
		r.Write([]byte("\r\nPress ENTER: "))
		r.Flush()
		r.Flush()
		if want := "~Starting\n~Starting...\nStarting...\n~Press ENTER:\n"; texts(got) != want {
			t.Errorf("mode %q: got %q, want %q", mode, texts(got), want)
		}
	}
}

func TestLongLines(t *testing.T) {
	for _, size := range []int{0, 1000} {
		raw := []byte(strings.Repeat("x", 3*MaxLine) + "\r\nnext\r\n")
		got := records(raw, size)
		if len(got) != 2 || len(got[0].Text) != MaxLine || !got[0].Cut || got[1].Text != "next" || got[1].Cut {
			t.Errorf("pieces of %d: %d records, first %d characters", size, len(got), len(got[0].Text))
		}
	}
}
