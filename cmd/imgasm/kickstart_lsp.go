// imgasm kickstart lsp: findings while one types.

package main

import (
	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/kickstart/lsp"
)

func kickstartLSPCommand(app *app) *cli.Command {
	return &cli.Command{
		Name:      "lsp",
		Usage:     "serve an editor by the Language Server Protocol on standard input and output",
		UsageText: "imgasm kickstart lsp\nimgasm kickstart lsp --dialect rhel9 --fragment",
		Description: "Reports findings while one types, formats, explains what is under the cursor, and\n" +
			"completes commands and options. The editor's initializationOptions may set\n" +
			"\"dialect\" and \"fragment\" too.",
		Flags: []cli.Flag{
			dialectFlag(),
			&cli.BoolFlag{Name: "fragment", Usage: "demand nothing that may stand in another file"},
			&cli.BoolFlag{Name: "stdio", Usage: "what it does anyway; some editors ask for it", Hidden: true},
		},
		Action: func(c *cli.Context) error {
			if err := app.noArgs(c); err != nil {
				return err
			}
			d, err := app.dialect(c.String("dialect"))
			if err != nil {
				return err
			}
			return lsp.Serve(c.Context, app.stdin, app.Product, lsp.Options{Dialect: d, Fragment: c.Bool("fragment"), Version: version})
		},
	}
}
