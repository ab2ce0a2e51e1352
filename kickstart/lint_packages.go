// Lint of the lines of %packages.

package kickstart

import (
	"strconv"
	"strings"
)

var (
	ruleDuplicatePackage = newRule(Warning, "duplicate-package", "a package, group or environment is listed twice")
	ruleContradiction    = newRule(Warning, "package-contradiction", "something is listed and excluded")
	ruleBlankInPackage   = newRule(Warning, "blank-in-package", "a package's name contains blanks")
	ruleNoModules        = newRule(Warning, "no-modules", "a module is listed for a release without modules")
	ruleGroupOption      = newRule(Warning, "group-option", "an unknown option becomes part of a group's name")
	ruleSeveralEnvs      = newRule(Warning, "several-environments", "only the last environment is installed")
)

// groupOptionRows are the options that a group may have.
var groupOptionRows = []*OptionSpec{
	{Names: []string{"--nodefaults"}, Help: "installs the group's mandatory packages only"},
	{Names: []string{"--optional"}, Help: "installs the group's optional packages too"},
}

// packageState is what the lines of all %packages sections amount to.
type packageState struct {
	listed      map[string]entryPlace
	excluded    map[string]entryPlace
	environment entryPlace
	seen        bool // there is a %packages section
}

type entryPlace struct {
	file string
	line int
}

func (p entryPlace) String() string { return p.file + " line " + strconv.Itoa(p.line) }

// place names a line, shortly if it is in the current file.
func (l *linter) place(p entryPlace) string {
	if p.file == l.source.file.Name {
		return "line " + strconv.Itoa(p.line)
	}
	return p.String()
}

func (l *linter) packageLines(s *Section) {
	for _, n := range s.Body {
		switch n := n.(type) {
		case *Include:
			l.include(&n.Statement, s)
		case *Entry:
			l.entry(n)
		}
	}
}

// entry lints a line of %packages.
func (l *linter) entry(e *Entry) {
	p := problem{pos: e.NamePos, end: e.NameEnd}
	if e.Kind != EntryPackage {
		l.groupName(e)
	}
	here := entryPlace{l.source.file.Name, e.pos.Line}
	state := &l.state.packages
	if state.listed == nil {
		state.listed, state.excluded = map[string]entryPlace{}, map[string]entryPlace{}
	}
	switch {
	case e.Kind == EntryPackage && e.Exclude && e.Name == "":
		p.rule, p.text = ruleBadEntry, "nothing is excluded by a minus sign alone"
		p.meaning = "the installer stops here with a Python error that names no line"
		l.add(Error, p)
		return
	case e.Kind == EntryPackage && strings.ContainsAny(e.Name, " \t"):
		p.rule, p.text = ruleBlankInPackage, "the name of the package contains a blank"
		p.meaning, p.hint = "the whole line is one name", "write one package a line"
		l.warn(p)
		return
	case e.Kind == EntryGroup && !e.Exclude:
		if !l.groupOptions(e) {
			return
		}
		if strings.Contains(e.Name, ":") && l.options.Dialect.elRelease() == 10 {
			p.rule, p.text = ruleNoModules, "there are no modules in "+l.options.Dialect.title()
			p.hint = "list the packages themselves"
			l.warn(p)
		}
	case e.Kind == EntryEnvironment && !e.Exclude:
		if state.environment.line != 0 {
			p.rule, p.text = ruleSeveralEnvs, "this environment replaces the one of "+l.place(state.environment)
			l.warn(p)
		}
		state.environment = here
		return
	}
	key := strconv.Itoa(int(e.Kind)) + e.Name
	mine, others := state.listed, state.excluded
	if e.Exclude {
		mine, others = others, mine
	}
	if at, again := mine[key]; again {
		p.rule, p.text = ruleDuplicatePackage, quoteWord(e.Name)+" is on "+l.place(at)+" already"
		l.warn(p)
	}
	if at, both := others[key]; both {
		p.rule, p.text = ruleContradiction, quoteWord(e.Name)+" is both listed and excluded (here and on "+l.place(at)+")"
		p.meaning = "what comes last counts"
		l.warn(p)
	}
	mine[key] = here
}

// groupOptions judges the options of a group, and reports whether the
// installer can read them.
func (l *linter) groupOptions(e *Entry) bool {
	r := readWords(e.Options, nil, groupOptionRows)
	for _, p := range r.problems {
		l.add(Error, p)
		return false
	}
	given := map[*OptionSpec]bool{}
	for _, o := range r.options {
		given[o.spec] = true
	}
	if len(given) > 1 {
		l.add(Error, problem{rule: ruleOptionConflict, pos: e.NamePos, end: e.NameEnd,
			text: "a group cannot have both --nodefaults and --optional"})
		return false
	}
	for _, w := range r.extras {
		l.warn(problem{rule: ruleGroupOption, pos: w.Pos, end: w.End,
			text: "a group has no option " + quoteWord(w.Value), meaning: "the installer takes it for a part of the group's name"})
	}
	return true
}
