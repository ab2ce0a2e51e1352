package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/golden"
)

// everyCommand calls f with imgasm and each of its commands that people see.
func everyCommand(f func(name string, c *cli.Command)) {
	var walk func(string, *cli.Command)
	walk = func(name string, c *cli.Command) {
		f(name, c)
		for _, sub := range shownCommandsOf(c) {
			walk(name+" "+sub.Name, sub)
		}
	}
	walk("imgasm", (&app{Streams: &ui.Streams{}}).top())
}

// The pages of some commands as they are, at three widths.
func TestHelpGolden(t *testing.T) {
	everyCommand(func(name string, c *cli.Command) {
		if !slices.Contains([]string{"imgasm", "imgasm alma", "imgasm kickstart lint", "imgasm stop"}, name) {
			return
		}
		for _, width := range []int{40, 80, 200} {
			t.Run(fmt.Sprint(name, width), func(t *testing.T) {
				golden.Check(t, fmt.Sprintf("help/%s.%d.txt", strings.ReplaceAll(name, " ", "-"), width), []byte(helpText(c, name, width, false)))
			})
		}
	})
}

// What holds of every page: a screen at most, no line too wide, no word broken,
// examples first, and all the flags where all is asked for.
func TestHelp(t *testing.T) {
	const screen = 40
	everyCommand(func(name string, c *cli.Command) {
		t.Run(name, func(t *testing.T) {
			for _, width := range []int{40, 80, 200} {
				for _, all := range []bool{false, true} {
					text := helpText(c, name, width, all)
					for line := range strings.Lines(text) {
						if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > width || strings.HasSuffix(line, " ") {
							t.Errorf("%d columns of %d: %q", utf8.RuneCountInString(line), width, line)
						}
					}
					pasted := strings.ReplaceAll(text, " \\\n    ", " ")
					examples, further, _ := strings.Cut(c.UsageText, "\n\n")
					if all && further != "" {
						examples += "\n" + further
					}
					for line := range strings.Lines(examples) {
						if !strings.Contains(pasted, "\n  "+strings.TrimSpace(line)+"\n") {
							t.Errorf("%d columns: the example cannot be pasted: %s", width, line)
						}
					}
					for _, f := range flagsOf(c) {
						for word := range strings.FieldsSeq(strings.Join(f.names, " ") + " " + f.text) {
							if (all || !f.rare) && !strings.Contains(text, word) {
								t.Errorf("%d columns: %s is broken or missing", width, word)
							}
						}
					}
				}
			}
			text := helpText(c, name, 80, false)
			if lines := strings.Count(text, "\n"); lines > screen {
				t.Errorf("%d lines, more than a screen: mark flags as rare, or divide the description\n%s", lines, text)
			}
			if !strings.Contains(text, "\n  -h, --help") || !strings.Contains(text, "\n  --help-all") {
				t.Error("--help is not listed")
			}
			if _, after, _ := strings.Cut(text, "\n\n"); !strings.HasPrefix(after, "  ") || c.UsageText == "" {
				t.Error("no example after the first line")
			}
		})
	})
}

// Every word that stands for a value is one that completion knows, or small
// letters that stand for themselves; what has a default says it by itself; every
// verb and no flag has a group to be found in.
func TestFlagTexts(t *testing.T) {
	everyCommand(func(name string, c *cli.Command) {
		values := map[string]string{}
		for _, f := range flagsOf(c) {
			values[strings.Join(f.names, ", ")] = f.value
			if f.text == "" || strings.Contains(f.text, "|") || strings.Count(f.text, "(default") > 1 || strings.Contains(f.text, "may be repeated") || strings.Contains(f.group, "\t") {
				t.Errorf("%s %s: %q", name, f.left(), f.text)
			}
		}
		for n := range 4 {
			values[fmt.Sprint("argument ", n)] = argument(c.ArgsUsage, n)
		}
		for what, value := range values {
			_, literals := kindsOf(value)
			for _, word := range literals {
				if word != strings.ToLower(word) {
					t.Errorf("%s, %s: valueKinds does not say what %s stands for", name, what, word)
				}
			}
		}
		if strings.Count(name, " ") == 1 && c.Category == "" {
			t.Errorf("%s is in none of the groups of imgasm --help", name)
		}
	})
}

// Each flag is shown in an example, which TestDocumentedCommands parses, and used
// by a test, of completion aside.
func TestFlagsAreUsed(t *testing.T) {
	var examples, tests strings.Builder
	everyCommand(func(_ string, c *cli.Command) { examples.WriteString(c.UsageText + "\n") })
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || strings.Contains(path, "comple") || !strings.HasSuffix(path, "_test.go") && filepath.Ext(path) != ".txtar" {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]string{}
	everyCommand(func(name string, c *cli.Command) {
		for _, f := range flagsOf(c) {
			word := regexp.MustCompile(`(?m)(?:` + strings.Join(f.names, "|") + `)(?:[ ="\x60]|$)`)
			for what, in := range map[string]string{"example": examples.String(), "test": tests.String()} {
				if f.names[0] != "-h" && f.names[0] != "--help-all" && !word.MatchString(in) {
					missing[f.left()+" is in no "+what] += " " + name
				}
			}
		}
	})
	for what, names := range missing {
		t.Errorf("%s:%s", what, names)
	}
}

// Words are kept whole, however wide.
func TestWrapped(t *testing.T) {
	for _, tt := range []struct {
		in    string
		width int
		want  string
	}{
		{"", 10, ""},
		{"one two three", 8, "  one|    two|    three"},
		{"one two three", 13, "  one two|    three"},
		{"immeasurable", 4, "  immeasurable"},
		{"a b", 80, "  a b"},
		{"ääää öö", 9, "  ääää öö"},
	} {
		if got := strings.Join(ui.Wrap(tt.in, tt.width, 2, 4), "|"); got != tt.want {
			t.Errorf("%q, %d: %q, want %q", tt.in, tt.width, got, tt.want)
		}
	}
}
