// docs/reference is written by these tests, with -update, of what --help, lint and
// the verdicts on installations are made of.

package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/golden"
	"github.com/imgasm/imgasm/kickstart"
)

// reference holds a page of docs/reference against what it is made of. It begins
// with a heading and a sentence about it.
func reference(t *testing.T, name, begin string, write func(*strings.Builder)) {
	t.Helper()
	var page strings.Builder
	page.WriteString(begin + " This page is made by `go test ./cmd/imgasm -run Reference -update`.\n")
	write(&page)
	golden.Check(t, filepath.Join("../../../docs/reference", name), []byte(page.String()))
}

// table writes rows of cells.
func table(b *strings.Builder, head string, rows [][]string) {
	fmt.Fprintf(b, "\n| %s |\n|%s\n", head, strings.Repeat("---|", strings.Count(head, "|")+1))
	for _, cells := range rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
	}
}

// prose is a text in which Markdown finds nothing of its own.
func prose(s string) string {
	return strings.NewReplacer("|", `\|`, "<", `\<`, "*", `\*`, "_", `\_`, "[", `\[`, "\n", " ").Replace(s)
}

// code is a text as it is typed or printed.
func code(s string) string {
	s = strings.ReplaceAll(strings.Join(strings.Fields(s), " "), "|", `\|`)
	if strings.Contains(s, "`") {
		return "`` " + s + " ``"
	}
	return "`" + s + "`"
}

// Every verb, with all of its flags.
func TestReferenceVerbs(t *testing.T) {
	reference(t, "verbs.md", "# Every verb and flag\n\nWhat `--help-all` and the manual pages say.", func(b *strings.Builder) {
		everyCommand(func(name string, c *cli.Command) {
			if name == "imgasm" {
				return
			}
			fmt.Fprintf(b, "\n## %s\n\n%s\n", name, sentenceOf(c.Usage))
			fmt.Fprintf(b, "\n<!-- not run -->\n```sh\n%s\n```\n", strings.ReplaceAll(c.UsageText, "\n\n", "\n"))
			if c.ArgsUsage != "" {
				fmt.Fprintf(b, "\nUsage: %s\n", code(name+" [FLAGS] "+c.ArgsUsage))
			}
			for _, text := range paragraphsOf(c) {
				words, rows := paragraphParts(text)
				fmt.Fprintf(b, "\n%s\n", prose(strings.TrimSpace(words)))
				for _, r := range rows {
					fmt.Fprintf(b, "- %s %s\n", code(r.left), prose(r.right))
				}
			}
			for _, s := range flagSections(flagsOf(c), true) {
				var rows [][]string
				for _, r := range s.rows {
					rows = append(rows, []string{code(r.left), prose(r.right)})
				}
				table(b, cmp.Or(strings.ToLower(s.heading), "flag")+" | ", rows)
			}
		})
	})
}

func sentenceOf(s string) string { return prose(strings.ToUpper(s[:1]) + s[1:] + ".") }

// Every finding of lint.
func TestReferenceFindings(t *testing.T) {
	reference(t, "findings.md", "# Every finding of `imgasm kickstart lint`\n\n"+
		"`imgasm kickstart explain FINDING` says the same in a terminal; [kickstart.md](../kickstart.md) tells how a finding is suppressed. "+
		"One that needs the machine is looked for by builds, and by lint where it is told of it; one of whole files is not looked for with `--fragment`.", func(b *strings.Builder) {
		var rows [][]string
		for _, r := range kickstart.Rules() {
			where := ""
			if r.NeedsTarget {
				where = "the machine"
			}
			if r.Completeness {
				where = "whole files"
			}
			rows = append(rows, []string{code(r.Name), fmt.Sprint(r.Severity), prose(r.Summary), where})
		}
		table(b, "finding | it is | what it is about | needs", rows)
	})
}

// Every row of the table of what a guest can say about an installation that fails.
func TestReferenceFailures(t *testing.T) {
	reference(t, "failures.md", "# What an installation can fail of\n\n"+
		"`imgasm` names the rule of its verdict with `--json`, in the bundle's summary and in `imgasm replay`. "+
		"`…` stands for what the guest names; [rules.md](../rules.md) tells how the table is read, and how to add a row.", func(b *strings.Builder) {
		group := regexp.MustCompile(`(\$\d)+`)
		words := func(s string) string {
			s = strings.NewReplacer("{arch}", "ARCH", "{retry}", "another accelerator ({Accel}), more memory ({MemoryMiB} 4G) or a newer QEMU").Replace(s)
			return prose(group.ReplaceAllString(fault.Fill(s, flagOf), "…"))
		}
		var rows [][]string
		for _, r := range anaconda.Rules() {
			rows = append(rows, []string{code(r.Name), string(r.Class), code(firstLines(r.Sample)), words(r.Meaning), words(r.Hint)})
		}
		table(b, "rule | class | such as | what it means | what to do", rows)
	})
}

// firstLines are so many of the first words of a sample that a table has room for.
func firstLines(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 100 {
		return string(r[:99]) + "…"
	}
	return s
}
