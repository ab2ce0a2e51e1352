package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/hosttool"

	"github.com/urfave/cli/v2"
)

// Every page is clean for mandoc, and shows what it was made of as it is: all the
// flags, and the examples to be copied.
func TestManPages(t *testing.T) {
	mandoc := hosttool.Find(t, "mandoc", "mandoc")
	dir := t.TempDir()
	if err := (&app{Streams: &ui.Streams{}}).writePages(dir, time.Unix(1700000000, 0)); err != nil {
		t.Fatal(err)
	}
	everyCommand(func(name string, c *cli.Command) {
		t.Run(name, func(t *testing.T) {
			page := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+".1")
			if said, err := exec.Command(mandoc, "-T", "lint", page).CombinedOutput(); err != nil || len(said) > 0 {
				t.Errorf("%v: %s", err, said)
			}
			shown, err := exec.Command(mandoc, "-T", "utf8", "-O", "width=500", page).Output()
			if err != nil {
				t.Fatal(err)
			}
			text := regexp.MustCompile("(?s).\b").ReplaceAllString(string(shown), "") // bold and underlined
			words := strings.Join(strings.Fields(text), " ")
			for _, f := range flagsOf(c) {
				if !strings.Contains(words, " "+f.left()+" "+strings.Join(strings.Fields(f.text), " ")+" ") {
					t.Errorf("%s is not as in --help-all: %s", f.left(), f.text)
				}
			}
			for line := range strings.Lines(c.UsageText) {
				if line != "\n" && !strings.Contains(text, " "+strings.TrimSpace(line)+"\n") {
					t.Errorf("the example is not as it is: %s", line)
				}
			}
		})
	})
}

// What roff would take for its own is shown as it is.
func TestManEscapes(t *testing.T) {
	r := &roff{}
	r.text(`.TH 'a' \fB ~^` + "`" + ` … --x "q". Next? Yes`)
	if got, want := r.String(), `\&.TH \(aqa\(aq \efB \(ti\(ha\(ga \[u2026] \-\-x "q".`+"\nNext?\nYes\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The page of imgasm has every variable that is read, and every exit code.
func TestManComplete(t *testing.T) {
	read := regexp.MustCompile(`[gG]etenv\("([A-Za-z_]+)"\)`)
	told := map[string]bool{}
	for _, r := range environment {
		for name := range strings.SplitSeq(r.left, ", ") {
			told[name] = true
		}
	}
	found := 0
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "hosttool") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range read.FindAllStringSubmatch(string(text), -1) {
			if found++; !told[m[1]] {
				t.Errorf("%s reads %s, which imgasm(1) does not have", path, m[1])
			}
		}
		return err
	})
	if err != nil || found < 10 {
		t.Errorf("%d variables: %v", found, err)
	}
	text, err := os.ReadFile("exit.go")
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, r := range exitRows() {
		have = append(have, r.left)
	}
	var want []string
	for _, m := range regexp.MustCompile(`(?m)^\texit\w+ += (\d+)`).FindAllStringSubmatch(string(text), -1) {
		want = append(want, m[1])
	}
	if !slices.Equal(have, want) || len(want) < 9 {
		t.Errorf("%v, want %v", have, want)
	}
}
