package anaconda

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/qemu/console"
)

// A row that says less than a person needs is refused.
func TestRulesAreComplete(t *testing.T) {
	names := map[string]bool{}
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(r.Name) || names[r.Name] {
				t.Errorf("name %q: want a unique one in lower case with hyphens", r.Name)
			}
			names[r.Name] = true
			for what, text := range map[string]string{"sample": r.Sample, "seen": r.Seen, "meaning": r.Meaning, "hint": r.Hint, "class": string(r.Class), "pattern": r.Pattern} {
				if strings.TrimSpace(text) == "" {
					t.Errorf("no %s", what)
				}
			}
			if len(r.Meaning) < 20 || !strings.Contains(".1", r.Meaning[len(r.Meaning)-1:]) {
				t.Errorf("meaning %q: want a sentence", r.Meaning)
			}
			if _, known := shapes[r.Block]; !known && r.Block != OneLine && r.Block != NextLine && r.Channel != OnLog {
				t.Errorf("block %d has no shape: it would never end", r.Block)
			}
			if r.When != nil && r.Channel != OnConsole {
				r.When(New(Config{ConsoleOnly: true}), nil) // there is no record: must not panic
			}
			if r.Rank < 1 || r.Rank > 90 {
				t.Errorf("rank %d: want 1 to 90", r.Rank)
			}
			if groups := regexp.MustCompile(r.Pattern).NumSubexp(); strings.Count(r.Meaning+r.Hint, "$") > 0 && groups == 0 {
				t.Error("meaning or hint speak of a group that the pattern does not have")
			}
			if r.Channel == OnConsole || r.Channel == OnLog || r.Channel == OnReason {
				found := fixed(r.Pattern)
				if found == nil {
					t.Error("nothing is in every text that the pattern matches: each line would be tried")
				}
				if shortest(found) < 4 {
					t.Errorf("%q is all that is in every text that the pattern matches: too many lines would be tried", found)
				}
			}
		})
	}
}

// Every text that a row's pattern matches has one of its fixed parts: a line
// without is never tried. The texts are made from the pattern.
func TestFixedPartsMissNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 22))
	for _, r := range Rules() {
		found := fixed(r.Pattern)
		pattern := regexp.MustCompile(r.Pattern)
		tree, err := syntax.Parse(r.Pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		matched := 0
		for range 2000 {
			text := sentence(random, tree)
			if random.IntN(2) == 0 { // where the pattern allows it
				text = "some words: " + text + " and more"
			}
			if !pattern.MatchString(text) {
				continue
			}
			matched++
			if found != nil && !slices.ContainsFunc(found, func(part string) bool { return strings.Contains(text, part) }) {
				t.Errorf("%s: %q matches and has none of %+v", r.Name, text, found)
				break
			}
		}
		if matched < 500 {
			t.Errorf("%s: only %d texts of 2000 match", r.Name, matched)
		}
	}
}

// sentence makes a text that a pattern matches, anchors aside.
func sentence(random *rand.Rand, e *syntax.Regexp) string {
	var b strings.Builder
	times := func(low, high int) {
		for range low + random.IntN(high-low+1) {
			b.WriteString(sentence(random, e.Sub[0]))
		}
	}
	switch e.Op {
	case syntax.OpLiteral:
		b.WriteString(string(e.Rune))
	case syntax.OpCharClass:
		at := 2 * random.IntN(len(e.Rune)/2)
		b.WriteRune(e.Rune[at] + random.Int32N(min(e.Rune[at+1], 'z'+e.Rune[at])-e.Rune[at]+1))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte("ab :.0"[random.IntN(6)])
	case syntax.OpCapture:
		times(1, 1)
	case syntax.OpStar:
		times(0, 3)
	case syntax.OpPlus:
		times(1, 3)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		times(e.Min, max(e.Max, e.Min))
	case syntax.OpConcat:
		for _, sub := range e.Sub {
			b.WriteString(sentence(random, sub))
		}
	case syntax.OpAlternate:
		b.WriteString(sentence(random, e.Sub[random.IntN(len(e.Sub))]))
	}
	return b.String()
}

// replaySample shows a row's sample to a new machine, and returns the names of
// the rows that fired.
func replaySample(r Rule) (*Machine, Output, []string) {
	m := New(Config{Field: func(field string) string { return "the field " + field }, ConsoleOnly: r.Channel == OnConsole || r.Channel == OnReason, Nonce: "00", Accel: "kvm", Arch: "x86_64"})
	if r.First > 0 {
		m.phase = r.First
	}
	var fired []string
	var last Output
	step := func(w What) { last = m.Step(Input{At: time.Second, What: w}) }
	switch r.Channel {
	case OnConsole:
		text := r.Sample + "\n"
		reader := console.NewReader(func(rec console.Record) { step(Console(rec)) })
		reader.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
		reader.Close()
	case OnReason:
		m.phase = PhasePackages
		reader := console.NewReader(func(rec console.Record) { step(Console(rec)) })
		reader.Write([]byte("The installation was stopped due to an error which occurred while running in non-interactive cmdline mode.\r\nThe exact error message is: \r\n\r\n" + r.Sample + " \r\n\r\nThe installer will now terminate.\r\n"))
	case OnLog:
		for i, line := range strings.Split(r.Sample, "\n") {
			step(Log{Line: i + 1, Text: line})
		}
	case OnProgress:
		step(Progress{Line: 1, Text: "imgasm1 00 " + r.Sample})
	case OnQMP, OnQEMU, OnClock:
		m.match(r.Sample, Line{Channel: r.Channel, Text: r.Sample})
	}
	step(End{})
	for name, n := range m.evidence.fired {
		if n > 0 {
			fired = append(fired, name)
		}
	}
	return m, last, fired
}

// Every row is found by its own sample, decides what it says it does, and, if
// it decides, explains better than what fired beside it.
func TestRulesFindTheirSamples(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.Name, func(t *testing.T) {
			m, out, fired := replaySample(r)
			if m.evidence.fired[r.Name] == 0 {
				t.Fatalf("the sample fired %v", fired)
			}
			decides := r.Action.decides() || r.Channel == OnReason
			if decides != (out.Verdict == Failed) {
				t.Fatalf("verdict %v with action %d", out.Verdict, r.Action)
			}
			if !decides {
				return
			}
			if out.Failure.Rule != r.Name {
				t.Errorf("explained by %s", out.Failure.Rule)
			}
			if len(out.Failure.Lines) == 0 || strings.ContainsAny(out.Failure.Meaning+out.Failure.Hint, "${") {
				t.Errorf("lines %v, meaning %q, hint %q", out.Failure.Lines, out.Failure.Meaning, out.Failure.Hint)
			}
		})
	}
}

func TestFixed(t *testing.T) {
	for pattern, want := range map[string]string{
		`An error occurred`:                       `An error occurred`,
		`a (?:long|short) text`:                   ` text`,
		`boot ?loader`:                            `loader`,
		`[Ff]ailed to \w+`:                        `ailed to `,
		`(\d+) of (\d+) is the longest part (.*)`: ` is the longest part `,
		`^(?:BUG: |INFO: \w+ detected)`:           `BUG: | detected`,
		`abc|.*`:                                  ``, // nothing is in all of them
		`(?:x|long text)*`:                        ``,
		`(?i)ab`:                                  ``,
	} {
		if got := strings.Join(fixed(pattern), "|"); got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
}
