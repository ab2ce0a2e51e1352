// imgasm lint and imgasm fmt: imgasm kickstart's, which take project files too.

package main

import (
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/kickstart"
)

// alsoHere is a subcommand of kickstart as a verb of its own.
func alsoHere(c *cli.Command) *cli.Command {
	c.Category = verbMake
	c.Usage += " and imgasm.yaml"
	c.ArgsUsage = "KICKSTART|PROJECT…"
	c.UsageText = "imgasm " + c.Name + " " + project.FileName + "\n" + strings.ReplaceAll(c.UsageText, "imgasm kickstart ", "imgasm ")
	return c
}

// projectKeys are how a project's file begins, and no kickstart: "# all\nimages:".
var projectKeys = regexp.MustCompile(`\A\x{FEFF}?(?:[ \t]*(?:#.*|---)?\r?\n)*(?:images|defaults):`)

// isProject reports whether a file is a project's, by its name's ending; of standard
// input by what it says.
func isProject(name string, text []byte) bool {
	return slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(name)) || name == stdinName && projectKeys.Match(text)
}

// projectRule is the rule of all findings in a project's file.
const projectRule = "project-file"

// lintProject finds what imgasm build would refuse in a project's file.
func (a *app) lintProject(name string, text []byte) (all []kickstart.Finding) {
	for _, err := range project.Mistakes(name, text, a.kinds()) {
		var m *project.Mistake
		errors.As(err, &m)
		all = append(all, kickstart.Finding{
			Severity: kickstart.Error, Rule: projectRule, File: m.File, Line: m.Line, Column: m.Column, EndColumn: m.Column, Text: m.Text, Hint: fault.Hint(err, flagOf),
		})
	}
	return all
}
