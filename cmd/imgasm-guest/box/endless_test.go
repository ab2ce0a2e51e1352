package box

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// endless repeats a short text for ever.
type endless string

func (e endless) Read(p []byte) (int, error) {
	if len(p) < len(e) {
		return copy(p, e), nil
	}
	return copy(p, strings.Repeat(string(e), len(p)/len(e))), nil
}

// A command whose output nobody reads any more ends, as SIGPIPE would end it,
// and one that cannot keep its input says so.
func TestEndlessInput(t *testing.T) {
	for _, text := range []endless{"line\n", "no line end"} {
		for _, script := range []string{
			"cat | head -c 1", "tr a b | head -c 1", "grep '' | head -c 1", "grep -o . | head -c 1", "sed p | head -c 1",
			"cut -c1 | head -c 1", "cut -d: -f1 | head -c 1", "tee | head -c 1", "head -n 100000000 | head -c 1", "tail -n +2 | head -c 1",
			"tail -c +9 | head -c 1", "sort | head -c 1", "base64 | head -c 1", "head -n 1", "sh", "grep -q i",
		} {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			var out, errs bytes.Buffer
			_, err := testSystem().Run(ctx, Script{Name: "test", Text: script, Dir: t.TempDir(), Stdin: text, Stdout: &out, Stderr: &errs})
			cancel()
			if err != nil || out.Len() == 0 && errs.Len() == 0 && script != "grep -q i" {
				t.Errorf("%q of %q: %v, says %q %q", script, text, err, out.String(), errs.String())
			}
		}
	}
}

// What tail keeps is bounded, and is the end of what it read.
func TestTailOfMuch(t *testing.T) {
	in := io.MultiReader(io.LimitReader(endless("line\n"), 200_000_000), strings.NewReader("the end\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var out bytes.Buffer
	code, err := testSystem().Run(context.Background(), Script{Name: "test", Text: "tail -n 2", Dir: t.TempDir(), Stdin: in, Stdout: &out})
	runtime.ReadMemStats(&after)
	if err != nil || code != 0 || out.String() != "line\nthe end\n" {
		t.Errorf("%d %v %q", code, err, out.String())
	}
	if grown := after.Sys - before.Sys; grown > 150<<20 {
		t.Errorf("took %d MiB", grown>>20)
	}
}

// The commands on text are taken with any arguments and input.
func FuzzText(f *testing.F) {
	for _, s := range []string{"tail\n-n\n-5", "head\n-c\n+3", "tr\n-cs\n[:alpha:]\\n\n\\n", "sed\n-E\ns/(a)/\\1&/gp;2!d", "sed\n-n\n$p", "grep\n-c\n-e\na*\\{1,2\\}",
		"cut\n-d\n\n-f\n1-2,4-", "cut\n-c\n-3", "sort\n-nru", "base64\n-d", "base64\n-w\n-1", "wc\n-lc", "date\n+%Y", "basename\na\nb", "dirname\n/", "chmod\n-x\nfile", "rpm\n-qa\n--qf\n%{NAME}\n[a", "egrep\n(", "uname\n-a", "df", "id\n-un", "seq\n1\n3"} {
		f.Add(s, "a b\nç\x00\n9 \\x")
	}
	allowed := []string{"tail", "head", "tr", "sed", "grep", "egrep", "cut", "sort", "base64", "wc", "cat", "date", "basename", "dirname", "chmod", "rpm", "uname", "id", "df"}
	f.Fuzz(func(t *testing.T, line, stdin string) {
		argv := strings.Split(line, "\n")
		if !slices.Contains(allowed, argv[0]) || argv[0] != "basename" && argv[0] != "dirname" && strings.Contains(line, "/") && argv[0] != "sed" ||
			argv[0] == "sed" && (strings.Contains(line, "-i") || strings.Contains(line, "--in")) {
			return // it shall touch no files of this machine
		}
		run := commands[argv[0]]
		run(&call{ctx: context.Background(), sys: testSystem(), name: argv[0], args: argv[1:], dir: t.TempDir(),
			env: func(string) string { return "" }, in: strings.NewReader(stdin), out: io.Discard, err: io.Discard})
	})
}
