// imgasm verify: boots copies of an image and checks what its user relies on.

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/junit"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/internal/tmpdir"
)

// verifyCommand is the verb verify.
func verifyCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "verify", Category: verbLook,
		Usage:     "boot copies of an image and check what its user relies on",
		ArgsUsage: "IMAGE",
		UsageText: `imgasm verify alma.qcow2
imgasm verify alma.qcow2 --check web.checks --junit report.xml
imgasm verify debian-12-genericcloud-amd64.qcow2 --skip leftovers
imgasm verify alma.qcow2 --identity ~/.ssh/id_ed25519

imgasm verify alma.qcow2 --user ops --password-file ops.pw
imgasm verify alma.qcow2 --timeout 1h --bundle failure.tar.zst --report why.html`,
		Description: "IMAGE is a qcow2 or raw disk, of imgasm's or anybody's, and stays as it is. Two copies\n" +
			"boot at once, each on a larger disk, with a NoCloud seed that says who may log in.\n" +
			"What the image cannot answer is skipped, with the reason.\n\nThe checks:\n" + checkList(),
		Flags: slices.Concat([]cli.Flag{
			&cli.StringSliceFlag{Name: "skip", Category: groupChecks, Usage: "leave `CHECK` out"},
			&cli.StringSliceFlag{Name: "check", Category: groupChecks, Usage: "add the checks in `FILE`: shell snippets with what they should print (docs/verify.md)"},
			&cli.StringFlag{Name: "junit", Category: groupRecords, Usage: "write a report for build servers to `FILE`"},
			&cli.StringFlag{Name: "report", Category: groupRecords, Usage: "write a page about the verification, however it ends: `FILE.html`, or a folder, which gets an index"},
			&cli.StringFlag{Name: "user", Category: groupLogin + rare, Usage: "log in as `NAME` where the image reads no seed; with --identity or --password-file", DefaultText: "by the image's description"},
			&cli.StringFlag{Name: "identity", Category: groupLogin + rare, Usage: "`FILE` with the private ssh key of --user, without a passphrase"},
			&cli.StringFlag{Name: "password-file", Category: groupLogin + rare, Usage: "read the password of --user from `FILE`; - is standard input"},
			&cli.StringFlag{Name: "bundle", Category: groupFailure, Usage: "keep the logs of a failure in `FILE.tar.zst`", DefaultText: "in the folder IMAGE.failed"},
			&cli.DurationFlag{Name: "timeout", Category: groupFailure, Usage: "give up after `TIME`", DefaultText: "20m, emulated 1h"},
		}, wishFlags(), onFlags(), talkFlags(), []cli.Flag{
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: groupTalk, Usage: "print the console of the first machine too"},
		}),
		Action: a.withPage(func(c *cli.Context) string { return filepath.Base(c.Args().First()) }, func(c *cli.Context) error {
			if c.NArg() != 1 {
				return a.usage("verify takes one image, got %d", c.NArg())
			}
			if isAway(c) {
				return a.verifyOn(c, c.Args().First())
			}
			return a.verify(c, c.Args().First())
		}),
	}
}

// checkList is a table of the checks, for people.
func checkList() string {
	var b strings.Builder
	for _, c := range verify.Describe() {
		fmt.Fprintf(&b, "  %-11s %s\n", c[0], c[1])
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// wishFlags are the flags of a machine for an image that is there.
func wishFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "arch", Category: groupMachine, Usage: "`ARCH` of the machine: " + arch.Names(), DefaultText: "the image's"},
		&cli.StringFlag{Name: "memory", Category: groupMachine, Usage: "`SIZE` of a machine's memory", DefaultText: "2G"},
		&cli.IntFlag{Name: "cpus", Category: groupMachine + rare, Usage: "`NUMBER` of a machine's processors", DefaultText: cpusDefault},
		&cli.StringFlag{Name: "accel", Category: groupMachine, Usage: "`auto|kvm|hvf|whpx|tcg` accelerator", Value: "auto"},
		&cli.StringFlag{Name: "cpu", Category: groupMachine + rare, Usage: "processor `MODEL`, as QEMU names it", DefaultText: "by accelerator"},
		&cli.StringFlag{Name: "qemu", Category: groupMachine + rare, Usage: "`PATH` of QEMU", DefaultText: "found in PATH"},
		&cli.StringFlag{Name: "firmware", Category: groupMachine + rare, Usage: "`auto|bios|uefi|CODE[:VARS]` firmware; CODE and VARS are files", Value: "auto"},
	}
}

// wish reads wishFlags.
func wish(c *cli.Context) (machine.Wish, error) {
	w := machine.Wish{Accel: c.String("accel"), CPU: c.String("cpu"), QEMU: c.String("qemu"), Firmware: c.String("firmware")}
	var err error
	if w.CPUs, err = cpusFlag(c); err == nil {
		w.MemoryMiB, err = memoryFlag(c)
	}
	return w, err
}

func (a *app) verify(c *cli.Context, path string) error {
	o, err := a.verifyOptions(c, path)
	if err != nil {
		return err
	}
	dir, remove, err := a.verifyFolder(path)
	if err != nil {
		return err
	}
	defer remove()
	o.Dir = dir
	d := &display{app: a, ctx: c.Context, UI: a.Display(ui.Shown{Quiet: c.Bool("quiet") || c.Bool("json"), Verbose: c.Bool("verbose")})}
	o.Emit = func(e event.Event) { e.Time = time.Now(); d.Event(e) }
	found, err := verify.Run(c.Context, *o)
	if err != nil {
		if c.Bool("json") { // the display writes none
			d.Close()
		} else {
			err = d.fail(err)
		}
		a.verifyPage(c, path, dir, found, err)
		return err
	}
	d.Close()
	failed := found.Err()
	a.verifyPage(c, path, dir, found, failed)
	if err := a.showReport(c, found); err != nil || failed == nil {
		return err
	}
	kept, err := keepReport(dir, path, c.String("bundle"), found)
	if err != nil {
		a.Problem("warning", "what is known of the failure could not be kept: "+err.Error(), "--bundle FILE.tar.zst names another place")
	}
	if kept != "" {
		failed = &assemble.KeptError{Err: failed, Bundle: kept}
	}
	return toldError{failed} // by the report
}

// verifyFolder makes a folder for a verification's files: beside the image, where
// the bundle of a failure will be, or where temporary files are.
func (a *app) verifyFolder(image string) (dir string, remove func(), err error) {
	if dir, remove, err = tmpdir.Hidden(filepath.Dir(image)); err == nil {
		return dir, remove, nil
	}
	return tmpdir.New("")
}

// checkWritten refuses what a verification of an image cannot write.
func checkWritten(c *cli.Context, image string) error {
	if err := assemble.CheckBundle(c.String("bundle")); err != nil {
		return err
	}
	if path := c.String("junit"); path != "" {
		if err := junit.Check(path); err != nil {
			return badInput("--junit", err, hintOf(err))
		}
	}
	if place := c.String("report"); place != "" {
		return report.Check(place, filepath.Base(image))
	}
	return nil
}

// verifyOptions reads the flags, and looks at the image and the host.
func (a *app) verifyOptions(c *cli.Context, path string) (*verify.Options, error) {
	o := &verify.Options{Keep: c.IsSet("report"), Skip: map[string]string{}, Timeout: c.Duration("timeout"), Field: flagOf}
	for _, name := range c.StringSlice("skip") {
		o.Skip[name] = "{Skip}"
	}
	if err := checkWritten(c, path); err != nil {
		return nil, err
	}
	w, err := wish(c)
	if err != nil {
		return nil, err
	}
	for _, file := range c.StringSlice("check") {
		text, err := smallfile.Read(c.Context, file, verify.MaxChecks)
		if err != nil {
			return nil, badInput("--check", err, fileHint(err))
		}
		checks, err := verify.ParseChecks(file, text)
		if err != nil {
			return nil, err
		}
		o.Own = append(o.Own, checks...)
	}
	h, err := host.This(a.getenv, version)
	if err != nil {
		return nil, err
	}
	if o.Image, err = machine.Open(c.Context, path, c.String("arch")); err != nil {
		return nil, ofUser(err)
	}
	if o.Login, err = a.login(c, o.Image.SSHUser); err != nil {
		return nil, err
	}
	if o.Inside, err = o.Image.Look(); err != nil {
		o.Unread = err
	}
	o.Machine, err = machine.Resolve(c.Context, h, o.Image, w)
	o.Twin = o.Skip["host-keys"] == "" || o.Skip["machine-id"] == ""
	return o, err
}

// login is the account that the flags name; known is who logs in by the image's
// description.
func (a *app) login(c *cli.Context, known string) (l verify.Login, err error) {
	l.Name = cmp.Or(c.String("user"), known)
	switch {
	case l.Name == "" && (c.IsSet("identity") || c.IsSet("password-file")):
		return l, badInput("--user", errors.New("the image has no description that says who logs in over ssh"), "add --user NAME")
	case a.typed(c, "user") && !c.IsSet("identity") && !c.IsSet("password-file"):
		return l, a.usage("--user needs --identity or --password-file, one of them")
	case !c.IsSet("identity") && !c.IsSet("password-file"):
		return verify.Login{}, nil
	case c.IsSet("identity"):
		key, err := a.readFile(c.Context, c.String("identity"), maxKeys)
		if err != nil {
			return l, badInput("--identity", err, fileHint(err))
		}
		l.Key = string(key)
		return l, nil
	}
	l.Password, err = a.password(c, "password")
	return l, err
}

// showReport writes the report to stdout, and to where the flags say.
func (a *app) showReport(c *cli.Context, r *verify.Report) error {
	if path := c.String("junit"); path != "" {
		if err := publish.File(path, func(f *os.File) error { return r.WriteJUnit(f) }); err != nil {
			return badInput("--junit", err, fileHint(err))
		}
	}
	if c.Bool("json") {
		return a.printJSON(r)
	}
	t := a.Table()
	for _, res := range r.Results {
		t.Row(string(res.Status), res.Name, fmt.Sprintf("%.1f s", res.Seconds), res.Why)
	}
	return t.Flush()
}

// keepReport makes a bundle of what a verification has kept in dir.
func keepReport(dir, image, archive string, r *verify.Report) (string, error) {
	staged := filepath.Join(dir, "bundle")
	if err := os.Mkdir(staged, 0o755); err != nil {
		return "", err
	}
	var moved error
	for name := range r.Kept {
		moved = errors.Join(moved, publish.Rename(filepath.Join(dir, name), filepath.Join(staged, name)))
	}
	if err := os.WriteFile(filepath.Join(staged, assemble.SummaryFile), []byte(r.Summary()), 0o644); err != nil {
		return "", err
	}
	kept, err := assemble.PlaceBundle(staged, image, archive, time.Now())
	return kept, errors.Join(moved, err)
}
