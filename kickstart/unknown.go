// The wording of findings about names: unknown, removed, deprecated.

package kickstart

import "strings"

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
