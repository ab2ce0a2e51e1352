// Words → typed options, by the table of the dialect.

package kickstart

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Decode reads the options of c as the installer of dialect d does. The
// findings are about the command alone, and without excerpt or file name when
// c does not come from Parse. Args holds what could be read and is never nil.
func Decode(c *Command, d Dialect) (*Args, []Finding) {
	l := newLinter(LintOptions{Dialect: d})
	f := &File{Nodes: []Node{c}}
	l.enter(f, 0)
	if len(c.Words) == 0 || !l.readable(&c.Statement) {
		return &Args{failed: true}, l.findings
	}
	a := l.decode(&c.Statement)
	if a.Spec != nil && !a.failed {
		l.checkCommand(&c.Statement, a)
	}
	return a, l.findings
}

// decode reads the words behind a command's name. It reports what argparse
// would refuse; what the command itself refuses, checkCommand says.
func (l *linter) decode(s *Statement) *Args {
	a := &Args{}
	name := s.Words[0]
	spec, ok := LookupCommand(name.Value)
	if !ok {
		a.failed = true
		l.unknownCommand(name)
		return a
	}
	a.Spec = spec
	switch status := spec.History.In(l.options.Dialect); status {
	case Removed, Absent:
		a.failed = true
		l.removed(ruleRemovedCommand, name, name.Value, spec.History, spec.Instead)
		return a
	case NotYet:
		a.failed = true
		l.add(Error, problem{rule: ruleFutureCommand, pos: name.Pos, end: name.End,
			text: name.Value + " is not there yet in " + l.options.Dialect.title() + ": " + spec.History.String()})
		return a
	case Deprecated:
		l.deprecated(ruleDeprecatedCommand, name, name.Value, spec.History, spec.Instead)
	}
	if spec.Raw {
		return a
	}
	l.readInto(a, s, spec.Positionals, spec.Options)
	return a
}

// readInto reads the words of a command or a section's header.
func (l *linter) readInto(a *Args, s *Statement, positionals []PositionalSpec, rows []OptionSpec) {
	options := l.activeOptions(rows)
	r := readWords(s.Args(), positionals, options)
	for _, p := range r.problems {
		l.add(Error, p)
		a.failed = true
	}
	for _, o := range r.options {
		l.takeValue(a, o)
	}
	for _, o := range options {
		// Where harddrive still has --biospart, it stands for --partition.
		instead := a.Has("--biospart")
		if o.Required && a.value(o.Name()) == nil && !mentioned(r.problems, o) && !(instead && o.Name() == "--partition") && !l.mistyped(r.extras, o, rows) {
			l.add(Error, problem{rule: ruleMissingOption, pos: s.Words[0].Pos, end: s.Words[0].End,
				text: s.Name() + " needs " + o.Name(), hint: "add " + o.Name() + "=" + o.Value})
			a.failed = true
		}
	}
	for i, words := range r.positionals {
		if i > 0 && len(words) == 0 {
			continue
		}
		a.positionals = append(a.positionals, words...)
	}
	for _, i := range r.missing {
		if positionals[i].Count == One {
			l.add(Error, problem{rule: ruleMissingArgument, pos: s.Words[0].Pos, end: s.Words[0].End,
				text: s.Name() + " needs an argument: " + positionals[i].Name})
			a.failed = true
			break
		}
	}
	l.takeExtras(a, s, rows, r)
}

// activeOptions are the rows that the dialect reads.
func (l *linter) activeOptions(rows []OptionSpec) []*OptionSpec {
	var options []*OptionSpec
	for i := range rows {
		if s := rows[i].History.In(l.options.Dialect); s == Active || s == Deprecated {
			options = append(options, &rows[i])
		}
	}
	return options
}

// mentioned reports whether a problem is already told of the option.
func mentioned(problems []problem, o *OptionSpec) bool {
	return slices.ContainsFunc(problems, func(p problem) bool { return strings.HasPrefix(p.text, o.Name()+" ") })
}

// takeExtras judges the words that found no place. raid and volgroup keep them
// in ways of their own, which checkRaid and checkVolgroup know.
func (l *linter) takeExtras(a *Args, s *Statement, rows []OptionSpec, r readResult) {
	extras := r.extras
	if a.Spec != nil && len(extras) > 0 {
		switch a.Spec.Name {
		case "raid":
			// Words behind the options are the members, unless some came before.
			if !slices.ContainsFunc(extras, isDashed) {
				if len(r.positionals[1]) == 0 {
					a.positionals = append(a.positionals, extras...)
				} else {
					a.dropped = extras
				}
				return
			}
		case "volgroup":
			// Anything left over is a physical volume, and makes the
			// installer forget those before it.
			if len(r.positionals[0]) > 0 {
				a.dropped = a.positionals[1:]
				a.positionals = append(a.positionals[:1:1], extras...)
			}
			return
		}
	}
	if a.Spec != nil && a.Spec.Name == "sshkey" && len(extras) > 0 && len(r.positionals[0]) > 0 && isKeyType(r.positionals[0][0].Value) {
		first := r.positionals[0][0]
		a.failed = true
		l.add(Error, problem{rule: ruleExtraArgument, pos: first.Pos, end: extras[len(extras)-1].End,
			text: "sshkey takes the public key as one word", hint: `put it in quotes: sshkey --username=NAME "` + first.Value + ` AAAA… comment"`})
		return
	}
	var valueAt Pos // where the value of an unknown option stands: it is no finding of its own
	for _, w := range extras {
		a.failed = true
		dashed := strings.HasPrefix(w.Value, "-")
		if dashed || w.Pos != valueAt {
			l.extra(s, w, rows)
		}
		if dashed && !strings.Contains(w.Value, "=") {
			valueAt = wordBehind(s, w)
		}
	}
}

// wordBehind is where the word behind w begins, the zero Pos if there is none.
func wordBehind(s *Statement, w Word) Pos {
	i := sort.Search(len(s.Words), func(i int) bool { return s.Words[i].Pos.Offset > w.Pos.Offset })
	if i == len(s.Words) {
		return Pos{}
	}
	return s.Words[i].Pos
}

// mistyped reports whether a word that found no place was meant to be o.
func (l *linter) mistyped(extras []Word, o *OptionSpec, rows []OptionSpec) bool {
	return slices.ContainsFunc(extras[:min(len(extras), 20)], func(w Word) bool {
		return slices.Contains(o.Names, l.nearestOption(opt0(w.Value), rows))
	})
}

func isDashed(w Word) bool { return strings.HasPrefix(w.Value, "-") }

// takeValue converts the value of an option and keeps it.
func (l *linter) takeValue(a *Args, o occurrence) {
	spec := o.spec
	l.takeName(o)
	v := &value{spec: spec, text: o.value, word: o.word, at: o.at, flag: spec.Type == TypeFlag}
	problemAt := func(text, hint string) {
		a.failed = true
		l.add(Error, problem{rule: ruleInvalidValue, pos: o.at.Pos, end: o.at.End, text: text, hint: hint})
	}
	switch spec.Type {
	case TypeInt:
		n, ok := pythonInt(o.value)
		if !ok {
			problemAt(spec.Name()+" needs a whole number, not "+strconv.Quote(o.value), numberHint(o.value))
			return
		}
		v.num = n
	case TypeBool:
		switch strings.ToLower(o.value) {
		case "on", "yes", "true", "1":
			v.flag = true
		case "off", "no", "false", "0":
		default:
			problemAt(spec.Name()+" needs on or off, not "+strconv.Quote(o.value), "")
			return
		}
	case TypeList, TypePorts:
		for _, item := range strings.Split(o.value, ",") {
			item = strings.TrimFunc(item, isSpace)
			if item != "" || spec.Type == TypePorts {
				v.list = append(v.list, item)
			}
		}
	}
	if spec.Choices != nil && o.hasValue {
		given := o.value
		if spec.FoldCase {
			given = strings.ToLower(given)
		}
		if !slices.Contains(spec.Choices, given) {
			problemAt(strconv.Quote(o.value)+" is not a value of "+spec.Name(), "use one of "+strings.Join(spec.Choices, ", "))
			return
		}
	}
	if spec.Repeats {
		if spec.Type == TypeString {
			v.list = []string{o.value}
		}
		if old := a.value(spec.Name()); old != nil {
			v.list = append(old.list, v.list...)
		}
	}
	a.order = append(a.order, v)
}

// takeName warns of an option's name that a later release may not read.
func (l *linter) takeName(o occurrence) {
	spec := o.spec
	if !slices.Contains(spec.Names, o.name) {
		l.add(Warning, problem{rule: ruleAbbreviatedOption, pos: o.word.Pos, end: o.word.End,
			text: o.name + " is short for " + longest(spec.Names, o.name),
			hint: "write it in full: a later release may add an option that begins alike"})
	}
	if spec.History.In(l.options.Dialect) == Deprecated {
		l.deprecated(ruleDeprecatedOption, *o.word, spec.Name(), spec.History, spec.Instead)
	}
}

// longest is the name that an abbreviation stands for.
func longest(names []string, short string) string {
	for _, n := range names {
		if strings.HasPrefix(n, short) {
			return n
		}
	}
	return names[0]
}

// pythonNumber: a sign, and single underscores between digits, are allowed.
var pythonNumber = regexp.MustCompile(`^[+-]?[0-9]+(_[0-9]+)*$`)

// pythonInt reads a number as Python does, with blanks around it.
func pythonInt(s string) (int, bool) {
	s = strings.TrimFunc(s, isSpace)
	n, _ := strconv.Atoi(strings.ReplaceAll(s, "_", "")) // out of range: the nearest int
	return n, pythonNumber.MatchString(s)
}

// numberHint guesses what was meant by something that is not a number.
func numberHint(s string) string {
	digits := strings.TrimRight(s, "KMGTkmgtiIbB ")
	n, err := strconv.Atoi(digits)
	if err != nil || digits == s {
		return ""
	}
	switch unit := strings.ToUpper(strings.TrimSpace(s[len(digits):])); unit[:1] {
	case "M":
		return "sizes are in MiB without a unit: write " + digits
	case "G":
		return "sizes are in MiB without a unit: write " + strconv.Itoa(n*1024)
	case "T":
		return "sizes are in MiB without a unit: write " + strconv.Itoa(n*1024*1024)
	}
	return "write the number without a unit"
}
