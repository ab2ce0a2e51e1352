// imgasm source: installer ISOs, found, fetched, verified and kept.

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/size"
)

// sourceCommand is the verb source.
func sourceCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "source", Category: verbHost,
		Usage: "find, download, verify and keep installer ISOs",
		UsageText: "imgasm source fetch --version 10 --arch aarch64 --variant boot\n" +
			"imgasm source list --available",
		Subcommands: []*cli.Command{
			sourceListCommand(app), sourceFetchCommand(app), sourceVerifyCommand(app), sourceInspectCommand(app),
		},
	}
}

// sourceFlags say which ISO is meant and whom to trust.
func sourceFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "version", Category: groupSource, Usage: "AlmaLinux `VERSION`: 10 (the newest minor), 10.N or kitten", Value: "10"},
		&cli.StringFlag{Name: "arch", Category: groupSource, Usage: "`" + strings.Join(source.Arches, "|") + "` architecture of the ISO", DefaultText: "this host's"},
		&cli.StringFlag{Name: "variant", Category: groupSource, Usage: "`" + strings.Join(source.Variants, "|") + "` kind of ISO", Value: "boot"},
		&cli.StringFlag{Name: "mirror", Category: groupSource + rare, Usage: "mirror `URL`", DefaultText: strings.TrimPrefix(source.DefaultMirror, "https://")},
		&cli.StringFlag{Name: "vault", Category: groupSource + rare, Usage: "`URL` of the vault of superseded releases", DefaultText: strings.TrimPrefix(source.DefaultVault, "https://")},
		&cli.StringFlag{Name: "keyring", Category: groupSource + rare, Usage: "`KEYRING` of the OpenPGP keys that may sign CHECKSUM", DefaultText: "AlmaLinux 10's"},
		&cli.BoolFlag{Name: "offline", Category: groupSource, Usage: "use the cache only"},
	}
}

// talkFlags are those of verbs that take long.
func talkFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print JSON, one object a line"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: groupTalk, Usage: "print problems and the result only"},
	}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print JSON"}
}

// fetcher makes the fetcher that the flags describe.
func (a *app) fetcher(c *cli.Context, sink event.Sink) (*source.Fetcher, error) {
	h, err := host.This(a.getenv, version)
	if err != nil {
		return nil, err
	}
	f := &source.Fetcher{Cache: filepath.Join(h.CacheDir, host.ISOCache), Transport: h.Transport, Free: h.Free, Offline: c.Bool("offline"), UserAgent: "imgasm/" + version, Sink: sink}
	if f.Keyring, err = alma.ReadKeyring(c.String("keyring")); err != nil {
		return nil, err
	}
	return f, nil
}

func sourceRequest(c *cli.Context) source.Request {
	r := source.Request{Version: c.String("version"), Arch: c.String("arch"), Variant: c.String("variant"), Mirror: c.String("mirror"), Vault: c.String("vault")}
	if r.Arch == "" {
		r.Arch = arch.Host().Name
	}
	return r
}

func sourceFetchCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "fetch", Usage: "download and verify an ISO, and print its path", ArgsUsage: "[URL]",
		UsageText: "imgasm source fetch --version 10.2 --variant dvd\n" +
			"imgasm source fetch https://example.org/installer.iso --checksum SHA256",
		Description: "Downloads to the cache, going on where an earlier download stopped. The ISO must\n" +
			"have the SHA-256 of a CHECKSUM that AlmaLinux signed, or that of --checksum.",
		Flags: append(append(sourceFlags(), &cli.StringFlag{Name: "checksum", Category: groupSource, Usage: "`SHA256` that the ISO must have"}), talkFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() > 1 {
				return app.usage("source fetch takes one URL at most, got %d", c.NArg())
			}
			if c.NArg() > 0 {
				if err := app.unused(c, "chooses an ISO, and the URL names one: leave out either", "version", "arch", "variant", "mirror", "vault"); err != nil {
					return err
				}
			}
			r := sourceRequest(c)
			r.URL, r.SHA256 = c.Args().First(), c.String("checksum")
			return app.sourceFetch(c.Context, c, r)
		},
	}
}

func (a *app) sourceFetch(ctx context.Context, c *cli.Context, r source.Request) error {
	d := a.display(c)
	f, err := a.fetcher(c, d.Event)
	if err != nil {
		return d.fail(err)
	}
	began := time.Now()
	d.Event(event.Event{Time: began, Kind: event.StepStart, Step: "source", Text: "finding the installer ISO"})
	file, err := f.Fetch(ctx, r)
	if err != nil {
		return d.fail(err)
	}
	now := time.Now()
	text := file.Name + ", verified"
	switch {
	case file.Unverified:
		text = file.Name + ", NOT verified"
	case file.Signature != nil:
		text += " by the key of " + file.Signature.String()
	}
	if file.Cached {
		text += ", from the cache"
	}
	d.Event(event.Event{Time: now, Kind: event.StepDone, Step: "source", Text: text, Elapsed: now.Sub(began).Seconds()})
	if c.Bool("json") {
		d.Event(event.Event{Time: now, Kind: event.Result, Step: "source", Text: file.SHA256, Path: file.Path, Total: file.SizeBytes, Unit: "B"})
	}
	d.Close()
	if !c.Bool("json") {
		fmt.Fprintln(a.Product, file.Path)
	}
	return nil
}

func sourceListCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the ISOs in the cache, or those that can be had",
		UsageText: "imgasm source list\nimgasm source list --available --arch aarch64",
		Flags: append(slices.DeleteFunc(sourceFlags(), func(f cli.Flag) bool { return f.Names()[0] == "variant" }),
			&cli.BoolFlag{Name: "available", Category: groupSource, Usage: "list what the CHECKSUM of the version and architecture names instead"}, jsonFlag()),
		Action: func(c *cli.Context) error {
			if err := app.noArgs(c); err != nil {
				return err
			}
			if !c.Bool("available") {
				if err := app.unused(c, "is about ISOs that can be had: add --available", "version", "arch", "mirror", "vault", "keyring", "offline"); err != nil {
					return err
				}
			}
			f, err := app.fetcher(c, nil)
			if err != nil {
				return err
			}
			if c.Bool("available") {
				return app.sourceAvailable(c.Context, f, sourceRequest(c), c.Bool("json"))
			}
			items, err := f.Items()
			if err != nil {
				return err
			}
			return app.sourceItems(items, c.Bool("json"), "the cache "+f.Cache+" has no ISO: imgasm source fetch downloads one, imgasm source list --available names them")
		},
	}
}

func (a *app) sourceAvailable(ctx context.Context, f *source.Fetcher, r source.Request, asJSON bool) error {
	sums, err := f.Available(ctx, r)
	if err != nil {
		return err
	}
	if asJSON {
		return a.printList(len(sums), sums)
	}
	w := a.Table()
	for _, s := range sums {
		bytes := "?"
		if s.SizeBytes > 0 {
			bytes = size.Text(s.SizeBytes)
		}
		w.Row(s.Name, bytes, s.SHA256)
	}
	return w.Flush()
}

// sourceItems lists what is in the cache; empty is said when there is nothing.
func (a *app) sourceItems(items []source.Item, asJSON bool, empty string) error {
	if asJSON {
		return a.printList(len(items), items)
	}
	if len(items) == 0 {
		fmt.Fprintln(a.Err, "imgasm: "+empty)
		return nil
	}
	w := a.Table()
	for _, it := range items {
		state := string(it.State)
		switch {
		case it.Reason != "":
			state += ": " + it.Reason
		case it.Signer != "":
			state += ", signed by " + it.Signer
		case it.State == source.Whole && it.Unverified:
			state += ", not verified"
		}
		w.Row(it.Name, size.Text(it.SizeBytes), it.Path, state)
	}
	return w.Flush()
}

// printList writes a list of n elements as one array; no list is an empty one.
func (a *app) printList(n int, list any) error {
	if n == 0 {
		list = []string{}
	}
	return a.printJSON(list)
}

// printJSON writes one line.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.Product)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func sourceVerifyCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "read ISOs again and compare them with their hashes", ArgsUsage: "[FILE…]",
		UsageText: "imgasm source verify\n" +
			"imgasm source verify AlmaLinux-10.2-x86_64-dvd.iso\n" +
			"imgasm source verify my.iso --checksum SHA256",
		Description: "Without a file: every ISO in the cache; one that fails is set aside. A file of your\n" +
			"own is compared with --checksum, or with the signed CHECKSUM of the release that\n" +
			"its name says, and is never moved.",
		Flags: append(append(sourceFlags()[3:], &cli.StringFlag{Name: "checksum", Category: groupSource, Usage: "`SHA256` that the file must have"}), talkFlags()...),
		Action: func(c *cli.Context) error {
			if c.String("checksum") != "" && c.NArg() != 1 {
				return app.usage("--checksum is for one file, got %d", c.NArg())
			}
			return app.sourceVerify(c.Context, c)
		},
	}
}

func (a *app) sourceVerify(ctx context.Context, c *cli.Context) error {
	d := a.display(c)
	f, err := a.fetcher(c, d.Event)
	if err != nil {
		return d.fail(err)
	}
	type check struct {
		name string
		run  func() (string, error)
	}
	var checks []check
	for _, path := range c.Args().Slice() {
		checks = append(checks, check{path, func() (string, error) { return verifyOwn(ctx, f, path, c) }})
	}
	if c.NArg() == 0 {
		items, err := f.Items()
		if err != nil {
			return d.fail(err)
		}
		for _, it := range items {
			if it.State == source.Whole {
				checks = append(checks, check{it.Name, func() (string, error) { return "has its hash", f.Verify(ctx, it) }})
			}
		}
	}
	if len(checks) == 0 && !c.Bool("json") {
		fmt.Fprintln(a.Err, "imgasm: the cache "+f.Cache+" has no whole ISO to verify")
	}
	var failures []error
	for _, k := range checks {
		began := time.Now()
		d.Event(event.Event{Time: began, Kind: event.StepStart, Step: "verify", Text: k.name})
		text, err := k.run()
		if err != nil {
			if ctx.Err() != nil {
				return d.fail(err)
			}
			failures = append(failures, err)
			d.Event(event.Event{Time: time.Now(), Kind: event.Error, Step: "verify", Text: fault.Text(err, wrongFlag), Hint: hintOf(err)})
			continue
		}
		now := time.Now()
		d.Event(event.Event{Time: now, Kind: event.StepDone, Step: "verify", Text: k.name + ": " + text, Elapsed: now.Sub(began).Seconds()})
	}
	d.Close()
	if err = errors.Join(failures...); err != nil && !c.Bool("json") {
		return errors.Join(errReported, err)
	}
	return err
}

func verifyOwn(ctx context.Context, f *source.Fetcher, path string, c *cli.Context) (string, error) {
	if sum := c.String("checksum"); sum != "" {
		_, err := f.Local(ctx, path, sum)
		return "has the SHA-256", err
	}
	if err := canRead(path); err != nil { // before a name is asked for that it need not have
		return "", err
	}
	file, err := f.LocalSigned(ctx, path, source.Request{Mirror: c.String("mirror"), Vault: c.String("vault")})
	if err != nil {
		return "", err
	}
	return "verified by the key of " + file.Signature.String(), nil
}

func sourceInspectCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "say what an installer ISO is", ArgsUsage: "ISO",
		UsageText: "imgasm source inspect AlmaLinux-10.2-x86_64-boot.iso",
		Flags:     []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return app.usage("source inspect takes one ISO, got %d", c.NArg())
			}
			return app.sourceInspect(c.Context, c.Args().First(), c.Bool("json"))
		},
	}
}

func (a *app) sourceInspect(ctx context.Context, path string, asJSON bool) error {
	image, err := iso.Open(ctx, path)
	if err != nil {
		return err
	}
	defer image.Close()
	in, err := image.Installer()
	if err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(in)
	}
	w := a.Table()
	packages := "none: the installation downloads them"
	if in.HasRepos {
		packages = "on the ISO: can be installed with --offline"
	}
	boots := "no: it has no EFI boot files"
	if in.Boot.Shim != "" && in.Boot.GRUB != "" {
		boots = "yes, with " + in.Boot.Shim + " and " + in.Boot.GRUB
	}
	for _, row := range [][2]string{
		{"label", in.Label}, {"product", cmp.Or(in.Product, "unknown") + " " + in.Version}, {"architecture", cmp.Or(in.Flavour, in.Arch)},
		{"variant", cmp.Or(in.Variant, "unknown")}, {"packages", packages}, {"kernel", in.Boot.Kernel}, {"initrd", in.Boot.Initrd},
		{"stage 2", cmp.Or(in.Boot.Stage2, "none: it is downloaded")}, {"UEFI", boots},
	} {
		w.Row(row[0], row[1])
	}
	return w.Flush()
}
