// imgasm nixos: a NixOS image by Nix.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/nixos"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/nixglue"
)

// Groups of flags in --help.
// Flakes of which nothing is ready: each is printed already.
var (
	errNoBuilder   = fmt.Errorf("nobody builds any of it: %w", errReported)
	errUnevaluated = fmt.Errorf("not all of it evaluates: %w", errReported)
)

// nixosVerb is the verb of the kind of images that Nix builds.
const nixosVerb = "nixos"

// nixosCommand builds a NixOS image.
func nixosCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: nixosVerb, Category: verbBuild,
		Usage: "build a NixOS image by Nix, here or on another machine",
		UsageText: `imgasm nixos --out nixos.qcow2
imgasm nixos --arch aarch64 --on ssh://admin@builder
imgasm nixos --arch aarch64 --assemble --free 10G
imgasm nixos --flake github:me/mine#image --format qcow2 --format vmdk

imgasm nixos --update
imgasm nixos --override-input nixpkgs=~/nixpkgs --offline
imgasm nixos --assemble --disk-size 20G --esp-size 1G`,
		Description: `Has Nix build the image, then writes it in the formats that are asked for, boots
it once, and publishes it with a description beside it.

Without --flake it is
imgasm's own NixOS (docs/nixos.md), kept in the cache: the first run locks what it
is made of, and --update takes what is newest. Nobody can log in to that: cloud-init
gives it names and keys. Nix builds here, in the store of the machine --on, or by
the remote builders that it knows or is given by --builders. With --assemble it only
has to supply the system, and imgasm makes the disk: of either architecture on any
host. Of a build that fails nix's log is kept in OUT.failed.`,
		Flags: slices.Concat(nixFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "assemble", Category: groupSource, Usage: "take the system from Nix (by default #nixos-ARCH-toplevel), and make the disk without a virtual machine"},
			&cli.StringFlag{Name: "disk-size", Category: groupImage + rare, Usage: "with --assemble: `SIZE` of the disk, such as 20G", DefaultText: "as the system needs"},
			&cli.StringFlag{Name: "free", Category: groupImage + rare, Usage: "with --assemble: `SIZE` that the root has free", DefaultText: "1G"},
			&cli.StringFlag{Name: "esp-size", Category: groupImage + rare, Usage: "with --assemble: `SIZE` of the EFI system partition", DefaultText: "512M"},
		}, buildFlags()),
		Action: a.withPage(outName(nixos.DefaultOut), func(c *cli.Context) error {
			s, h, err := a.nixosSpec(c)
			if err != nil {
				return err
			}
			if c.Bool("dry-run") {
				plan, err := nixos.Resolve(c.Context, h, s)
				if err != nil {
					return err
				}
				return a.printNixPlan(plan.View(), c.Bool("json"))
			}
			return a.publishes(c, func(show event.Sink) (*assemble.Result, error) {
				plan, err := nixos.Resolve(c.Context, h, s)
				if err != nil {
					return nil, err
				}
				return plan.Run(c.Context, show)
			})
		}),
		Subcommands: []*cli.Command{nixosCheckCommand(a)},
	}
}

func nixFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "flake", Category: groupSource, Usage: "the flake `REF`, or REF#ATTRIBUTE where a name without a dot is one of packages.ARCH-linux", DefaultText: "imgasm's own, #nixos-ARCH-image"},
		&cli.StringSliceFlag{Name: "override-input", Category: groupSource + rare, Usage: "an input of the flake is another, as `NAME=FLAKE`, such as nixpkgs=~/nixpkgs"},
		&cli.BoolFlag{Name: "update", Category: groupSource + rare, Usage: "renew the lock of imgasm's own flake"},
		&cli.StringFlag{Name: "on", Category: groupWhere, Usage: "take the store of a machine, `ssh://USER@HOST`; an image that it makes is copied home"},
		&cli.StringSliceFlag{Name: "builders", Category: groupWhere + rare, Usage: "a remote `BUILDER` as nix.conf(5) has it, such as 'ssh-ng://USER@HOST aarch64-linux - 4 1 kvm'", DefaultText: "those that nix knows"},
		&cli.BoolFlag{Name: "offline", Category: groupSource + rare, Usage: "download nothing"},
	}
}

// nixosSpec is what the flags ask for, and this host.
func (a *app) nixosSpec(c *cli.Context) (s nixos.Spec, h host.Host, err error) {
	if err := a.noArgs(c); err != nil {
		return s, h, err
	}
	s = nixos.Spec{
		Arch: c.String("arch"), NoVerify: c.Bool("no-verify"), KeepVM: c.Bool("keep-vm"), Output: outputSpec(c),
		Assembly: nixos.Assembly{Assemble: c.Bool("assemble")},
		Build:    nixos.Build{Flake: c.String("flake"), Update: c.Bool("update"), On: c.String("on"), Builders: strings.Join(c.StringSlice("builders"), ";"), Offline: c.Bool("offline")},
	}
	for _, input := range c.StringSlice("override-input") {
		name, flake, ok := strings.Cut(input, "=")
		if !ok {
			return s, h, badInput("--override-input", fmt.Errorf("%q is not NAME=FLAKE", input), "such as --override-input nixpkgs=github:NixOS/nixpkgs/nixos-25.11")
		}
		s.Inputs = append(s.Inputs, nixglue.Input{Name: name, Flake: flake})
	}
	for name, to := range map[string]*int64{"disk-size": &s.DiskSize, "free": &s.FreeBytes, "esp-size": &s.ESPBytes} {
		if *to, err = sizeFlag(c, name); err != nil {
			return s, h, err
		}
	}
	if s.Machine, err = a.machineSpec(c); err != nil {
		return s, h, err
	}
	h, err = a.host()
	return s, h, err
}

// printNixPlan writes a plan to stdout.
func (a *app) printNixPlan(v nixos.PlanView, asJSON bool) error {
	if asJSON {
		return a.printJSON(v)
	}
	w := a.Out
	own := ""
	if v.Own {
		own = " (imgasm's own)"
	}
	fmt.Fprintf(w, "flake        %s%s\nattribute    %s\n", ui.Line(v.Flake), own, ui.Line(v.Attribute))
	for _, t := range v.Images {
		fmt.Fprintf(w, "output       %s (%s), described in %s\n", t.Path, t.Format, assemble.Description(t.Path))
	}
	fmt.Fprintf(w, "nix          %s, store %s\nbuilder      %s\n", v.Nix.Version, ui.Line(v.Nix.Store.URL), ui.Line(v.Nix.Who()))
	if v.Accel != nil {
		fmt.Fprintf(w, "verify       %s on %s: %s\n", v.QEMU, v.Accel.Accel, v.Accel.Reason)
	}
	printDefaults(w, v.Defaults)
	fmt.Fprintln(w, "\nsteps")
	for n, s := range v.Steps {
		fmt.Fprintf(w, "  %2d  %-11s %s\n", n+1, s.Name, ui.Line(s.Text))
	}
	if len(v.TestCommand) > 0 {
		fmt.Fprintf(w, "\nQEMU's command of the verification (the files are there during a build, and after one with --keep)\n  %s\n", ui.Line(proc.Quote(v.TestCommand)))
	}
	for _, c := range v.Cautions {
		fmt.Fprintf(w, "\nWARNING: %s\n         %s\n", ui.Line(c.Text), ui.Line(c.Do))
	}
	return nil
}

// nixosCheckCommand says what would be built where.
func nixosCheckCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "evaluate a flake, and say what would be built where",
		UsageText: "imgasm nixos check\nimgasm nixos check --flake .#image --builders 'ssh-ng://arm aarch64-linux'",
		Description: `Evaluates the packages for Linux of the flake, or the attribute that it names, and
says of each whether the store has it, or who would build it and why nobody does.
Nothing is built. Exit code 3: not all of it evaluates; 4: nobody builds any of it.`,
		Flags: slices.Concat(nixFlags(), []cli.Flag{
			&cli.StringFlag{Name: "arch", Category: groupSource, Usage: "`ARCH` of an attribute without a dot", DefaultText: "this host's"},
		}, talkFlags()),
		Action: func(c *cli.Context) error {
			s, h, err := a.nixosSpec(c)
			if err != nil {
				return err
			}
			v, err := shown(a, c, func(show event.Sink) (*nixos.Survey, error) {
				if c.Bool("json") {
					show = func(event.Event) {} // what is printed is the survey alone
				} else {
					show = timed(show, "evaluate")
					show(event.Event{Kind: event.StepStart, Text: "evaluate the flake"})
				}
				return nixos.Check(c.Context, h, s, show)
			})
			if err != nil {
				return err
			}
			if c.Bool("json") {
				enc := json.NewEncoder(a.Product)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				err = enc.Encode(v)
			} else {
				printSurvey(a.Out, v)
			}
			return errors.Join(err, verdict(v))
		},
	}
}

// verdict is what a survey comes to.
func verdict(v *nixos.Survey) error {
	built := len(v.Outputs) == 0
	for _, o := range v.Outputs {
		if o.Output == "" {
			return errUnevaluated
		}
		built = built || o.Built || o.Builder != ""
	}
	if !built {
		return errNoBuilder
	}
	return nil
}

func printSurvey(w io.Writer, v *nixos.Survey) {
	fmt.Fprintf(w, "flake  %s\n", ui.Line(v.Flake.URL))
	for _, i := range v.Flake.Inputs {
		fmt.Fprintf(w, "       %s is %s\n", ui.Line(i.Name), ui.Line(i.URL))
	}
	fmt.Fprintf(w, "nix    %s\n", v.Nix)
	for _, o := range v.Outputs {
		needs := o.System
		if len(o.Features) > 0 {
			needs += " with " + strings.Join(o.Features, ", ")
		}
		fmt.Fprintf(w, "\n%s\n", ui.Line(o.Attribute))
		if needs != "" {
			fmt.Fprintf(w, "  for %s\n", ui.Line(needs))
		}
		switch {
		case o.Built:
			fmt.Fprintf(w, "  is in the store: %s\n", ui.Line(o.Output))
		case o.Builder != "":
			fmt.Fprintf(w, "  is to be built by %s\n", ui.Line(o.Builder))
		default:
			for line := range strings.Lines(o.Problem) {
				fmt.Fprintf(w, "  %s\n", ui.Line(strings.TrimSuffix(line, "\n")))
			}
		}
	}
}
