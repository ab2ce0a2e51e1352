package replay

import (
	"bytes"
	"math/rand"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/qemu/console"
)

// pieces reads a console a few bytes at a time.
type pieces struct {
	raw  []byte
	size func(rest []byte) int
}

func (p *pieces) Read(buf []byte) (int, error) {
	if len(p.raw) == 0 {
		return bytes.NewReader(nil).Read(buf)
	}
	n := copy(buf, p.raw[:min(len(p.raw), max(1, p.size(p.raw)))])
	p.raw = p.raw[n:]
	return n, nil
}

// How the bytes were cut must not change anything that is concluded.
func TestCutsDoNotMatter(t *testing.T) {
	sizes := map[string]func([]byte) int{
		"a line":    func(rest []byte) int { return bytes.IndexByte(rest, '\n') + 1 },
		"7 bytes":   func([]byte) int { return 7 },
		"100 bytes": func([]byte) int { return 100 },
	}
	for name, raw := range everything(t) {
		whole := replay(t, raw)
		one, err := Run(Source{Console: iotest.OneByteReader(bytes.NewReader(raw))}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole, one); diff != "" {
			t.Errorf("%s, byte for byte (-whole +pieces):\n%s", name, diff)
		}
		for how, size := range sizes {
			got, err := Run(Source{Console: &pieces{raw, size}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(whole, got); diff != "" {
				t.Errorf("%s, by %s (-whole +pieces):\n%s", name, how, diff)
			}
		}
	}
}

// A recording that stops anywhere must never prove the contrary of what the
// whole proves: no failure in what will succeed or still runs, no success in
// what will fail, and once proven it stays so.
func TestNoPrefixProvesTheContrary(t *testing.T) {
	for name, raw := range everything(t) {
		end := replay(t, raw).Verdict.String()
		proven := "running"
		for at := 0; at <= len(raw); at += step(raw, at) {
			got := replay(t, raw[:at]).Verdict.String()
			if got != "running" && got != end {
				t.Errorf("%s: after %d of %d bytes the verdict is %s, at the end %s:\n%q", name, at, len(raw), got, end, raw[max(0, at-300):at])
				break
			}
			if proven != "running" && got != proven {
				t.Errorf("%s: after %d of %d bytes the verdict is %s, before it was %s", name, at, len(raw), got, proven)
				break
			}
			proven = got
		}
	}
}

// step goes through the interesting end of a recording byte by byte, and line
// by line before.
func step(raw []byte, at int) int {
	end, every := 400, 8000
	if testing.Short() {
		end, every = 12, 200
	}
	if len(raw)-at <= end {
		return 1
	}
	lines := 1 + len(raw)/every // several in long ones
	next := at
	for range lines {
		if next < len(raw) {
			next += max(1, bytes.IndexByte(raw[next:], '\n')+1)
		}
	}
	return min(next, len(raw)-end) - at
}

// While imgasm builds, a console that is silent for a moment is flushed, so that
// prompts are seen. What was unfinished then must not change the end.
func TestFlushesDoNotMatter(t *testing.T) {
	for name, raw := range everything(t) {
		want := replay(t, raw)
		random := rand.New(rand.NewSource(1))
		m := anaconda.New(anaconda.Config{ConsoleOnly: true})
		at := time.Duration(0)
		reader := console.NewReader(func(r console.Record) {
			at = max(at, r.Stamp)
			m.Step(anaconda.Input{At: at, What: anaconda.Console(r)})
		})
		for len(raw) > 0 {
			n := min(len(raw), 1+random.Intn(60))
			reader.Write(raw[:n])
			raw = raw[n:]
			reader.Flush()
		}
		reader.Close()
		out := m.Step(anaconda.Input{At: at, What: anaconda.End{}})
		if out.Verdict != want.Verdict {
			t.Errorf("%s: %v, without flushes %v", name, out.Verdict, want.Verdict)
		} else if f := out.Failure; f != nil && f.Rule != want.Failure.Rule {
			t.Errorf("%s: by %s, without flushes %s", name, f.Rule, want.Failure.Rule)
		}
	}
}
