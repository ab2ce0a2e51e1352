// What is wrong with a kickstart, in the words of the installer's own parser,
// and %include lines.

package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// A ksError is what stops the installer at a line of the kickstart.
type ksError struct {
	Line int
	Text string
}

// ksErrors lists what the installer stops at, in the order of the file. Lint
// with Fragment leaves out what may stand in another file.
func ksErrors(file *kickstart.File) []ksError {
	var all []ksError
	for _, f := range kickstart.Lint(file, kickstart.LintOptions{Dialect: kickstart.AlmaLinux10, Fragment: true}) {
		if f.Severity == kickstart.Error {
			all = append(all, ksError{f.Line, ksText(f)})
		}
	}
	return all
}

// ksWarnings lists what the installer warns of and goes on, in lint's words.
func ksWarnings(file *kickstart.File) []string {
	var all []string
	for _, f := range kickstart.Lint(file, kickstart.LintOptions{Dialect: kickstart.AlmaLinux10, Fragment: true}) {
		switch f.Rule {
		case "deprecated-command", "deprecated-option", "deprecated-section":
			all = append(all, fmt.Sprintf("line %d: %s", f.Line, f.Text))
		}
	}
	return all
}

// sectionName finds "%post" in what lint says of it.
var sectionName = regexp.MustCompile(`%[a-z-]+`)

// ksText words a finding as pykickstart and argparse do, where their words are
// known; lint's own text otherwise.
func ksText(f kickstart.Finding) string {
	runes := []rune(f.Excerpt)
	from, to := min(max(f.Column-1, 0), len(runes)), min(max(f.EndColumn-1, 0), len(runes))
	at := string(runes[from:max(from, to)])
	first := ""
	if words := strings.Fields(f.Excerpt); len(words) > 0 {
		first = words[0]
	}
	switch f.Rule {
	case "unknown-command":
		return "Unknown command: " + first
	case "removed-command":
		return first + " has been removed."
	case "unknown-option", "removed-option", "future-option", "extra-argument":
		return "unrecognized arguments: " + at
	case "missing-value":
		return "argument " + at + ": expected one argument"
	case "unknown-section", "removed-section":
		return "Unknown kickstart section: " + first
	case "unclosed-section":
		return "Section " + sectionName.FindString(f.Text) + " does not end with %end."
	}
	return f.Text
}

// maxIncludes is how deep %include may nest.
const maxIncludes = 10

// expand replaces the %include lines outside of sections, and in %packages, by
// the files that they name. Of what cannot be read the first is an error.
func expand(src []byte, depth int) ([]byte, *ksError) {
	file, err := kickstart.Parse("ks.cfg", src)
	if err != nil || depth > maxIncludes {
		return src, nil // the parse that follows says what is wrong
	}
	var out bytes.Buffer
	var failed *ksError
	var put func(nodes []kickstart.Node)
	put = func(nodes []kickstart.Node) {
		for _, n := range nodes {
			switch n := n.(type) {
			case *kickstart.Include:
				data, err := os.ReadFile(n.Path())
				if err != nil {
					if failed == nil {
						failed = &ksError{n.Pos().Line, fmt.Sprintf("Unable to open input kickstart file: Error opening file: %v", err)}
					}
					continue
				}
				inner, bad := expand(data, depth+1)
				if failed == nil {
					failed = bad
				}
				out.Write(inner)
				if len(inner) > 0 && inner[len(inner)-1] != '\n' {
					out.WriteByte('\n')
				}
			case *kickstart.Section:
				if n.Name() != "%packages" {
					out.Write(n.Raw())
					continue
				}
				out.Write(n.Header.Raw())
				put(n.Body)
				if n.End != nil {
					out.Write(n.End.Raw())
				}
			default:
				out.Write(n.Raw())
			}
		}
	}
	put(file.Nodes)
	return out.Bytes(), failed
}
