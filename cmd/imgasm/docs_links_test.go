// What the pages of the documentation lead to, and what they quote, is there.

package main

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/urfave/cli/v2"
)

var (
	docCode    = regexp.MustCompile("(?ms)^```.*?^```$|``[^\n]*?``|`[^`\n]*`")
	docLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	docHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// anchors are those that GitHub gives the headings of a page.
func anchors(page string) (all []string) {
	page = regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(page, "")
	for _, m := range docHeading.FindAllStringSubmatch(page, -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		name := anchor
		for i := 1; slices.Contains(all, name); i++ {
			name = fmt.Sprint(anchor, "-", i)
		}
		all = append(all, name)
	}
	return all
}

// Links lead to files and headings that exist; addresses are not visited.
func TestDocumentedLinks(t *testing.T) {
	pages := docPages(t)
	links := 0
	for path, page := range pages {
		for _, m := range docLink.FindAllStringSubmatch(docCode.ReplaceAllString(page, "`code`"), -1) {
			links++
			to, err := url.Parse(m[1])
			if err != nil {
				t.Errorf("%s: %s: %v", path, m[1], err)
				continue
			}
			if to.IsAbs() {
				if (to.Scheme != "https" || to.Host == "") && to.Scheme != "mailto" {
					t.Errorf("%s: %s is no address", path, m[1])
				}
				continue
			}
			target := path
			if to.Path != "" {
				target = filepath.Join(filepath.Dir(path), to.Path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", path, err)
			} else if to.Fragment != "" && !slices.Contains(anchors(pages[target]), to.Fragment) {
				t.Errorf("%s: %s has no heading %s", path, target, to.Fragment)
			}
		}
	}
	if links < 100 {
		t.Errorf("only %d links", links)
	}
	for path := range pages {
		name, err := filepath.Rel("../../docs", path)
		if err != nil || strings.HasPrefix(name, "..") || strings.HasPrefix(name, "adr") || name == "README.md" {
			continue
		}
		if !strings.Contains(pages["../../docs/README.md"], "]("+name+")") {
			t.Errorf("docs/README.md does not lead to %s", name)
		}
	}
}

// firstCells are the first cells of a page's tables.
func firstCells(page string) (cells []string) {
	for line := range strings.Lines(page) {
		if rest, ok := strings.CutPrefix(line, "| "); ok {
			cell, _, _ := strings.Cut(rest, " | ")
			cells = append(cells, cell)
		}
	}
	return cells
}

var docCodeSpan = regexp.MustCompile("`([^`]+)`")

// What docs/troubleshooting.md quotes is what the program says.
func TestTroubleshootingQuotes(t *testing.T) {
	var said strings.Builder
	for _, root := range []string{"testdata/errors.txt", ".", "../../assemble", "../../firmware", "../../qemu", "../../docs/reference"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !slices.Contains([]string{".go", ".md", ".txt"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			said.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	all, quotes := said.String(), 0
	_, tables, _ := strings.Cut(docPages(t)["../../docs/troubleshooting.md"], "\n## ")
	for _, cell := range firstCells(tables) {
		for _, m := range docCodeSpan.FindAllStringSubmatch(cell, -1) {
			for part := range strings.SplitSeq(m[1], "…") {
				if quotes++; !strings.Contains(all, part) {
					t.Errorf("nothing says %q", part)
				}
			}
		}
	}
	if quotes < 30 {
		t.Errorf("only %d quotes", quotes)
	}
}

// docs/packer.md has each argument of Packer's builder.
func TestPackerArguments(t *testing.T) {
	text, err := os.ReadFile("testdata/packer.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, names, _ := strings.Cut(string(text), "\n")
	spans := docCodeSpan.FindAllStringSubmatch(strings.Join(firstCells(docPages(t)["../../docs/packer.md"]), "\n"), -1)
	for name := range strings.FieldsSeq(names) {
		if !slices.ContainsFunc(spans, func(m []string) bool {
			family, many := strings.CutSuffix(m[1], "*") // ssh_bastion_*
			return m[1] == name || many && strings.HasPrefix(name, family)
		}) {
			t.Errorf("%s is not in the table", name)
		}
	}
}

// The flags that these pages name in their text are flags.
func TestDocumentedFlags(t *testing.T) {
	flags := map[string]bool{}
	everyCommand(func(_ string, c *cli.Command) {
		for _, f := range flagsOf(c) {
			for _, name := range f.names {
				flags[name] = true
			}
		}
	})
	pages, named := docPages(t), 0
	for _, page := range []string{"packer", "troubleshooting", "macos", "ci", "tutorial"} {
		for _, m := range docCodeSpan.FindAllStringSubmatch(docBlock.ReplaceAllString(pages["../../docs/"+page+".md"], ""), -1) {
			if name, _, _ := strings.Cut(m[1], " "); strings.HasPrefix(name, "--") {
				if named++; !flags[name] && name != "--" {
					t.Errorf("%s.md: no verb has %s", page, name)
				}
			}
		}
	}
	if named < 50 {
		t.Errorf("only %d flags", named)
	}
}
