// What the table knows, in words.

package kickstart

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrUnknownName says that Explain was asked for something that is not in the table.
var ErrUnknownName = fault.Class(fault.Input, "not in the table of kickstart's dialect")

// unknownName is text, of a name that is none; near is what was most likely meant, or "".
func unknownName(near, format string, args ...any) error {
	do := "imgasm kickstart explain lists what there is"
	if near != "" {
		do = "did you mean " + near + "?"
	}
	return &fault.Error{Class: ErrUnknownName, Err: fmt.Errorf("kickstart: "+format, args...), Do: do}
}

// Explain tells what the table knows of a command ("part"), a section
// ("%packages"), an option of one of them ("part", "--grow"; abbreviations as
// the installer takes them), or a rule of lint ("unknown-option"), with notes
// on the releases. Without words it lists everything, one line each. d is the
// release whose view is told first. The error is ErrUnknownName.
func Explain(words []string, d Dialect) (string, error) {
	if len(words) == 0 {
		return explainAll(d), nil
	}
	name := words[0]
	if c, ok := LookupCommand(name); ok {
		if len(words) == 1 {
			return explainCommand(c, d), nil
		}
		if c.History.In(d) != Active { // no option is better than its command
			text, err := explainOptions(name, c.Options, words[1:], d)
			return strings.ReplaceAll(text, status(History{}, "", d), status(c.History, c.Instead, d)), err
		}
		return explainOptions(name, c.Options, words[1:], d)
	}
	if s, ok := LookupSection(name); ok {
		if len(words) == 1 {
			return explainSection(s, d), nil
		}
		return explainOptions(name, s.Options, words[1:], d)
	}
	if r := rules[name]; r != nil && len(words) == 1 {
		return explainRule(r), nil
	}
	var names []string
	for _, c := range allCommands {
		names = append(append(names, c.Name), c.Also...)
	}
	for _, s := range allSections {
		names = append(names, s.Name)
	}
	for _, r := range Rules() {
		names = append(names, r.Name)
	}
	return "", unknownName(Nearest(strings.ToLower(name), names), "there is no command, section or rule %q", name)
}

// status tells what d makes of a thing, and the rest of its history.
func status(h History, instead string, d Dialect) string {
	var b strings.Builder
	switch h.In(d) {
	case Active:
		fmt.Fprintf(&b, "%s: accepted.\n", d.title())
	case Deprecated:
		fmt.Fprintf(&b, "%s: deprecated; accepted with a warning, which inst.ksstrict makes an error.\n", d.title())
	default:
		fmt.Fprintf(&b, "%s: refused (%s).\n", d.title(), h.In(d))
	}
	if text := h.String(); text != "" {
		fmt.Fprintf(&b, "History: %s.\n", text)
	}
	if instead != "" && h.In(d) != Active {
		fmt.Fprintf(&b, "Instead: %s\n", instead)
	}
	return b.String()
}

func explainCommand(c *CommandSpec, d Dialect) string {
	var b strings.Builder
	b.WriteString(c.Name)
	for _, p := range c.Positionals {
		name := strings.ToUpper(p.Name)
		switch p.Count {
		case One:
			b.WriteString(" " + name)
		case AtMost1:
			b.WriteString(" [" + name + "]")
		case Any:
			b.WriteString(" [" + name + "…]")
		}
	}
	if len(c.Options) > 0 {
		b.WriteString(" [OPTIONS]")
	}
	b.WriteString("\n\n  " + sentence(c.Help) + "\n")
	if len(c.Also) > 0 {
		b.WriteString("  The same as " + strings.Join(c.Also, ", ") + ".\n")
	}
	if len(c.Positionals) > 0 {
		b.WriteString("\nArguments:\n")
		var rows [][2]string
		for _, p := range c.Positionals {
			rows = append(rows, [2]string{strings.ToUpper(p.Name), p.Help})
		}
		table(&b, rows)
	}
	optionTable(&b, c.Options, d)
	b.WriteString("\n")
	switch {
	case c.Raw:
		b.WriteString("The line is taken as it is: no options are read.\n")
	case c.Many:
		b.WriteString("May stand several times; each one adds something.\n")
	default:
		b.WriteString("Of several, the last one holds.\n")
	}
	if len(c.Conflicts) > 0 {
		b.WriteString("Not together with " + strings.Join(c.Conflicts, ", ") + ".\n")
	}
	b.WriteString(status(c.History, c.Instead, d))
	return b.String()
}

func explainSection(s *SectionSpec, d Dialect) string {
	var b strings.Builder
	b.WriteString(s.Name)
	if len(s.Options) > 0 {
		b.WriteString(" [OPTIONS]")
	}
	b.WriteString(" … %end\n\n  " + sentence(s.Help) + "\n")
	optionTable(&b, s.Options, d)
	b.WriteString("\n")
	if s.Script {
		b.WriteString("The lines are a script; a line that begins with a section's name, %end or %include is not part of it.\n")
	}
	b.WriteString(status(s.History, s.Instead, d))
	return b.String()
}

func explainRule(r *Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n\n  %s\n\n", r.Name, r.Severity, sentence(r.Summary))
	if r.NeedsTarget {
		b.WriteString("Looks only when the machine is known: in builds, and where lint is told of it (imgasm kickstart lint --help).\n")
	}
	if r.Completeness {
		b.WriteString("Does not look at fragments.\n")
	}
	fmt.Fprintf(&b, "To suppress it on one line: # imgasm: ignore=%s\nIn the whole file: # imgasm: ignore-file=%s\n", r.Name, r.Name)
	return b.String()
}

// explainOptions tells of each option in words.
func explainOptions(owner string, options []OptionSpec, words []string, d Dialect) (string, error) {
	var b strings.Builder
	for i, word := range words {
		if i > 0 {
			b.WriteString("\n")
		}
		o, err := resolveOption(owner, options, opt0(word), d)
		if err != nil {
			return "", err
		}
		explainOption(&b, owner, o, d)
	}
	return b.String(), nil
}

// resolveOption finds an option by its name or, as the installer does, by the
// beginning of its name.
func resolveOption(owner string, options []OptionSpec, name string, d Dialect) (*OptionSpec, error) {
	if o, ok := findOption(options, name); ok {
		return o, nil
	}
	var found []*OptionSpec
	var names, all []string
	for i := range options {
		for _, n := range options[i].Names {
			all = append(all, n)
			if st := options[i].History.In(d); strings.HasPrefix(n, name) && name != "" && name != "-" && (st == Active || st == Deprecated) {
				found, names = append(found, &options[i]), append(names, n)
			}
		}
	}
	switch len(found) {
	case 0:
		return nil, unknownName(Nearest(strings.ToLower(name), all), "%s has no option %q", owner, name)
	case 1:
		return found[0], nil
	}
	return nil, unknownName("", "%s %s could mean %s", owner, name, strings.Join(names, ", "))
}

func explainOption(b *strings.Builder, owner string, o *OptionSpec, d Dialect) {
	fmt.Fprintf(b, "%s %s\n\n  %s\n\n", owner, usage(o), sentence(o.Help))
	if o.Type != TypeFlag {
		fmt.Fprintf(b, "Value: %s\n", o.Type)
	}
	if len(o.Names) > 1 {
		fmt.Fprintf(b, "Names: %s\n", strings.Join(o.Names, ", "))
	}
	if len(o.Choices) > 0 {
		fold := ""
		if o.FoldCase {
			fold = " (upper and lower case are the same)"
		}
		fmt.Fprintf(b, "One of: %s%s\n", strings.Join(o.Choices, ", "), fold)
	}
	if o.Default != "" {
		fmt.Fprintf(b, "Default: %s\n", o.Default)
	}
	if o.Required {
		b.WriteString("Required.\n")
	}
	if o.Repeats {
		b.WriteString("Several values add up.\n")
	}
	b.WriteString(status(o.History, o.Instead, d))
}

// usage is an option as one writes it.
func usage(o *OptionSpec) string {
	value := cmp.Or(o.Value, "VALUE")
	switch {
	case o.Type == TypeFlag:
		return o.Name()
	case o.ValueOptional:
		return o.Name() + "[=" + value + "]"
	}
	return o.Name() + "=" + value
}

func optionTable(b *strings.Builder, options []OptionSpec, d Dialect) {
	if len(options) == 0 {
		return
	}
	b.WriteString("\nOptions:\n")
	var rows [][2]string
	for i := range options {
		o := &options[i]
		help := o.Help
		var notes []string
		if o.Required {
			notes = append(notes, "required")
		}
		if text := o.History.String(); text != "" {
			notes = append(notes, text)
		}
		if len(notes) > 0 {
			help += " (" + strings.Join(notes, "; ") + ")"
		}
		rows = append(rows, [2]string{usage(o), help})
	}
	table(b, rows)
}

// explainAll lists commands, sections and rules.
func explainAll(d Dialect) string {
	var b strings.Builder
	var rows [][2]string
	add := func(name, help string, h History) {
		if st := h.In(d); st != Active {
			help += " (" + st.String() + ")"
		}
		rows = append(rows, [2]string{name, help})
	}
	b.WriteString("Commands:\n")
	for _, c := range allCommands {
		add(c.Name, c.Help, c.History)
	}
	table(&b, rows)
	rows = nil
	b.WriteString("\nSections:\n")
	for _, s := range allSections {
		add(s.Name, s.Help, s.History)
	}
	table(&b, rows)
	rows = nil
	b.WriteString("\nRules of lint:\n")
	for _, r := range Rules() {
		rows = append(rows, [2]string{r.Name, r.Summary})
	}
	table(&b, rows)
	return b.String()
}

// table writes rows of two columns. A first column that is wider than most
// stands on a line of its own.
func table(b *strings.Builder, rows [][2]string) {
	const widest = 28
	width := 0
	for _, r := range rows {
		if n := len([]rune(r[0])); n <= widest {
			width = max(width, n)
		}
	}
	for _, r := range rows {
		if len([]rune(r[0])) > width {
			fmt.Fprintf(b, "  %s\n  %-*s  %s\n", r[0], width, "", r[1])
			continue
		}
		fmt.Fprintf(b, "  %-*s  %s\n", width, r[0], r[1])
	}
}

// sentence makes a sentence of a table's text.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
