// imgasm kickstart: check, lay out, write and explain kickstart files.

package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/kickstart"
)

// kickstartCommand is the verb kickstart with its subcommands.
func kickstartCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "kickstart", Category: verbMake,
		Aliases: []string{"ks"},
		Usage:   "lint, format, render and explain kickstart files",
		UsageText: "imgasm kickstart lint ks.cfg\n" +
			"imgasm kickstart fmt -w *.ks\n" +
			"imgasm kickstart explain part --grow",
		Subcommands: []*cli.Command{
			kickstartLintCommand(app), kickstartFmtCommand(app), kickstartRenderCommand(app), kickstartExplainCommand(app),
			kickstartLSPCommand(app),
		},
	}
}

func dialectFlag() cli.Flag {
	return &cli.StringFlag{Name: "dialect", Value: string(kickstart.RHEL10), Category: groupTarget,
		Usage: "`RELEASE` whose installer reads the files: " + strings.Join(dialects(), ", ")}
}

func dialects() (names []string) {
	for _, d := range kickstart.Dialects() {
		names = append(names, string(d))
	}
	return names
}

func (a *app) dialect(name string) (kickstart.Dialect, error) {
	d, err := kickstart.DialectByName(name)
	if err != nil {
		return "", badInput("--dialect", err, "")
	}
	return d, nil
}

// kickstartExplainCommand parses its flags itself: the words that it explains
// look like flags.
func kickstartExplainCommand(app *app) *cli.Command {
	return &cli.Command{
		Name:            "explain",
		Usage:           "tell what is known of a command, section, option or lint rule",
		ArgsUsage:       "[TOPIC] [OPTION…]",
		UsageText:       "imgasm kickstart explain part --grow\nimgasm kickstart explain %packages\nimgasm kickstart explain --dialect=rhel9 auth\nimgasm kickstart explain",
		SkipFlagParsing: true,
		Flags:           []cli.Flag{dialectFlag()},
		Action: func(c *cli.Context) error {
			words, dialect := c.Args().Slice(), string(kickstart.RHEL10)
			for len(words) > 0 && strings.HasPrefix(words[0], "-") {
				name, value, valued := strings.Cut(words[0], "=")
				switch strings.TrimLeft(name, "-") {
				case "help", "h", "help-all":
					return app.showHelp(c, name == "--help-all")
				case "dialect":
				default:
					return app.usage("explain takes the flag --dialect before the name to explain, not %s", words[0])
				}
				words = words[1:]
				if !valued {
					if len(words) == 0 {
						return app.usage("--dialect needs a value")
					}
					value, words = words[0], words[1:]
				}
				dialect = value
			}
			d, err := app.dialect(dialect)
			if err != nil {
				return err
			}
			return app.kickstartExplain(words, d)
		},
	}
}

func (a *app) kickstartExplain(words []string, d kickstart.Dialect) error {
	text, err := kickstart.Explain(words, d)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(a.Out, text)
	return err
}
