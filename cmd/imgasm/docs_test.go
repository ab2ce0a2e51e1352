package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
)

var (
	// A line of a block: "imgasm alma …", "$ imgasm …", "bin/imgasm …".
	docLine = regexp.MustCompile(`^(?:\$ |generate-ks \| )?(?:bin/)?(imgasm .*)$`)
	// `imgasm kickstart lint` in a text.
	docSpan = regexp.MustCompile("`(imgasm [^`\n]+)`")
)

// shownCommands are the commands of a page, in its blocks and in its text.
func shownCommands(page string) (blocks, spans []string) {
	fenced := false
	for _, line := range strings.Split(page, "\n") {
		indented, isIndented := strings.CutPrefix(line, "    ")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced = !fenced
		case fenced || isIndented:
			if m := docLine.FindStringSubmatch(indented); m != nil {
				blocks = append(blocks, m[1])
			}
		default:
			for _, m := range docSpan.FindAllStringSubmatch(line, -1) {
				spans = append(spans, m[1])
			}
		}
	}
	return blocks, spans
}

// docPages are the pages of the documentation, by their paths.
func docPages(t *testing.T) map[string]string {
	t.Helper()
	pages := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		paths, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || paths == nil {
			t.Fatalf("no pages %s: %v", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			pages[path] = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
	return pages
}

// Every command that the documentation and --help show is one that imgasm takes: its verbs and flags exist, with values of their kind.
// Whether it does what the text says is for the tests of each page.
func TestDocumentedCommands(t *testing.T) {
	texts := docPages(t)
	var usages func([]*cli.Command)
	usages = func(commands []*cli.Command) {
		for _, c := range commands {
			texts["--help of "+c.Name] += "```\n" + c.UsageText + "\n```\n"
			usages(c.Subcommands)
		}
	}
	usages((&app{}).commands())
	shown := 0
	for name, text := range texts {
		blocks, spans := shownCommands(text)
		shown += len(blocks) + len(spans)
		for _, line := range blocks {
			if err := takes(shellWords(line)); err != nil {
				t.Errorf("%s: %s: %v", name, line, err)
			}
		}
		for _, line := range spans { // they may name a flag without its value
			if err := takes(shellWords(line)); err != nil && !strings.HasSuffix(err.Error(), "needs a value") {
				t.Errorf("%s: `%s`: %v", name, line, err)
			}
		}
	}
	if shown < 60 {
		t.Errorf("only %d commands were found", shown)
	}
}

// shellWords cuts a command line up to a comment, redirection or pipe; what
// stands for more of the same is left out.
func shellWords(line string) []string {
	var words []string
	for _, w := range strings.Fields(line) {
		if w == "|" || w == "#" || strings.HasPrefix(w, ">") || strings.HasPrefix(w, "(") {
			break
		}
		if w != "…" && w != "lint|fmt|render|explain" {
			words = append(words, strings.Trim(w, "[]"))
		}
	}
	return words
}

// takes parses args as imgasm does, and runs nothing.
func takes(args []string) error {
	a := &app{stdin: strings.NewReader(""), Streams: ui.NewStreams(&bytes.Buffer{}, &bytes.Buffer{}, os.Getenv), getenv: func(string) string { return "" }}
	parser := a.cli()
	var still func([]*cli.Command)
	still = func(commands []*cli.Command) {
		for _, c := range commands {
			if len(c.Subcommands) == 0 || len(c.Flags) > 0 { // a verb, and no group of verbs
				c.Action = func(*cli.Context) error { return nil }
			}
			still(c.Subcommands)
		}
	}
	still(parser.Commands)
	return parser.RunContext(context.Background(), interspersed(args, parser.Commands))
}
