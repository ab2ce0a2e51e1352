package verify_test

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/assemble/verify"
)

func TestParseChecks(t *testing.T) {
	text := "# ours\n\nthe web server answers\n  $ curl -fsS http://127.0.0.1/\n  Welcome to .* (re)\n\n    twice indented\r\n\nnothing listens\n  $ ss -Htln |\n  > grep ':23 '\n  [1]\n"
	got, err := verify.ParseChecks("my.checks", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []verify.Check{
		{Name: "the web server answers", Script: "curl -fsS http://127.0.0.1/", Want: []verify.Line{
			{Text: "Welcome to .* (re)", Pattern: regexp.MustCompile("^(?:Welcome to .*)$")}, {}, {Text: "  twice indented"},
		}},
		{Name: "nothing listens", Script: "ss -Htln |\ngrep ':23 '", Status: 1},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "c:1:1: there is no check",
		"  $ true\n":                 "c:1:1: there is no check yet",
		"a\n\t$ true\n":              "c:2:1: a tab",
		"a\n $ true\n":               "c:2:1: one space",
		"a\nb\n  $ true\n":           `c:2:1: the check "a" has no command`,
		"a\n  out\n":                 "c:2:3: the check \"a\" begins with its command",
		"a\n  $ x\n  $ y\n":          "c:3:3: the check \"a\" has a command already",
		"a\n  $ x\n  out\n  > y\n":   "c:4:3: the command",
		"a\n  $ x\n  [1]\n  out\n":   "c:4:3: nothing comes after",
		"a\n  $ x\n  [256]\n":        "c:3:4: 256 is no exit status",
		"a\n  $ x\n  ( (re)\n":       "c:3:3: error parsing regexp",
		"a\n  $ x\n\na\n  $ y\n":     `c:4:1: there is a check "a" already`,
		"a\n":                        `c:1:1: the check "a" has no command`,
		strings.Repeat("#", 1<<20+1): "c:0:1: 1048577 bytes",
	} {
		_, err := verify.ParseChecks("c", []byte(text))
		var at *verify.ParseError
		if !errors.Is(err, verify.ErrChecks) || !errors.As(err, &at) || !strings.HasPrefix(at.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

// What parses has commands and names, and says the same when it is read again.
func FuzzParseChecks(f *testing.F) {
	f.Add([]byte("a\n  $ x\n  > y\n  out (re)\n\n  z\n  [1]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		checks, err := verify.ParseChecks("c", text)
		if err != nil {
			return
		}
		again, err := verify.ParseChecks("c", text)
		if err != nil || !reflect.DeepEqual(checks, again) {
			t.Errorf("%v: %+v, then %+v", err, checks, again)
		}
		for _, c := range checks {
			if c.Name == "" || c.Script == "" || c.Status < 0 || c.Status > 255 {
				t.Errorf("%+v", c)
			}
		}
	})
}

// The example in the documentation is one.
func TestDocumentedChecks(t *testing.T) {
	page, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```checks\n")
	example, _, found := strings.Cut(example, "```")
	if checks, err := verify.ParseChecks("docs/verify.md", []byte(example)); !found || err != nil || len(checks) < 3 {
		t.Errorf("%d checks, %v", len(checks), err)
	}
	for _, name := range verify.Names() {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/verify.md does not tell of %s", name)
		}
	}
}
