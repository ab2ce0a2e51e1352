// What is said of a wrong call: which word is wrong, and what was meant.

package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/kickstart"
)

// usageError is a wrong call: an unknown flag, a missing or left-over argument.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }
func (e *usageError) Hint() string  { return e.hint }

// usage is an error in how a command was called, which called adds the hint to: exit code 2.
func (a *app) usage(format string, args ...any) error {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

// noArgs refuses arguments where a verb takes none.
func (a *app) noArgs(c *cli.Context) error {
	if c.NArg() > 0 {
		e := &usageError{text: fmt.Sprintf("%s takes no argument, got %q", strings.TrimPrefix(c.Command.HelpName, "imgasm "), c.Args().First())}
		if slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return f.Names()[0] == "out" }) && !c.IsSet("out") && convert.Ending(c.Args().First()) != "" {
			e.hint = "the image's name is given with --out: " + proc.Quote([]string{"--out", c.Args().First()})
		} else if i := slices.Index(a.args, c.Args().First()); i > 0 && isFlag(c.Command, a.args[i-1]) {
			e.hint = a.args[i-1] + " takes no value, or one as in " + a.args[i-1] + "=false"
		}
		return e
	}
	return nil
}

// What the flag parser says (package flag of the standard library).
var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -(.+)$`)
	noValue     = regexp.MustCompile(`^flag needs an argument: -(.+)$`)
	badValue    = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([^:]+): .*$`)
)

// flagUsage words an error of the flag parser.
func (a *app) flagUsage(c *cli.Context, err error) error {
	var verb []string // "imgasm", "kickstart", "lint"
	for _, up := range c.Lineage() {
		if up.Command != nil && up.Command.Name != "" {
			verb = append(verb, up.Command.Name)
		}
	}
	slices.Reverse(verb)
	help := strings.Join(verb, " ") + " --help"
	var names []string
	for _, f := range c.Command.Flags {
		names = append(names, f.Names()...)
	}
	slices.Sort(names)
	e := &usageError{text: err.Error(), hint: help + " lists the flags"}
	if m := unknownFlag.FindStringSubmatch(e.text); m != nil {
		word := dashed(m[1])
		if slices.Contains(a.args, "-"+m[1]) {
			word = "-" + m[1]
		}
		e.text = "there is no flag " + word
		if near := kickstart.Nearest(m[1], names); len(near) > 1 {
			e.hint = "did you mean " + dashed(near) + "? " + e.hint
		} else if word != dashed(m[1]) && takesValue(c.Command, m[1][:1]) {
			e.hint = "did you mean -" + m[1][:1] + " " + m[1][1:] + "? " + e.hint
		} else if len(c.Command.Subcommands) > 0 {
			e.hint += "; those of a verb stand behind it"
		}
	} else if m := noValue.FindStringSubmatch(e.text); m != nil {
		e.text = dashed(m[1]) + " needs a value"
	} else if m := badValue.FindStringSubmatch(e.text); m != nil {
		return badInput(dashed(m[2]), fmt.Errorf("%s: %s", m[1], wantedValue(c.Command, m[2])), "")
	}
	return e
}

// wantedValue says what a flag takes whose value could not be read.
func wantedValue(c *cli.Command, name string) string {
	for _, f := range c.Flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		switch f.(type) {
		case *cli.DurationFlag:
			return "write a number and a unit, such as 90s, 45m or 3h"
		case *cli.IntFlag:
			return "write a whole number"
		case *cli.BoolFlag:
			return "write true or false"
		}
	}
	return "that is no value for it"
}

// dashed writes a flag as people type it.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// nearest asks back for a name that is nearly right; else "".
func nearest(word string, names []string) string {
	if near := kickstart.Nearest(word, names); near != "" {
		return "did you mean " + near + "? "
	}
	return ""
}

// noCommand refuses a word that names none of the commands of parent, which is
// "imgasm" or "imgasm kickstart".
func noCommand(parent, word string, commands []*cli.Command) error {
	e := &usageError{text: fmt.Sprintf("no command %q", word), hint: parent + " --help lists them"}
	var names []string
	for _, c := range commands {
		names = append(names, c.Names()...)
	}
	if near := kickstart.Nearest(word, names); near != "" {
		e.hint = "did you mean " + parent + " " + near + "? " + e.hint
	} else if parent != "imgasm" {
		e.hint = parent + " has " + strings.Join(names, ", ")
	}
	return e
}
