// --help and --help-all: the pages that a terminal shows of a command.

package main

import (
	"cmp"
	"flag"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
)

func init() {
	cli.HelpFlag = nil // the library's; helpFlags has ours
	cli.VersionFlag = versionFlag{cli.VersionFlag.(*cli.BoolFlag)}
}

// versionFlag is the library's, which it writes to at each call: two calls in one process would race.
type versionFlag struct{ *cli.BoolFlag }

func (f versionFlag) Apply(set *flag.FlagSet) error {
	once := *f.BoolFlag
	return once.Apply(set)
}

// helpFlags are flags of every command, whose other flags are given.
func helpFlags(others []cli.Flag) []cli.Flag {
	group := ""
	if slices.ContainsFunc(others, func(f cli.Flag) bool { return f.(cli.CategorizableFlag).GetCategory() != "" }) {
		group = groupTalk
	}
	return []cli.Flag{
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Category: group, Usage: "show this page"},
		&cli.BoolFlag{Name: "help-all", Category: group, Usage: "show every flag, and all there is to say"},
	}
}

// top is imgasm itself as a command.
func (a *app) top() *cli.Command {
	c := a.cli()
	return &cli.Command{Usage: c.Usage, UsageText: c.UsageText, Subcommands: c.Commands, Flags: append(c.Flags, cli.VersionFlag)}
}

// shownCommandsOf are the subcommands that are not for scripts and imgasm alone.
func shownCommandsOf(c *cli.Command) []*cli.Command {
	return slices.DeleteFunc(slices.Clone(c.Subcommands), func(sub *cli.Command) bool { return sub.Hidden })
}

// helped is an action that shows the command's page where that is asked for.
func (a *app) helped(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		for _, up := range c.Lineage() {
			if up.Bool("help") || up.Bool("help-all") {
				return a.showHelp(c, up.Bool("help-all"))
			}
		}
		return action(c)
	}
}

func (a *app) showHelp(c *cli.Context, all bool) error {
	_, err := io.WriteString(a.Out, helpText(c.Command, c.Command.HelpName, a.Width(), all))
	return err
}

// helpText is the page of a command that people call name. It has lines of at
// most width columns, unless a single word is wider. Without all, it leaves out
// what is marked as rare, and the further paragraphs of examples and description.
func helpText(c *cli.Command, name string, width int, all bool) string {
	p := &page{width: width}
	p.text(name+" - "+c.Usage, 2)
	p.line("")
	examples, more, _ := strings.Cut(c.UsageText, "\n\n")
	if all {
		examples += "\n" + more
	}
	for line := range strings.FieldsFuncSeq(examples, func(r rune) bool { return r == '\n' }) {
		p.example(line)
	}
	if c.ArgsUsage != "" {
		p.line("")
		p.text("Usage: "+name+" [FLAGS] "+c.ArgsUsage, 2)
	}
	for i, text := range paragraphsOf(c) {
		if all || i == 0 {
			p.line("")
			p.paragraph(text)
		}
	}
	if verbs := verbSections(shownCommandsOf(c), all); len(verbs) > 0 {
		p.line("")
		p.sections(verbs, "Verbs", all)
	}
	p.line("")
	p.sections(flagSections(flagsOf(c), all), "Flags", all)
	return p.b.String()
}

// page is a text for a terminal.
type page struct {
	b     strings.Builder
	width int
}

func (p *page) line(s string) { p.b.WriteString(s + "\n") }

// text writes words, broken between them; further lines are indented.
func (p *page) text(s string, indent int) {
	for _, l := range ui.Wrap(s, p.width, 0, indent) {
		p.line(l)
	}
}

// quotedWords are those of a command line, with what is in quotes as one:
// --builders 'ssh-ng://arm aarch64-linux'.
var quotedWords = regexp.MustCompile(`(?:[^\s'"]|'[^']*'|"[^"]*")+`)

// example writes a command line as it can be copied.
func (p *page) example(command string) {
	const joint = "\x00" // keeps a flag and its value, and what is in quotes, on one line
	words := quotedWords.FindAllString(command, -1)
	for i := len(words) - 1; i > 0; i-- {
		pair := words[i-1] + joint + words[i]
		if strings.HasPrefix(words[i-1], "-") && !strings.HasPrefix(words[i], "-") && len("    "+pair+` \`) <= p.width {
			words = slices.Replace(words, i-1, i+1, pair)
		}
	}
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, " ", joint)
	}
	lines := ui.Wrap(strings.Join(words, " "), p.width-len(` \`), 2, 4)
	for i, l := range lines {
		if i < len(lines)-1 {
			l += ` \`
		}
		p.line(strings.ReplaceAll(l, joint, " "))
	}
}

// row is a name and what it stands for.
type row struct{ left, right string }

// paragraph writes one of a description; indented lines are rows.
func (p *page) paragraph(text string) {
	words, rows := paragraphParts(text)
	p.text(words, 0)
	p.rows(rows, p.widest(rows))
}

// paragraphsOf are those of a command's description.
func paragraphsOf(c *cli.Command) []string {
	return slices.DeleteFunc(strings.Split(c.Description, "\n\n"), func(text string) bool { return text == "" })
}

// paragraphParts divides a paragraph of a description into its sentences and the
// rows of a table below them, which are indented: "  name  what it is".
func paragraphParts(text string) (words string, rows []row) {
	for line := range strings.Lines(text) {
		if indented, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "  "); ok {
			left, right, _ := strings.Cut(indented, "  ")
			rows = append(rows, row{left, strings.TrimSpace(right)})
		} else {
			words += line
		}
	}
	return words, rows
}

// widest is the column that rows have room for on the left; wider ones are exceptions.
func (p *page) widest(rows []row) (left int) {
	for _, r := range rows {
		if n := utf8.RuneCountInString(r.left); n <= min(p.width/3, 26) {
			left = max(left, n)
		}
	}
	return left
}

// rows writes a table: names in a column of left, and what they stand for beside
// them or, where there is little room, below.
func (p *page) rows(rows []row, left int) {
	const indent, gap, least = 2, 2, 30
	column := indent + left + gap
	beside := p.width-column >= least
	if !beside {
		column = 3 * indent
	}
	for _, r := range rows {
		lines := ui.Wrap(r.left, p.width, indent, 2*indent)
		text := ui.Wrap(r.right, p.width, column, column)
		if n := utf8.RuneCountInString(lines[len(lines)-1]); beside && len(text) > 0 && n+gap <= column {
			lines[len(lines)-1] += text[0][n:]
			text = text[1:]
		}
		for _, l := range append(lines, text...) {
			p.line(l)
		}
	}
}

// section is a group of rows.
type section struct {
	heading string
	rows    []row
}

// sections writes groups, with their columns in one place.
func (p *page) sections(all []section, none string, apart bool) {
	var rows []row
	for _, s := range all {
		rows = append(rows, s.rows...)
	}
	left := p.widest(rows)
	for i, s := range all {
		if apart && i > 0 {
			p.line("")
		}
		p.text(cmp.Or(s.heading, none)+":", 2)
		p.rows(s.rows, left)
	}
}

// flagSections has the flags by what one wants to do.
func flagSections(flags []flagInfo, all bool) (sections []section) {
	for _, g := range groups(flags, func(f flagInfo) string { return f.group }) {
		var rows []row
		for _, f := range flags {
			if f.group == g && (all || !f.rare) {
				rows = append(rows, row{f.left(), f.text})
			}
		}
		if len(rows) > 0 {
			sections = append(sections, section{g, rows})
		}
	}
	return sections
}

// verbSections has commands by their groups. Of those that are left out there
// are the names.
func verbSections(commands []*cli.Command, all bool) (sections []section) {
	group := func(c *cli.Command) string { g, _ := shownGroup(c.Category); return g }
	for _, g := range groups(commands, group) {
		var rows []row
		var names []string
		for _, c := range commands {
			_, isRare := shownGroup(c.Category)
			switch {
			case group(c) != g:
			case isRare && !all:
				names = append(names, c.Name)
			default:
				rows = append(rows, row{strings.Join(c.Names(), ", "), c.Usage})
			}
		}
		if len(names) > 0 {
			rows = append(rows, row{"also", strings.Join(names, ", ")})
		}
		sections = append(sections, section{g, rows})
	}
	return sections
}

// groups are the groups of all, in the order of their first; what says how things
// are shown is last.
func groups[T any](all []T, of func(T) string) (names []string) {
	for _, one := range all {
		if g := of(one); !slices.Contains(names, g) {
			names = append(names, g)
		}
	}
	slices.SortStableFunc(names, func(x, y string) int { return isTalk(x) - isTalk(y) })
	return names
}

func isTalk(group string) int {
	if group == groupTalk {
		return 1
	}
	return 0
}
