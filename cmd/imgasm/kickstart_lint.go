// imgasm kickstart lint: what the installer would refuse.

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/kickstart"
)

func kickstartLintCommand(app *app) *cli.Command {
	return &cli.Command{
		Name:      "lint",
		Usage:     "find mistakes in kickstart files",
		ArgsUsage: "KICKSTART…",
		UsageText: "imgasm kickstart lint ks.cfg\n" +
			"imgasm kickstart lint --strict --fragment parts/*.ks\n" +
			"generate-ks | imgasm kickstart lint --json -\n\n" +
			"imgasm kickstart lint --include-root . --sarif ks.cfg\n" +
			"imgasm kickstart lint --arch x86_64 --firmware bios --disk sda --variant minimal ks.cfg\n" +
			"imgasm kickstart lint --profile cloud --offline ks.cfg",
		Description: "Reports what the installer would refuse (errors) and what would surprise (warnings).\n" +
			"The exit code is 3 when there are errors, with --strict also when there are warnings.\n" +
			"With --arch, --firmware, --disk, --variant or --offline, what surely fails on such a machine is\n" +
			"an error, as in imgasm alma.\n\n" +
			"Of one rule, 50 findings are shown, and how many more.\n" +
			"A comment suppresses a finding on its line or, alone on a line, on the next one:\n" +
			"# imgasm: ignore=RULE; for the whole file: # imgasm: ignore-file=RULE.\n" +
			"imgasm kickstart explain RULE tells what a rule is about.",
		Flags: []cli.Flag{
			dialectFlag(),
			&cli.BoolFlag{Name: "fragment", Category: groupChecks, Usage: "the files are pieces of a kickstart: demand nothing that may stand elsewhere"},
			&cli.StringFlag{Name: "include-root", Category: groupChecks, Usage: "a relative %include may name files below `DIR`", DefaultText: "below the file's own folder"},
			&cli.BoolFlag{Name: "strict", Category: groupChecks, Usage: "warnings count as errors for the exit code"},
			&cli.StringFlag{Name: "arch", Category: groupTarget, Usage: "`x86_64|x86_64_v2|aarch64` architecture that the file is for"},
			&cli.StringFlag{Name: "firmware", Category: groupTarget, Usage: "`uefi|bios` firmware that the machine boots by"},
			&cli.StringFlag{Name: "disk", Category: groupTarget, Usage: "`DISK` of the machine: vda, sda, nvme0n1, …"},
			&cli.StringFlag{Name: "variant", Category: groupTarget, Usage: "`boot|minimal|dvd` kind of installer ISO"},
			&cli.StringFlag{Name: "profile", Category: groupTarget, Usage: "`minimal|cloud` profile to hold the file against"},
			&cli.BoolFlag{Name: "offline", Category: groupTarget, Usage: "the machine has no network"},
			&cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print an array of findings"},
			&cli.BoolFlag{Name: "sarif", Category: groupTalk, Usage: "print a SARIF 2.1.0 log, for code scanning"},
		},
		Action: func(c *cli.Context) error {
			d, err := app.dialect(c.String("dialect"))
			if err != nil {
				return err
			}
			target, err := app.lintTarget(c)
			if err != nil {
				return err
			}
			profile, err := app.profile(c)
			if err != nil {
				return err
			}
			return app.kickstartLint(c.Context, lintOptions{
				target: target, profile: profile, files: c.Args().Slice(), dialect: d, fragment: c.Bool("fragment"), strict: c.Bool("strict"), includeRoot: c.String("include-root"),
				json: c.Bool("json"), sarif: c.Bool("sarif"),
			})
		},
	}
}

// lintTarget is the machine of the flags, nil without any of them.
func (a *app) lintTarget(c *cli.Context) (*kickstart.Target, error) {
	if !slices.ContainsFunc([]string{"arch", "firmware", "disk", "variant", "offline"}, c.IsSet) {
		return nil, nil
	}
	t := &kickstart.Target{Arch: c.String("arch"), Boot: c.String("firmware"), DiskName: c.String("disk"), ISOVariant: c.String("variant"), Offline: c.Bool("offline"), CmdlineMode: true}
	if t.Arch != "" {
		if _, err := wishedArch(strings.TrimSuffix(t.Arch, "_v2")); err != nil {
			return nil, err
		}
	}
	for _, choice := range []struct {
		flag, value string
		of          []string
	}{{"firmware", t.Boot, []string{"uefi", "bios"}}, {"variant", t.ISOVariant, []string{"boot", "minimal", "dvd"}}} {
		if choice.value != "" && !slices.Contains(choice.of, choice.value) {
			return nil, badInput("--"+choice.flag, fmt.Errorf("%q is not one of %s", choice.value, strings.Join(choice.of, ", ")), "")
		}
	}
	return t, nil
}

type lintOptions struct {
	target           *kickstart.Target
	profile          kickstart.Profile
	files            []string
	dialect          kickstart.Dialect
	fragment, strict bool
	includeRoot      string
	json, sarif      bool
}

func (a *app) kickstartLint(ctx context.Context, o lintOptions) error {
	files, err := a.kickstartFiles(o.files)
	if err != nil {
		return err
	}
	var findings []kickstart.Finding
	for _, f := range files {
		if err := f.staysBelow(o.includeRoot); err != nil {
			return err
		}
		src, err := a.readKickstart(ctx, f)
		if err != nil {
			return err
		}
		if isProject(f.name, src) {
			findings = append(findings, a.lintProject(f.name, src)...)
			continue
		}
		readInclude, err := a.includesOf(ctx, f, o.includeRoot)
		if err != nil {
			return err
		}
		tree, err := kickstart.Parse(f.name, src)
		if err != nil {
			return err
		}
		findings = append(findings, kickstart.Lint(tree, kickstart.LintOptions{
			Dialect: o.dialect, Fragment: o.fragment, Target: o.target, Profile: o.profile, ReadInclude: readInclude,
		})...)
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		err = kickstart.WriteJSON(a.Product, findings)
	case o.sarif:
		err = kickstart.WriteSARIF(a.Product, findings, version)
	default:
		w, colours := a.Coloured()
		err = kickstart.WriteText(w, findings, kickstart.TextOptions{Color: colours})
	}
	if err != nil {
		return err
	}
	errors, warnings := 0, 0
	for _, f := range findings {
		if f.Severity == kickstart.Error {
			errors++
		} else {
			warnings++
		}
	}
	if !o.json && !o.sarif && len(findings) > 0 {
		fmt.Fprintf(a.Err, "imgasm: %s in %s\n", counts(errors, "error", warnings, "warning"), counts(len(files), "file", 0, ""))
	}
	if errors > 0 || o.strict && warnings > 0 {
		return fmt.Errorf("%w: %w", errReported, errFindings)
	}
	return nil
}

// counts says "1 error and 2 warnings", leaving out what there is none of.
func counts(n int, what string, m int, other string) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{n, what}, {m, other}} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.what)
		case p.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", p.n, p.what))
		}
	}
	return strings.Join(parts, " and ")
}
