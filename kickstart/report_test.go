package kickstart

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/golden"
)

func reportFindings(t *testing.T) []Finding {
	t.Helper()
	src := "text\n\tpart\t/ --growth\nuser --name=x --password=secret --bogus\nrootpw my secret\n" +
		"frobnicate " + strings.Repeat("x", 200) + "\nlang 世界 --bogus\n"
	f, err := Parse("dir/my ks.cfg", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	var all []Finding
	for _, finding := range Lint(f, LintOptions{Fragment: true}) {
		if finding.Severity == Error {
			all = append(all, finding)
		}
	}
	return append(all, Finding{Severity: Warning, Rule: "duplicate", File: "x\x1b[31m.ks", Line: 12345, Column: 1, EndColumn: 1,
		Text: "a\x1b]0;title\a point", Meaning: "what it means", Hint: "do otherwise", Excerpt: "bell\a\u202e"})
}

func TestWriteText(t *testing.T) {
	var b bytes.Buffer
	if err := WriteText(&b, reportFindings(t), TextOptions{}); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "report/findings.txt", b.Bytes())
	if strings.ContainsAny(b.String(), "\x1b\a\u202e") {
		t.Error("the report moves the terminal")
	}
	b.Reset()
	if err := WriteText(&b, reportFindings(t), TextOptions{Color: true}); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "report/findings-color.txt", b.Bytes())
}

func TestWriteTextWithout(t *testing.T) {
	var b bytes.Buffer
	if err := WriteText(&b, nil, TextOptions{}); err != nil || b.Len() > 0 {
		t.Errorf("got %q, %v", b.String(), err)
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, nil); err != nil || b.String() != "[]\n" {
		t.Errorf("got %q, %v", b.String(), err)
	}
	b.Reset()
	findings := reportFindings(t)
	if err := WriteJSON(&b, findings); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "report/findings.json", b.Bytes())
	var got []map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(findings) {
		t.Fatalf("%d findings, want %d", len(got), len(findings))
	}
	for i, f := range findings {
		want := map[string]any{"severity": string(f.Severity), "rule": f.Rule, "file": f.File, "line": float64(f.Line), "column": float64(f.Column)}
		for key, value := range want {
			if got[i][key] != value {
				t.Errorf("finding %d: %s is %v, want %v", i, key, got[i][key], value)
			}
		}
	}
}

func TestWriteSARIF(t *testing.T) {
	var b bytes.Buffer
	if err := WriteSARIF(&b, reportFindings(t), "1.2.3"); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "report/findings.sarif", b.Bytes())
	b.Reset()
	if err := WriteSARIF(&b, nil, ""); err != nil {
		t.Fatal(err)
	}
	var log struct {
		Version string
		Runs    []struct{ Results []any }
	}
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	// 3.14.23: results are null when the tool did not run, empty when it found nothing.
	if log.Version != "2.1.0" || len(log.Runs) != 1 || log.Runs[0].Results == nil {
		t.Errorf("got %s", b.String())
	}
}

func TestReportsHoldNoSecret(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer, []Finding) error{
		"text":  func(b *bytes.Buffer, f []Finding) error { return WriteText(b, f, TextOptions{}) },
		"json":  func(b *bytes.Buffer, f []Finding) error { return WriteJSON(b, f) },
		"sarif": func(b *bytes.Buffer, f []Finding) error { return WriteSARIF(b, f, "") },
	} {
		var b bytes.Buffer
		if err := write(&b, reportFindings(t)); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "secret") {
			t.Errorf("%s shows a password:\n%s", name, b.String())
		}
	}
}

func TestFileURI(t *testing.T) {
	for name, want := range map[string]string{
		"ks.cfg":               "ks.cfg",
		"dir/my ks#1.cfg":      "dir/my%20ks%231.cfg",
		"a:b.ks":               "./a:b.ks",
		"https://example/x.ks": "https://example/x.ks",
	} {
		if got := fileURI(name); got != want {
			t.Errorf("fileURI(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzWriteText(f *testing.F) {
	f.Add("part / --bogus", 8, 15, "text")
	f.Add("\trootpw \x1b secret\u202e", -1, 1000, "secret")
	f.Add(strings.Repeat("é世\t", 100), 150, 90, "")
	f.Fuzz(func(t *testing.T, line string, from, to int, text string) {
		if strings.ContainsAny(line, "\r\n") {
			return
		}
		var b bytes.Buffer
		finding := Finding{Severity: Error, Rule: "x", File: "x", Line: 1, Column: from, EndColumn: to, Text: text, Excerpt: line}
		if err := WriteText(&b, []Finding{finding}, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(b.Bytes()) || bytes.ContainsAny(b.Bytes(), "\x1b\x07\r") || b.Len() > 5000+3*len(text)+3*len(line) {
			t.Errorf("got %q", b.String())
		}
	})
}

func TestExplain(t *testing.T) {
	for name, tc := range map[string]struct {
		words []string
		d     Dialect
	}{
		"all":           {nil, RHEL10},
		"part":          {[]string{"part"}, RHEL10},
		"part--grow":    {[]string{"part", "--grow"}, RHEL10},
		"part--fst":     {[]string{"partition", "--fst=xfs"}, RHEL10},
		"vnc--host":     {[]string{"vnc", "--host", "--port"}, RHEL10},
		"raid--level":   {[]string{"raid", "--level", "--device"}, RHEL9},
		"auth":          {[]string{"auth"}, RHEL10},
		"btrfs":         {[]string{"btrfs"}, AlmaLinux10},
		"timezone":      {[]string{"timezone"}, RHEL10},
		"packages":      {[]string{"%packages"}, RHEL10},
		"post--log":     {[]string{"%post", "--log"}, Fedora},
		"rule":          {[]string{"hash-in-word"}, RHEL10},
		"timezone--utc": {[]string{"timezone", "--isUtc"}, RHEL10},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Explain(tc.words, tc.d)
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "explain/"+name+".txt", []byte(got))
		})
	}
}

func TestExplainEverything(t *testing.T) {
	ask := func(words ...string) {
		got, err := Explain(words, RHEL10)
		if err != nil || !strings.Contains(got, "RHEL 10: ") || strings.Contains(got, "%!") {
			t.Errorf("explain %q: %v\n%s", words, err, got)
		}
	}
	for _, c := range Commands() {
		ask(c.Name)
		for _, o := range c.Options {
			for _, n := range o.Names {
				ask(c.Name, n)
			}
		}
	}
	for _, s := range Sections() {
		ask(s.Name)
		for _, o := range s.Options {
			ask(s.Name, o.Name())
		}
	}
}

func TestExplainUnknown(t *testing.T) {
	for _, tc := range []struct {
		words      []string
		want, hint string
	}{
		{[]string{"pqrt"}, `kickstart: there is no command, section or rule "pqrt"`, "did you mean part?"},
		{[]string{"part", "--growth"}, `kickstart: part has no option "--growth"`, "did you mean --grow?"},
		{[]string{"part", "--pbkdf-"}, "kickstart: part --pbkdf- could mean --pbkdf-memory, --pbkdf-time, --pbkdf-iterations", "imgasm kickstart explain lists what there is"},
		{[]string{"hash-in-word", "--x"}, `kickstart: there is no command, section or rule "hash-in-word"`, "did you mean hash-in-word?"},
	} {
		_, err := Explain(tc.words, RHEL10)
		if !errors.Is(err, ErrUnknownName) {
			t.Errorf("%q: %v", tc.words, err)
			continue
		}
		if diff := cmp.Diff([]string{tc.want, tc.hint}, []string{err.Error(), fault.Hint(err, nil)}); diff != "" {
			t.Errorf("%q: %s", tc.words, diff)
		}
	}
}

// A password is taken out of what a finding says where it is a word, and not out
// of other words.
func TestRedactedWords(t *testing.T) {
	f, err := Parse("ks.cfg", []byte("rootpw x y\n"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	findings := append(Lint(f, LintOptions{Fragment: true}), Finding{Line: 1, Column: 8, EndColumn: 9, Excerpt: "rootpw x y", Text: `the text "x" is next, x`})
	if err := WriteText(&b, findings, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, `the text "REDACTED" is next, REDACTED`) || strings.Contains(got, " y\n") || strings.Contains(got, "teREDACTED") {
		t.Errorf("%s", got)
	}
}
