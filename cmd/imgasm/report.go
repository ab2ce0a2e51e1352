// imgasm report: a page of what a build has left.

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/internal/fault"
)

// reportCommand is the verb report.
func reportCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "report", Category: verbLook + rare,
		Usage:     "make a page that one can look at of a failed build's bundle",
		ArgsUsage: "BUNDLE…",
		UsageText: "imgasm report alma.qcow2.failed\n" +
			"imgasm report alma.failed.tar.zst --out why.html\n" +
			"imgasm report *.failed --out report",
		Description: "The page has the reason, the guest's words, the timeline, the console to be searched\n" +
			"and the last screen, in one file that asks for nothing from anywhere. A build makes one\n" +
			"itself with --report, when it succeeds too. In a folder an index leads to all of them.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write `FILE.html`, or into a folder", DefaultText: "BUNDLE.html"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return a.usage("report takes a failed build's folder or archive")
			}
			out := c.String("out")
			if c.NArg() > 1 && (out == "" || strings.HasSuffix(out, ".html")) {
				return a.usage("report of %d bundles takes a folder: --out DIR", c.NArg())
			}
			pages := map[string]string{} // of which bundle
			for _, bundle := range c.Args().Slice() {
				name := report.Name(bundle)
				if other := pages[name]; other != "" {
					return badInput("", fmt.Errorf("%s and %s would have one page, %s.html", other, bundle, name), "give each a folder of its own: --out DIR")
				}
				pages[name] = bundle
			}
			for _, bundle := range c.Args().Slice() {
				if err := a.makeReport(c.Context, bundle, out); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func (a *app) makeReport(ctx context.Context, bundle, out string) error {
	b, err := report.Read(ctx, bundle)
	if err != nil {
		return ofUser(err)
	}
	if out == "" {
		out = filepath.Clean(bundle) + ".html"
	}
	page, err := b.Put(out)
	var wrong *fault.Error
	if errors.As(err, &wrong) && wrong.Field == "Report" { // which is --out here
		return badInput("--out", wrong.Err, wrong.Do)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.Product, page)
	return err
}
