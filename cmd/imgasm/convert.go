// imgasm convert: a disk image in another format.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/size"
)

// convertCommand writes a disk image in another format.
func convertCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "convert", Category: verbMake,
		Usage:     "write a disk image in another format",
		ArgsUsage: "IN OUT",
		UsageText: `imgasm convert alma.qcow2 alma.vmdk
imgasm convert alma.qcow2 alma.vhd --for azure
imgasm convert alma.qcow2 larger.qcow2 --resize 40G --compression zstd

imgasm convert alma.qcow2 alma.qcow2 --cluster-size 1M --force`,
		Description: "IN is a qcow2, a fixed vhd or a raw disk. OUT's format is told by its name, by\n" +
			"--format or by --for; it appears whole or not at all, and equal input gives equal\n" +
			"bytes. With --resize the backup of a GPT moves to the new end; partitions and file\n" +
			"systems are the guest's to grow (cloud-init does).\n\nThe formats:\n" + formatList(),
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "format", Category: groupImage, Usage: "write `FORMAT`, one that --help-all lists", DefaultText: "by OUT's name"},
			&cli.StringFlag{Name: "for", Category: groupImage, Usage: "write what `PLATFORM` wants: " + strings.Join(convert.Targets(), ", ")},
			&cli.StringFlag{Name: "compression", Category: groupImage + rare, Usage: "`" + compressionNames() + "` how a qcow2's clusters are compressed", DefaultText: string(qcow2.Zlib)},
			&cli.StringFlag{Name: "cluster-size", Category: groupImage + rare, Usage: "`SIZE` of the qcow2's clusters", DefaultText: size.Format(qcow2.DefaultClusterSize)},
			&cli.StringFlag{Name: "resize", Category: groupImage, Usage: "make the disk larger: `SIZE`, such as 40G"},
			&cli.StringFlag{Name: "arch", Category: groupImage, Usage: "`ARCH` of the machine, for formats that describe one", DefaultText: "seen on the disk"},
			&cli.BoolFlag{Name: "force", Category: groupImage, Usage: "replace OUT if it exists"},
		}, onFlags(), talkFlags()),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return a.usage("convert takes two files, IN and OUT, got %d", c.NArg())
			}
			in, out := c.Args().Get(0), c.Args().Get(1)
			if err := free(in, out, c.Bool("force")); err != nil {
				return err
			}
			o, err := a.convertOptions(c, out)
			if err != nil {
				return err
			}
			if isAway(c) {
				return a.convertOn(c, in, out)
			}
			return a.convert(c, in, out, o)
		},
	}
}

// formatList is a table of the formats, for people.
func formatList() string {
	var b strings.Builder
	for _, f := range convert.Formats() {
		text := f.Text
		if len(f.Targets) > 0 {
			text += " (--for " + strings.Join(f.Targets, ", ") + ")"
		}
		fmt.Fprintf(&b, "  %-14s %s: %s\n", f.Name, text, strings.Join(f.Endings, ", "))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func compressionNames() string {
	var names []string
	for _, c := range qcow2.Compressions() {
		names = append(names, string(c))
	}
	return strings.Join(names, "|")
}

// convertOptions reads the flags of convert.
func (a *app) convertOptions(c *cli.Context, out string) (o convert.Options, err error) {
	o = convert.Options{
		Format: c.String("format"), For: c.String("for"), Arch: c.String("arch"),
		Compression: qcow2.Compression(c.String("compression")),
		Name:        strings.TrimSuffix(filepath.Base(out), convert.Ending(out)),
	}
	if o.ClusterSize, err = sizeFlag(c, "cluster-size"); err != nil {
		return o, err
	}
	if o.SizeBytes, err = sizeFlag(c, "resize"); err != nil {
		return o, err
	}
	if epoch := a.getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		if o.Time, err = boot.Date(epoch, ""); err != nil {
			return o, badInput("", err, "unset it, or give a number: date +%s")
		}
	}
	named, nameErr := convert.FormatOfFile(out)
	if o.Format == "" && o.For == "" {
		if nameErr != nil {
			return o, nameErr
		}
		o.Format = named.Name
	}
	wanted, err := convert.FormatOf(o.Format)
	if o.For != "" {
		wanted, err = convert.FormatFor(o.For)
	}
	switch {
	case err != nil:
		return o, err
	case o.Arch != "" && !wanted.Machine:
		return o, badInput("--arch", fmt.Errorf("%s describes no machine", wanted.Name), "leave it out")
	}
	return o, wanted.CheckName(out)
}

// sizeFlag reads a flag that is a size; 0: it is not set.
func sizeFlag(c *cli.Context, name string) (int64, error) {
	if !c.IsSet(name) {
		return 0, nil
	}
	n, err := disk.ParseSize(c.String(name))
	if err != nil {
		return 0, badInput("--"+name, err, "")
	}
	return n, nil
}

// free refuses an output that is the input, or that exists and is not to be replaced.
func free(in, out string, force bool) error {
	there, err := os.Lstat(out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ofUser(err)
	}
	if from, err := os.Stat(in); err == nil && os.SameFile(from, there) {
		return badInput("", fmt.Errorf("%s and %s are the same file", in, out), "choose another name")
	}
	if there.IsDir() {
		return badInput("", fmt.Errorf("%s is a folder", out), "name the file too: "+filepath.Join(out, "NAME"))
	}
	if !force {
		return badInput("", fmt.Errorf("%s exists", out), "replace it with --force, or choose another name")
	}
	return nil
}

// convert does it, and shows how far it is.
func (a *app) convert(c *cli.Context, in, out string, o convert.Options) error {
	_, err := shown(a, c, func(sink event.Sink) (struct{}, error) {
		show := timed(sink, "convert")
		o.Progress = func(done, total int64) { show(progressEvent(done, total)) }
		show(event.Event{Kind: event.StepStart, Text: "write " + out})
		text, err := convertFile(c.Context, in, out, o)
		if err != nil {
			return struct{}{}, err
		}
		show(event.Event{Kind: event.StepDone, Text: text})
		if c.Bool("json") {
			show(event.Event{Kind: event.Result, Text: out, Path: out})
		}
		return struct{}{}, nil
	})
	return err
}

// convertFile returns what has become of it, in a few words.
func convertFile(ctx context.Context, in, out string, o convert.Options) (string, error) {
	src, err := convert.Open(in)
	if err != nil {
		return "", ofUser(err)
	}
	defer src.Close()
	if err := convert.Create(ctx, out, src, o); err != nil {
		return "", err
	}
	info, err := os.Stat(out)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %s, of a disk of %s (%s)", out, size.Text(info.Size()), size.Format(src.Size()), src.Format), nil
}
