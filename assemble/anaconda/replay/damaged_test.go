package replay

import (
	"bytes"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
)

// Recordings with lines lost or doubled, as by a console that was read too
// late: they may prove less, never the contrary.
func TestDamageProvesNothingElse(t *testing.T) {
	random, rounds := rand.New(rand.NewSource(1)), 60
	if testing.Short() {
		rounds = 10
	}
	all := everything(t)
	for _, name := range slices.Sorted(maps.Keys(all)) { // in order, so that a run can be repeated
		raw := all[name]
		lines := bytes.SplitAfter(raw, []byte("\n"))
		want := replay(t, raw).Verdict.String()
		check := func(what string, edited [][]byte) bool {
			got := replay(t, bytes.Join(edited, nil)).Verdict.String()
			if got != want && got != "running" {
				t.Errorf("%s %s: verdict %s", name, what, got)
				return false
			}
			return true
		}
		for range rounds {
			at, n := random.Intn(len(lines)), 1+random.Intn(3)
			end := min(len(lines), at+n)
			lost := string(bytes.Join(lines[at:end], nil))
			without := append(append([][]byte(nil), lines[:at]...), lines[end:]...)
			// A guest that powers off and was never heard to complete has failed:
			// nothing else on its console says that it has not.
			if !strings.Contains(lost, "omplete") && !check("without "+lost, without) {
				break
			}
			twice := append(append([][]byte(nil), lines[:at+1]...), lines[at:]...)
			if !check("twice "+string(lines[at]), twice) {
				break
			}
		}
	}
}

// The same words by way of journald, as in direct mode, mean the same.
func TestDirectMeansTheSame(t *testing.T) {
	for name, raw := range consoles(t) {
		if !strings.HasSuffix(name, "-pty") {
			continue
		}
		var direct bytes.Buffer
		for _, line := range strings.Split(strings.ReplaceAll(string(raw), "\r", ""), "\n") {
			if line != "" {
				direct.WriteString("[  416.418848] anaconda[2343]: " + line + "\r\n")
			}
		}
		a, b := replay(t, raw), replay(t, direct.Bytes())
		if a.Verdict != b.Verdict || Summary(a).Rule != Summary(b).Rule || a.Phase != b.Phase {
			t.Errorf("%s: %v by %q on a terminal, %v by %q by journald", name, a.Verdict, Summary(a).Rule, b.Verdict, Summary(b).Rule)
		}
	}
}
