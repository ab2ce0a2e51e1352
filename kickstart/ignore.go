// Comments that suppress findings.
//
//	# imgasm: ignore=rule,rule       on the line, or alone on the line before
//	# imgasm: ignore-file=rule,rule  anywhere: for the whole file

package kickstart

import (
	"bytes"
	"regexp"
	"strings"
)

// ignored are the rules that a file's comments suppress.
type ignored struct {
	file  map[string]bool
	lines map[int]map[string]bool
}

func (i ignored) has(rule string, line int) bool {
	return i.file[rule] || i.lines[line][rule]
}

// ignorePattern matches "# imgasm: ignore=duplicate" in a line.
var ignorePattern = regexp.MustCompile(`#\s*imgasm:\s*(ignore|ignore-file)\s*=\s*([a-z0-9-]+(?:\s*,\s*[a-z0-9-]+)*)`)

// readIgnored collects the suppressing comments of f, and warns of rules that
// do not exist: most likely a name was mistyped, and the finding stays.
func (l *linter) readIgnored(f *File) ignored {
	var all ignored
	var unknown []problem
	n := 0
	for line := range f.Lines() {
		if n++; !bytes.Contains(line, []byte("imgasm:")) {
			continue
		}
		m := ignorePattern.FindSubmatchIndex(line)
		if m == nil {
			continue
		}
		target := n
		if alone := trimLeft(line); alone[0] == '#' {
			target = n + 1
		}
		at := Pos{Line: n, Column: 1}.after(line[:m[4]])
		for _, name := range strings.Split(string(line[m[4]:m[5]]), ",") {
			name = strings.TrimSpace(name)
			if rules[name] == nil {
				unknown = append(unknown, problem{rule: ruleUnknownRule, pos: at, end: at.after(line[m[4]:m[5]]),
					text: "there is no rule " + name, hint: "imgasm kickstart lint shows the rule of each finding"})
				continue
			}
			if all.file == nil {
				all.file, all.lines = map[string]bool{}, map[int]map[string]bool{}
			}
			if string(line[m[2]:m[3]]) == "ignore-file" {
				all.file[name] = true
				continue
			}
			for _, t := range []int{n, target} {
				if all.lines[t] == nil {
					all.lines[t] = map[string]bool{}
				}
				all.lines[t][name] = true
			}
		}
	}
	l.source.ignored = all
	for _, p := range unknown {
		l.add(Warning, p)
	}
	return all
}
