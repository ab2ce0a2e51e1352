// The wording of findings about names: unknown, removed, deprecated.

package kickstart

import "strings"

func (d Dialect) title() string {
	switch d {
	case RHEL8:
		return "RHEL 8"
	case RHEL9:
		return "RHEL 9"
	case AlmaLinux10:
		return "AlmaLinux 10"
	case AlmaLinux10At0:
		return "AlmaLinux 10.0"
	case Fedora:
		return "Fedora"
	}
	return "RHEL 10"
}

// instead makes a hint of a table's Instead.
func instead(what string) string {
	if rest, ok := strings.CutPrefix(what, "nothing: "); ok {
		return "remove it: " + rest
	}
	if what == "" {
		return "remove it"
	}
	return "use " + what
}

func (l *linter) removed(rule *Rule, w Word, what string, h History, replacement string) {
	text := what + " is not in " + l.options.Dialect.title() + " any more"
	if h.In(l.options.Dialect) == Absent {
		text = what + " is not in " + l.options.Dialect.title()
	}
	l.add(Error, problem{rule: rule, pos: w.Pos, end: w.End, text: text,
		meaning: h.String(), hint: instead(replacement)})
}

func (l *linter) deprecated(rule *Rule, w Word, what string, h History, replacement string) {
	l.add(Warning, problem{rule: rule, pos: w.Pos, end: w.End,
		text:    what + " is deprecated in " + l.options.Dialect.title(),
		meaning: h.String() + "; with inst.ksstrict the installer refuses it", hint: instead(replacement)})
}

func (l *linter) unknownCommand(w Word) {
	p := problem{rule: ruleUnknownCommand, pos: w.Pos, end: w.End, text: "unknown command " + quoteWord(w.Value)}
	switch {
	case w.Value == "":
		p.text = "the line begins with an empty word instead of a command"
	case w.Value == "%end":
		p.rule, p.text = ruleStrayEnd, "%end closes no section"
		p.hint = "remove it, or add the header of the section that it should close"
	default:
		p.hint = didYouMean(w.Value, l.commandNames())
	}
	l.add(Error, p)
}

// commandNames are the names of the dialect's commands.
func (l *linter) commandNames() []string {
	if l.names == nil {
		for _, c := range allCommands {
			if s := c.History.In(l.options.Dialect); s == Active || s == Deprecated {
				l.names = append(append(l.names, c.Name), c.Also...)
			}
		}
	}
	return l.names
}

// extra reports a word that found no place in a command or header.
func (l *linter) extra(s *Statement, w Word, rows []OptionSpec) {
	name := opt0(w.Value)
	if !strings.HasPrefix(w.Value, "-") || len(w.Value) < 2 {
		p := problem{rule: ruleExtraArgument, pos: w.Pos, end: w.End,
			text: s.Name() + " takes no argument " + quoteWord(w.Value)}
		if strings.Trim(w.Value, "\r\n") == "" {
			p.text = "a backslash at the end of the line does not continue it"
			p.hint = "write the command on one line"
		} else if spec, _ := findOption(rows, "--"+name); spec != nil {
			p.hint = "did you mean --" + w.Value + "?"
		}
		l.add(Error, p)
		return
	}
	if spec, ok := findOption(rows, name); ok {
		switch spec.History.In(l.options.Dialect) {
		case NotYet:
			l.add(Error, problem{rule: ruleFutureOption, pos: w.Pos, end: w.End,
				text: s.Name() + " has no " + name + " yet in " + l.options.Dialect.title() + ": " + spec.History.String()})
		default:
			l.removed(ruleRemovedOption, w, s.Name()+" "+name, spec.History, spec.Instead)
		}
		return
	}
	p := problem{rule: ruleUnknownOption, pos: w.Pos, end: w.End, text: s.Name() + " has no option " + name}
	if len(l.activeOptions(rows)) == 0 {
		p.meaning = s.Name() + " takes no options"
	}
	if near := l.nearestOption(name, rows); near != "" {
		p.hint = "did you mean " + near + "?"
	}
	l.add(Error, p)
}

// nearestOption is the option that a word which is none was meant to be, or "".
func (l *linter) nearestOption(word string, rows []OptionSpec) string {
	if len(word) < 2 || word[0] != '-' {
		return ""
	}
	var names []string
	for _, o := range l.activeOptions(rows) {
		names = append(names, o.Names...)
	}
	if !strings.HasPrefix(word, "--") {
		word = "-" + word
	}
	return Nearest(strings.ToLower(word), names)
}

// quoteWord shows a word in a message, cut when it is long.
func quoteWord(s string) string {
	if runes := 0; len(s) > 60 {
		for i := range s {
			if runes++; runes > 57 {
				s = s[:i] + "..."
				break
			}
		}
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' }) {
		return "\"" + strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + "\""
	}
	return s
}

// didYouMean is a hint with the name that s was most likely meant to be, or "".
func didYouMean(s string, names []string) string {
	if near := Nearest(strings.ToLower(s), names); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// Nearest is the name that s was most likely meant to be, "" if none is near.
func Nearest(s string, names []string) string {
	if len(s) > maxNear {
		return ""
	}
	best, bestDistance := "", 3
	if len(s) < 6 {
		bestDistance = 2
	}
	for _, n := range names {
		if d := len(s) - len(n); d >= bestDistance || -d >= bestDistance {
			continue
		}
		if n == s {
			return n
		}
		if d := editDistance(s, strings.ToLower(n)); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

const maxNear = 40 // bytes: longer words are not looked up

// editDistance counts the insertions, deletions, changes and swaps of
// neighbours that make b of a. Both are a little over maxNear bytes at most.
func editDistance(a, b string) int {
	var rows [3][maxNear + 4]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := 0; j <= len(b); j++ {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
