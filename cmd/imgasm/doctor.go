// imgasm doctor: what this host can do.

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/fault"
)

// errNotReady is a host that can build for no architecture, or not for the one
// asked about; the checks have been printed.
var errNotReady = fmt.Errorf("this host cannot build images: %w", errReported)

func doctorCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "doctor", Category: verbHost,
		Usage:     "show what this host can do, and what to do about the rest",
		UsageText: "imgasm doctor\nimgasm doctor --arch aarch64 --json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "arch", Usage: "exit with 4 unless images for `ARCH` can be built", DefaultText: "any"},
			&cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print JSON"},
		},
		Action: func(c *cli.Context) error {
			if err := a.noArgs(c); err != nil {
				return err
			}
			h, err := host.This(a.getenv, version)
			if err != nil {
				return err
			}
			dir, err := os.Getwd()
			if err != nil {
				return err
			}
			wanted, err := wishedArch(c.String("arch"))
			if err != nil {
				return err
			}
			checkup := host.Diagnose(c.Context, h, dir)
			for i, check := range checkup.Checks {
				checkup.Checks[i].Text, checkup.Checks[i].Do = fault.Fill(check.Text, flagOf), fault.Fill(check.Do, flagOf)
			}
			if c.Bool("json") {
				enc := json.NewEncoder(a.Product)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				if err := enc.Encode(checkup); err != nil {
					return err
				}
			} else {
				printCheckup(a.Out, checkup)
			}
			for _, ready := range checkup.Ready {
				if c.String("arch") == "" || ready == wanted.Name {
					return nil
				}
			}
			return errNotReady
		},
	}
}

func printCheckup(w io.Writer, c host.Checkup) {
	for _, check := range c.Checks {
		name := check.Name
		if check.Arch != "" {
			name += " for " + check.Arch
		}
		fmt.Fprintf(w, "%-8s %-28s %s\n", check.Health, name, ui.Line(check.Text))
		for line := range strings.SplitSeq(check.Do, "\n") {
			if line != "" {
				fmt.Fprintf(w, "%-8s %-28s → %s\n", "", "", ui.Line(line))
			}
		}
	}
	if len(c.Ready) > 0 {
		fmt.Fprintf(w, "\nImages can be built for %s. See it done: imgasm rehearse\n", strings.Join(c.Ready, " and "))
	} else {
		fmt.Fprintln(w, "\nNo image can be built on this host yet.")
	}
}
