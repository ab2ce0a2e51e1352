package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
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

// What people and CI services make of a recording changes nothing.
func TestRecordersDoNotMatter(t *testing.T) {
	eachLine := func(before string, cr bool) func([]byte) []byte {
		return func(raw []byte) []byte {
			var out []byte
			for i, line := range bytes.SplitAfter(raw, []byte("\n")) {
				if len(line) > 0 {
					out = append(fmt.Appendf(out, before, i%60), line...)
				}
			}
			if !cr {
				out = bytes.ReplaceAll(out, []byte("\r"), nil)
			}
			return out
		}
	}
	ways := map[string]func([]byte) []byte{
		"without carriage returns": func(raw []byte) []byte { return bytes.ReplaceAll(raw, []byte("\r"), nil) },
		"with more of them":        func(raw []byte) []byte { return bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n")) },
		"cat -v": func(raw []byte) []byte {
			return []byte(strings.NewReplacer("\r", "^M", "\x1b", "^[", "\a", "^G", "\b", "^H").Replace(string(raw)))
		},
		"UTF-8 with a byte order mark": func(raw []byte) []byte { return append([]byte("\xef\xbb\xbf"), raw...) },
		"UTF-16": func(raw []byte) []byte {
			out := []byte("\xff\xfe")
			for _, c := range utf16.Encode([]rune(string(raw))) {
				out = append(out, byte(c), byte(c>>8))
			}
			return out
		},
		"GitHub":  eachLine("2026-11-26T22:00:%02d.1234567Z ", true),
		"GitLab":  eachLine("2026-11-26T22:00:%02d.123456Z 00O ", true),
		"Jenkins": eachLine("[2026-11-26T22:00:%02d.123Z] ", false),
		"ts":      eachLine("Nov 26 22:00:%02d ", true),
		"ts -s":   eachLine("00:00:%02d ", false),
		"script": func(raw []byte) []byte {
			return fmt.Appendf(nil, "Script started on 2026-11-26 22:00:00+00:00 [TERM=\"xterm\"]\n%s\nScript done on 2026-11-26 23:00:00+00:00 [COMMAND_EXIT_CODE=\"0\"]\n", raw)
		},
		"virsh console": func(raw []byte) []byte {
			return fmt.Appendf(nil, "Connected to domain 'alma'\r\nEscape character is ^] (Ctrl + ])\r\n%s\r\n", raw)
		},
	}
	for name, raw := range everything(t) {
		want := replay(t, raw)
		for how, edit := range ways {
			got := replay(t, edit(raw))
			if got.Verdict != want.Verdict || Summary(got).Rule != Summary(want).Rule {
				t.Errorf("%s, %s: %v by %q, want %v by %q", name, how, got.Verdict, Summary(got).Rule, want.Verdict, Summary(want).Rule)
			}
		}
	}
}

// A recording of which a few lines have a time is left alone, and an error of
// reading is told.
func TestRecordersAreNotGuessed(t *testing.T) {
	raw := "22:00:01 one\r\n22:00:02 two\r\n22:00:03 three\r\nfour\r\n22:00:05 five\r\n"
	got, err := io.ReadAll(undo(strings.NewReader(raw)))
	if string(got) != raw || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	failed := errors.New("the disk is gone")
	got, err = io.ReadAll(undo(io.MultiReader(strings.NewReader(raw), iotest.ErrReader(failed))))
	if string(got) != raw || err != failed {
		t.Errorf("%q, %v", got, err)
	}
}

// A recording that begins late may prove less, never the contrary.
func TestLateBeginningsProveNothingElse(t *testing.T) {
	every := 8000
	if testing.Short() {
		every = 400
	}
	for name, raw := range everything(t) {
		want := replay(t, raw).Verdict.String()
		at := 0
		for at < len(raw) {
			if got := replay(t, raw[at:]); got.Verdict.String() != want && got.Verdict.String() != "running" {
				t.Errorf("%s from byte %d, %q: %v by %q", name, at, raw[at:min(len(raw), at+60)], got.Verdict, Summary(got).Rule)
				break
			}
			for range 1 + (len(raw)-at)/every { // lines
				at += 1 + max(bytes.IndexByte(raw[min(at, len(raw)):], '\n'), 0)
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
