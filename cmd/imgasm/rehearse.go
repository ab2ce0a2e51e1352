// imgasm rehearse: the whole road of a build, with imgasm's own tiny installer.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/rehearsal"
	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// rehearseCommand finds out in a minute whether this host can build images.
func rehearseCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "rehearse", Category: verbBuild,
		Usage: "build a tiny image the same way, to see whether this host can",
		UsageText: `imgasm rehearse
imgasm rehearse --arch aarch64 --boot media
imgasm rehearse --kickstart my.ks
imgasm rehearse --copy motd:/etc/motd --post setup.sh
imgasm rehearse --fail panic

imgasm rehearse --iso-only --mirror http://example.org/debian`,
		Description: `Makes an installer ISO from Debian's kernel and imgasm's own small guest,
and runs the ordinary build on it: the same media, QEMU, console and checks as
imgasm alma, without a download of gigabytes.

The image is a rehearsal, says so
everywhere, and is no AlmaLinux. A FAILURE is one of: ` + strings.Join(failures.Names(), ", ") + ".",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "iso", Category: groupSource, Usage: "take kernel and boot loader out of the installer `ISO`", DefaultText: "packages of Debian 12"},
			&cli.StringFlag{Name: "mirror", Category: groupSource, Usage: "fetch packages from the mirror of Debian at `URL`", DefaultText: "that of this system's apt, or Debian's own"},
			kickstartFlag(),
			&cli.BoolFlag{Name: "offline", Category: groupSource, Usage: "use the packages that are in the cache"},
			&cli.BoolFlag{Name: "iso-only", Category: groupSource, Usage: "make the rehearsal's installer ISO, print its path, and stop"},
			&cli.StringFlag{Name: "fail", Category: groupFailure, Usage: "let the guest fail as `FAILURE` says, such as panic"},
		}, provisionFlags(), installFlags(), onFlags()),
		Action: a.withPage(outName("rehearsal.qcow2"), a.rehearse),
	}
}

func (a *app) rehearse(c *cli.Context) error {
	if err := a.noArgs(c); err != nil {
		return err
	}
	s, err := a.rehearsalSpec(c)
	if err != nil {
		return err
	}
	target, err := wishedArch(s.Arch)
	if err != nil {
		return err
	}
	if s.Arch != "" {
		s.Arch = target.Name
	}
	if isAway(c) {
		return a.installOn(c, s)
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	makeISO := func(ctx context.Context, show event.Sink) (string, error) {
		in, err := rehearsal.Build(ctx, rehearsal.Options{
			Arch: target, CacheDir: h.CacheDir, KernelFrom: c.String("iso"),
			Mirror: c.String("mirror"), Offline: c.Bool("offline"), Transport: h.Transport,
			Now: h.Now,
		}, show)
		switch {
		case err == nil:
			return in.ISO, nil
		case c.IsSet("iso") && exitCode(err) == exitInput:
			return "", badInput("--iso", err, hintOf(err))
		}
		return "", lackingHost(err, hintOf(err))
	}
	if c.Bool("iso-only") {
		path, err := shown(a, c, func(show event.Sink) (string, error) { return makeISO(c.Context, show) })
		if err != nil {
			return err
		}
		if c.Bool("json") {
			return a.printJSON(event.Event{Time: time.Now(), Kind: event.Result, Step: "rehearsal", Text: path, Path: path})
		}
		fmt.Fprintln(a.Product, path)
		return nil
	}
	return a.runPlan(c, h, s, func(ctx context.Context, s alma.Spec, show event.Sink) (_ *alma.Installer, err error) {
		if s.ISO, err = makeISO(ctx, show); err != nil {
			return nil, err
		}
		return s.Locate(ctx, h, show)
	})
}

// rehearsalSpec is what the flags ask for.
func (a *app) rehearsalSpec(c *cli.Context) (alma.Spec, error) {
	s, err := a.installSpec(c)
	if err != nil {
		return s, err
	}
	if err := a.kickstartSpec(c, &s); err != nil {
		return s, err
	}
	if s.Provisioning, err = a.provisioning(c); err != nil {
		return s, err
	}
	s.Out = cmp.Or(s.Out, "rehearsal"+rehearsalEnding(s.Formats))
	if name := c.String("fail"); name != "" {
		if _, found := failures.Find(name); !found {
			return s, badInput("--fail", fmt.Errorf("there is no failure %q", name), cmp.Or(strings.TrimSpace(nearest(name, failures.Names())), "there are "+strings.Join(failures.Names(), ", ")))
		}
		s.KernelArgs = append(s.KernelArgs, failures.Argument+"="+name)
	}
	if path := c.String("iso"); path != "" {
		if err := canRead(path); err != nil {
			return s, badInput("--iso", err, hintOf(err))
		}
	}
	if mirror := c.String("mirror"); mirror != "" {
		if err := fetch.Check(mirror); err != nil {
			return s, badInput("--mirror", fmt.Errorf("%s: %w", mirror, err), "such as --mirror http://deb.debian.org/debian")
		}
	}
	return s, nil
}

// rehearsalEnding is that of the first format; an unknown one is refused later.
func rehearsalEnding(formats []string) string {
	if len(formats) > 0 {
		if f, err := convert.FormatOf(formats[0]); err == nil {
			return f.Endings[0]
		}
	}
	return ".qcow2"
}

// canRead says why path is no file that can be read, or nil.
func canRead(path string) error {
	f, err := smallfile.Open(path)
	if err != nil {
		return ofUser(err)
	}
	defer f.Close()
	_, err = f.Read(make([]byte, 1))
	if errors.Is(err, io.EOF) {
		return nil
	}
	return ofUser(err)
}

// wishedArch is the architecture that --arch names; "": this host's.
func wishedArch(wish string) (arch.Arch, error) {
	if wish == "" {
		return arch.Host(), nil
	}
	a, err := arch.Parse(wish)
	if err != nil {
		return a, badInput("--arch", err, "give one of them, such as --arch "+arch.All()[0].Name)
	}
	return a, nil
}
