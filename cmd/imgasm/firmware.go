// imgasm firmware: the UEFI firmware that builds use.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// firmwareCommand is the verb firmware.
func firmwareCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "firmware", Category: verbHost + rare,
		Usage: "find this host's UEFI firmware, or unpack some",
		UsageText: "imgasm firmware list\n" +
			"imgasm firmware show --arch aarch64\n" +
			"imgasm firmware extract edk2-aarch64.rpm",
		Subcommands: []*cli.Command{firmwareListCommand(app), firmwareShowCommand(app), firmwareExtractCommand(app)},
	}
}

func firmwareFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "arch", Usage: "`ARCH` of the guest: " + arch.Names()},
		&cli.BoolFlag{Name: "secure-boot", Usage: "only firmware that enforces Secure Boot with Microsoft's keys"},
		&cli.StringFlag{Name: "qemu", Usage: "`PATH` of the QEMU that is to run: firmware beside it is looked at too"},
		jsonFlag(),
	}
}

// firmwareQuery reads firmwareFlags, for one architecture.
func (a *app) firmwareQuery(c *cli.Context, of arch.Arch) (firmware.Query, error) {
	dir, err := a.firmwareDir()
	return firmware.Query{Arch: of.Name, SecureBoot: c.Bool("secure-boot"), Getenv: a.getenv, Binary: c.String("qemu"), Trees: firmware.Trees(dir)}, err
}

// firmwareDir is where packages are unpacked to.
func (a *app) firmwareDir() (string, error) {
	h, err := host.This(a.getenv, version)
	return filepath.Join(h.CacheDir, "firmware"), err
}

func firmwareListCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the usable pairs of code and variables, the preferred first",
		UsageText: "imgasm firmware list\nimgasm firmware list --arch aarch64 --places",
		Flags:     append(firmwareFlags(), &cli.BoolFlag{Name: "places", Usage: "list the places that had none too, and why"}),
		Action: func(c *cli.Context) error {
			if err := app.noArgs(c); err != nil {
				return err
			}
			arches := arch.All()
			if name := c.String("arch"); name != "" {
				one, err := wishedArch(name)
				if err != nil {
					return err
				}
				arches = []arch.Arch{one}
			}
			return app.firmwareList(c.Context, c, arches)
		},
	}
}

func (a *app) firmwareList(ctx context.Context, c *cli.Context, arches []arch.Arch) error {
	w := a.Table()
	var places []string
	var all []firmware.Pair
	for _, of := range arches {
		q, err := a.firmwareQuery(c, of)
		if err != nil {
			return err
		}
		pairs, looked := firmware.List(ctx, q)
		all = append(all, pairs...)
		for _, p := range pairs {
			if c.Bool("json") {
				continue
			}
			w.Row(p.Arch, bootKind(p), p.Code.Path, varsName(p), p.Source)
		}
		if len(pairs) == 0 {
			none := firmware.NotFound(of.Name, q.SecureBoot, nil)
			summary, _, _ := strings.Cut(none.Error(), ";")
			hint := hintOf(none)
			if !c.Bool("places") {
				hint += "\nimgasm firmware list --places names the places that were looked at"
			}
			a.Problem("warning", summary, hint)
		}
		for _, l := range looked {
			places = append(places, fmt.Sprintf("%s: %s: %s", of.Name, l.Path, l.Why))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if c.Bool("json") {
		if err := a.printList(len(all), all); err != nil {
			return err
		}
	}
	if c.Bool("places") {
		for _, l := range places {
			fmt.Fprintln(a.Err, ui.Line(l))
		}
	}
	return nil
}

func bootKind(p firmware.Pair) string {
	switch {
	case p.SecureBoot && p.SMM:
		return "secure boot, smm"
	case p.SecureBoot:
		return "secure boot"
	case p.SMM:
		return "no keys, smm"
	}
	return "plain"
}

func varsName(p firmware.Pair) string {
	if p.Vars.Path == "" {
		return "(blank variables)"
	}
	return p.Vars.Path
}

func firmwareShowCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "show the pair that a build would use",
		UsageText: "imgasm firmware show --secure-boot\n" +
			"imgasm firmware show --arch aarch64 --firmware QEMU_EFI.fd",
		Flags: append(firmwareFlags(), &cli.StringFlag{Name: "firmware", Usage: "look at `CODE[:VARS]` instead of searching"}),
		Action: func(c *cli.Context) error {
			if err := app.noArgs(c); err != nil {
				return err
			}
			of, err := wishedArch(c.String("arch"))
			if err != nil {
				return err
			}
			return app.firmwareShow(c.Context, c, of)
		},
	}
}

func (a *app) firmwareShow(ctx context.Context, c *cli.Context, of arch.Arch) error {
	q, err := a.firmwareQuery(c, of)
	if err != nil {
		return err
	}
	q.Explicit = c.String("firmware")
	p, err := firmware.Find(ctx, q)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printJSON(p)
	}
	w := a.Table()
	w.Row("architecture", p.Arch)
	w.Row("kind", bootKind(*p))
	w.Row("found by", p.Source)
	if p.Description != "" {
		w.Row("description", p.Description)
	}
	for _, f := range []struct {
		name string
		file firmware.File
	}{{"code", p.Code}, {"variables", p.Vars}} {
		if f.file.Path == "" {
			w.Row(f.name, "blank, made for each machine")
			continue
		}
		sum, _, err := digest.File(ctx, f.file.Path)
		if err != nil {
			return err
		}
		w.Row(f.name, f.file.Path)
		w.Row("", fmt.Sprintf("%s, %s, SHA-256 %s", f.file.Format, size.Text(f.file.SizeBytes), sum))
	}
	return w.Flush()
}

func firmwareExtractCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "extract", Usage: "take firmware out of an RPM package, by path or URL, or out of the one on an installer ISO", ArgsUsage: "RPM|URL|ISO",
		UsageText: "imgasm firmware extract edk2-ovmf-20241117-2.el10.noarch.rpm\n" +
			"imgasm firmware extract AlmaLinux-10.2-x86_64-dvd.iso --arch x86_64\n" +
			"imgasm firmware extract edk2-aarch64.rpm --keyring RPM-GPG-KEY-fedora --out ./firmware",
		Description: "The package's signature and digests are checked. Builds find what is unpacked to the\n" +
			"default place by themselves, after the firmware that the system has.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "arch", Usage: "`ARCH` of the guest, to choose the package on an ISO: " + arch.Names(), DefaultText: "this host's"},
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "unpack to the folder `DIR`", DefaultText: "in the cache"},
			&cli.StringFlag{Name: "keyring", Usage: "`KEYRING` of the OpenPGP keys that may sign the package", DefaultText: "AlmaLinux 10's"},
		}, talkFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return app.usage("firmware extract takes one package or ISO, got %d", c.NArg())
			}
			return app.firmwareExtract(c.Context, c, c.Args().First())
		},
	}
}

func (a *app) firmwareExtract(ctx context.Context, c *cli.Context, from string) error {
	keys, err := alma.ReadKeyring(c.String("keyring"))
	if err != nil {
		return err
	}
	dir, err := a.firmwareDir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file, forget, err := a.firmwarePackage(ctx, c, from, dir)
	if err != nil {
		return err
	}
	defer forget()
	out, o := c.String("out"), firmware.ExtractOptions{Keyring: keys}
	var p *firmware.Package
	if out == "" {
		p, out, err = firmware.Install(ctx, file, dir, o)
	} else {
		p, err = firmware.Extract(ctx, file, out, o)
	}
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printJSON(struct {
			*firmware.Package
			Folder string `json:"folder"`
		}{p, out})
	}
	if !c.Bool("quiet") {
		fmt.Fprintf(a.Err, "imgasm: %s, signed by %s: %s\n", p.Name, ui.Line(p.Signature.String()), counts(len(p.Files), "file", 0, ""))
	}
	fmt.Fprintln(a.Product, out)
	return nil
}

// firmwarePackage brings the package to a file of this machine. The function
// that it returns removes what was made for that.
func (a *app) firmwarePackage(ctx context.Context, c *cli.Context, from, dir string) (string, func(), error) {
	nothing := func() {}
	if strings.Contains(from, "://") {
		d := a.display(c)
		f, err := a.fetcher(c, d.Event)
		if err != nil {
			return "", nothing, d.fail(err)
		}
		f.Step = "firmware"
		file, err := f.Fetch(ctx, source.Request{URL: from, SelfSigned: true})
		if err != nil {
			return "", nothing, d.fail(err)
		}
		d.Close()
		return file.Path, nothing, nil
	}
	image, err := iso.Open(ctx, from)
	if errors.Is(err, iso.ErrNotISO) {
		return from, nothing, nil // then it is a package, or Extract says what it is
	}
	if err != nil {
		return "", nothing, err
	}
	defer image.Close()
	of, err := wishedArch(c.String("arch"))
	if err != nil {
		return "", nothing, err
	}
	name, err := firmware.FindPackage(image, of.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nothing, badInput("", fmt.Errorf("%s carries no %s package", from, strings.Join(firmware.PackageNames(of.Name), " or ")), "give a DVD ISO (boot ISOs carry no packages), or the package itself, by its path or URL")
	}
	if err != nil {
		return "", nothing, err
	}
	tmp, forget, err := tmpdir.Hidden(dir)
	if err != nil {
		return "", nothing, err
	}
	file := filepath.Join(tmp, filepath.Base(name))
	if err := firmware.CopyPackage(image, name, file); err != nil {
		forget()
		return "", nothing, err
	}
	return file, forget, nil
}
