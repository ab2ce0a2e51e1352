package anaconda

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/qemu/console"
)

// Whatever a guest and QEMU say, in whatever order: no panic, a fraction that
// never goes back, a failure with everything that a person needs, and the same
// conclusion however the console's bytes were cut.
func FuzzMachine(f *testing.F) {
	paths, err := filepath.Glob("../../testdata/serial/*.raw")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no recorded consoles: %v", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[max(0, len(raw)-4000):], "", 7)
	}
	for _, r := range Rules() {
		f.Add([]byte(r.Sample+"\r\n"), r.Sample, 1)
	}
	f.Add([]byte("Starting installer, one moment...\r\n"), "SHUTDOWN\nWATCHDOG\n11:33:24,440 CRIT anaconda:x: Traceback (most recent call last):\nimgasm1 00 done", 3)
	f.Fuzz(func(t *testing.T, raw []byte, others string, size int) {
		whole := play(t, raw, others, len(raw)+1)
		pieces := play(t, raw, others, max(1, size))
		if whole.Verdict != pieces.Verdict || (whole.Failure == nil) != (pieces.Failure == nil) {
			t.Fatalf("verdict %v whole, %v in pieces of %d", whole.Verdict, pieces.Verdict, size)
		}
		if a, b := whole.Failure, pieces.Failure; a != nil && a.Rule != b.Rule {
			t.Errorf("rule %s whole, %s in pieces of %d", a.Rule, b.Rule, size)
		}
	})
}

func play(t *testing.T, raw []byte, others string, size int) Output {
	m := New(Config{Nonce: "00", DoneMarker: len(raw)%2 == 0, ConsoleOnly: len(others) == 0})
	at, last := time.Duration(0), Output{}
	step := func(w What) {
		out := m.Step(Input{At: at, What: w})
		if out.Fraction < last.Fraction || out.Fraction > 1 {
			t.Errorf("fraction %v after %v", out.Fraction, last.Fraction)
		}
		if f := out.Failure; out.Verdict == Failed && (f == nil || f.Rule == "" || f.Hint == "" || f.Meaning == "" || len(f.Lines) == 0) {
			t.Errorf("failure %+v", f)
		}
		last = out
	}
	reader := console.NewReader(func(r console.Record) { step(Console(r)) })
	for len(raw) > 0 {
		n := min(size, len(raw))
		reader.Write(raw[:n])
		raw = raw[n:]
	}
	reader.Close()
	for i, line := range strings.Split(others, "\n") {
		at += time.Duration(len(line)) * time.Second
		switch i % 4 {
		case 0:
			name, reason, _ := strings.Cut(line, " ")
			step(QMP{Name: name, Data: map[string]any{"reason": reason, "guest": true, "nospace": len(line)%2 == 0}})
		case 1:
			step(Log{Line: i, Text: line})
		case 2:
			step(Progress{Line: i, Text: line})
		case 3:
			step(Blocks{WrittenBytes: int64(len(line))})
			step(Tick{})
		}
	}
	step(End{})
	return last
}
