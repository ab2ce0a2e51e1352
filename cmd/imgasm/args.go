// Flags may stand before or after the arguments, as people type them. The
// library stops at the first argument, so flags are moved to the front for it.

package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// interspersed returns args (with the program's name first) with the flags of
// the command that they name before its arguments. What follows "--" stays as it is.
// "help COMMAND" is "COMMAND --help", as with git and go, "version" is "--version".
// A flag that lacks its value ends what is returned: an argument is no value of it.
func interspersed(args []string, commands []*cli.Command) []string {
	if len(args) > 1 {
		switch args[1] {
		case "help":
			args = slices.Concat(args[:1], args[2:], []string{"--help"})
		case "version", "-V":
			return append(args[:1:1], "--version")
		}
	}
	for i := 1; i < len(args); i++ {
		if strings.HasPrefix(args[i], "-") {
			continue
		}
		c := named(commands, args[i])
		if c == nil || c.SkipFlagParsing {
			return args
		}
		if len(c.Subcommands) == 0 {
			return append(slices.Clone(args[:i+1]), flagsFirst(args[i+1:], c)...)
		}
		commands = c.Subcommands
	}
	return args
}

func named(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func flagsFirst(args []string, c *cli.Command) []string {
	var flags, rest []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return slices.Concat(flags, args[i:i+1], rest, args[i+1:])
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			rest = append(rest, arg)
		default:
			flags = append(flags, arg)
			if takesValue(c, arg) {
				if i++; i == len(args) || isFlag(c, args[i]) {
					return flags
				}
				flags = append(flags, args[i])
			}
		}
	}
	return append(flags, rest...)
}

// isFlag reports whether a word is a flag by its long name: -nano may be a value.
func isFlag(c *cli.Command, word string) bool {
	name, long := strings.CutPrefix(word, "--")
	name, _, _ = strings.Cut(name, "=")
	return long && slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
}

// takesValue reports whether a flag's value is the next argument.
func takesValue(c *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}
