// The application: what every verb is given, and the mapping from arguments to
// an exit code. Verbs live in one file each and register in commands.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// app holds a process's streams and environment, so that verbs can be tested
// without a process.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// commands lists the verbs, in the order of --help.
func (a *app) commands() []*cli.Command {
	return []*cli.Command{
		almaCommand(a),
		rehearseCommand(a),
		doctorCommand(a),
		consoleCommand(a),
		kickstartCommand(a),
		replayCommand(a),
		sourceCommand(a),
		firmwareCommand(a),
		mediaCommand(a),
	}
}

// run is main without the process: arguments and streams in, exit code out.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, getenv: getenv}
	err := a.cli().RunContext(ctx, interspersed(args, a.commands()))
	return a.fail(withCause(ctx, err))
}

// withCause adds the signal that ended ctx to the error that came of it.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && err != nil && !errors.Is(err, cause) && !guestFailed(err) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}

func (a *app) cli() *cli.App {
	usage := func(_ *cli.Context, err error, _ bool) error { return a.usage("%v", err) }
	commands := a.commands()
	strict(commands, usage)
	return &cli.App{
		Name:      "imgasm",
		Usage:     "assemble virtual machine images without Packer",
		Version:   version,
		Commands:  commands,
		Reader:    a.stdin,
		Writer:    a.stdout,
		ErrWriter: a.stderr,
		// Slice flags would split their values at commas otherwise.
		DisableSliceFlagSeparator: true,
		EnableBashCompletion:      true,
		Suggest:                   true,
		HideHelpCommand:           true,
		OnUsageError:              usage,
		// The library would call os.Exit here and skip every defer.
		ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return a.usage("no command %q; imgasm --help lists them", c.Args().First())
			}
			return cli.ShowAppHelp(c)
		},
	}
}

// strict gives every command our handling of wrong usage. The library takes
// flags that follow the first argument for arguments, silently; here they are refused.
func strict(commands []*cli.Command, usage cli.OnUsageErrorFunc) {
	for _, c := range commands {
		c.OnUsageError = usage
		c.HideHelpCommand = true
		for _, f := range c.Flags {
			if b, ok := f.(*cli.BoolFlag); ok {
				b.DisableDefaultText = true // "(default: false)" tells nobody anything
			}
		}
		strict(c.Subcommands, usage)
		if action := c.Action; action != nil && !c.SkipFlagParsing {
			c.Action = func(ctx *cli.Context) error {
				for _, arg := range ctx.Args().Slice() {
					if strings.HasPrefix(arg, "-") && arg != "-" {
						return usage(ctx, fmt.Errorf("flag %s stands after an argument: write flags first", arg), true)
					}
				}
				return action(ctx)
			}
		} else if action == nil {
			c.Action = func(ctx *cli.Context) error {
				if ctx.NArg() > 0 {
					return usage(ctx, fmt.Errorf("%s has no command %q; see imgasm %s --help", ctx.Command.Name, ctx.Args().First(), ctx.Command.Name), true)
				}
				return cli.ShowSubcommandHelp(ctx)
			}
		}
	}
}

// usage is an error in how imgasm was called: exit code 2.
func (a *app) usage(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// noArgs refuses arguments where a verb takes none.
func (a *app) noArgs(c *cli.Context) error {
	if c.NArg() > 0 {
		return a.usage("%s takes no argument, got %q", c.Command.FullName(), c.Args().First())
	}
	return nil
}

// fail says what went wrong, with its hint where there is one, and returns the exit code.
func (a *app) fail(err error) int {
	code := exitCode(err)
	if err == nil || errors.Is(err, errReported) {
		return code
	}
	fmt.Fprintf(a.stderr, "imgasm: error: %v\n", err)
	for line := range strings.SplitSeq(hintOf(err), "\n") {
		if line != "" {
			fmt.Fprintf(a.stderr, "imgasm: hint: %s\n", line)
		}
	}
	return code
}

// hintOf is what an error advises to do, or "".
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		if hint := hinted.Hint(); hint != "" {
			return hint
		}
	}
	return fileHint(err)
}
