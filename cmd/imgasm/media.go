// imgasm media: the media of a build, one by one.

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/boot"
	"github.com/imgasm/imgasm/assemble/disk"
	"github.com/imgasm/imgasm/internal/event"
)

// mediaCommand is the verb media.
func mediaCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "media", Category: verbMake + rare,
		Usage: "make boot media, kickstart volumes and blank disks",
		UsageText: "imgasm media usb --iso AlmaLinux-10.1-x86_64-dvd.iso --kickstart ks.cfg -o stick.img\n" +
			"imgasm media disk --size 10G -o disk.raw",
		Description: "Equal input gives equal bytes. Dates are SOURCE_DATE_EPOCH's if it is set, and\n" +
			"otherwise derived from the input; the clock is never looked at.",
		Subcommands: []*cli.Command{mediaOEMDRV(app), mediaDisk(app), mediaBoot(app), mediaUSB(app)},
	}
}

// outFlags are where a medium goes. A drive is never replaced.
func outFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write the medium to `FILE`"},
		&cli.BoolFlag{Name: "force", Usage: "replace FILE if it exists"},
	}
}

func kernelArgFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "kernel-arg", Usage: "add `ARGUMENT` to the installer's kernel command line"}
}

func mediaDeliverFlag() cli.Flag {
	return &cli.StringFlag{Name: "deliver", Usage: "`oemdrv|initrd|both` how the kickstart comes to the installer: on a volume, or in its initrd", Value: "oemdrv"}
}

func extraFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "extra", Usage: "put `[NAME=]PATH` beside the kickstart, for its scripts"}
}

func mediaOEMDRV(app *app) *cli.Command {
	return &cli.Command{
		Name:      "oemdrv",
		Usage:     "write the volume by which Anaconda finds its kickstart",
		ArgsUsage: "KICKSTART [[NAME=]PATH]…",
		UsageText: "imgasm media oemdrv ks.cfg -o oemdrv.iso\n" +
			"imgasm media oemdrv ks.cfg post=./scripts keys.pub -o oemdrv.iso --force",
		Description: "A small ISO 9660 volume with the label OEMDRV: attach it as a disk, and an\n" +
			"installer started with inst.ks=hd:LABEL=OEMDRV:/ks.cfg runs unattended. More\n" +
			"files and folders may be put beside the kickstart.",
		Flags: outFlags(),
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return app.usage("media oemdrv wants a kickstart file")
			}
			if c.String("out") == "" {
				return app.usage("media oemdrv wants --out FILE")
			}
			if err := free(c.Args().First(), c.String("out"), c.Bool("force")); err != nil {
				return err
			}
			v := boot.Volume{Kickstart: c.Args().First(), Extra: c.Args().Tail()}
			var err error
			if v.Text, err = app.namedKickstart(c.Context, &v.Kickstart); err != nil {
				return err
			}
			return boot.WriteOEMDRV(c.String("out"), v, app.getenv("SOURCE_DATE_EPOCH"), func(text string) { app.Problem("note", text, "") })
		},
	}
}

func mediaDisk(app *app) *cli.Command {
	return &cli.Command{
		Name:  "disk",
		Usage: "create a raw disk, blank or with a partition table",
		UsageText: "imgasm media disk --size 10G -o disk.raw\n" +
			"imgasm media disk --size 10G --layout esp:200M,boot:1G,linux:rest:root -o disk.raw --force",
		Description: "The layout is a list of TYPE:SIZE[:NAME], in order. TYPE is esp, biosboot, boot,\n" +
			"linux, swap, lvm, data or a GUID; the last SIZE may be rest. The file takes no\n" +
			"space until something is written to the disk.",
		Flags: append(outFlags(),
			&cli.StringFlag{Name: "size", Usage: "`SIZE` of the disk, such as 10G"},
			&cli.StringFlag{Name: "layout", Usage: "write a GPT with these `PARTITIONS`"},
		),
		Action: func(c *cli.Context) error {
			if err := app.noArgs(c); err != nil {
				return err
			}
			if c.String("out") == "" || c.String("size") == "" {
				return app.usage("media disk wants --size SIZE and --out FILE")
			}
			if _, err := disk.ParseSize(c.String("size")); err != nil {
				return badInput("--size", err, "")
			}
			if err := free("", c.String("out"), c.Bool("force")); err != nil {
				return err
			}
			err := boot.WriteDisk(c.String("out"), c.String("size"), c.String("layout"))
			if errors.Is(err, disk.ErrLayout) || errors.Is(err, disk.ErrSize) {
				return badInput("--layout", err, "such as --layout esp:200M,boot:1G,linux:rest")
			}
			return err
		},
	}
}

func mediaBoot(app *app) *cli.Command {
	return &cli.Command{
		Name:  "boot",
		Usage: "make a disk that boots an installer ISO's kernel by UEFI",
		UsageText: "imgasm media boot --iso AlmaLinux-10.1-x86_64-boot.iso --kernel-arg console=ttyS0 -o boot.img\n" +
			"imgasm media boot --iso AlmaLinux-10.1-aarch64-boot.iso --kickstart ks.cfg -o boot.img\n\n" +
			"imgasm media boot --iso alma.iso --kickstart ks.cfg --extra post=./scripts -o boot.img --force",
		Description: "A GPT disk with an EFI system partition: the ISO's own shim, GRUB and kernel, so\n" +
			"that Secure Boot works, and a grub.cfg that waits for nobody. With a kickstart,\n" +
			"a second partition is the OEMDRV volume. The ISO itself must be attached too,\n" +
			"for the second stage: see imgasm media usb for a stick that needs nothing else.",
		Flags: slices.Concat(outFlags(), []cli.Flag{
			&cli.StringFlag{Name: "iso", Usage: "take shim, GRUB, kernel and initrd from the installer `ISO`"},
			&cli.StringFlag{Name: "kickstart", Usage: "install by the `KICKSTART` (- is standard input)"},
			mediaDeliverFlag(), extraFlag(), kernelArgFlag(),
		}, talkFlags()),
		Action: func(c *cli.Context) error { return app.mediaBoot(c, false) },
	}
}

func mediaUSB(app *app) *cli.Command {
	return &cli.Command{
		Name:  "usb",
		Usage: "make one stick that installs a machine unattended",
		UsageText: "imgasm media usb --iso AlmaLinux-10.1-x86_64-dvd.iso --kickstart ks.cfg -o stick.img --force\n" +
			"dd if=stick.img of=/dev/sdX bs=4M conv=fsync status=progress",
		Description: "Three partitions: EFI system partition, OEMDRV volume, and the whole ISO with its\n" +
			"second stage and repositories. In the kickstart, cdrom finds the packages on it,\n" +
			"and ignoredisk --only-use=DISK keeps the installer from taking the stick itself.",
		Flags: slices.Concat(outFlags(), []cli.Flag{
			&cli.StringFlag{Name: "iso", Usage: "put the installer `ISO` on the stick"},
			&cli.StringFlag{Name: "kickstart", Usage: "install by the `KICKSTART` (- is standard input)"},
			mediaDeliverFlag(), extraFlag(), kernelArgFlag(),
		}, talkFlags()),
		Action: func(c *cli.Context) error {
			if c.String("kickstart") == "" {
				return app.usage("media usb wants --kickstart FILE")
			}
			return app.mediaBoot(c, true)
		},
	}
}

func (a *app) mediaBoot(c *cli.Context, installer bool) error {
	if err := a.noArgs(c); err != nil {
		return err
	}
	if c.String("iso") == "" || c.String("out") == "" {
		return a.usage("media %s wants --iso ISO and --out FILE", c.Command.Name)
	}
	s := boot.Source{ISO: c.String("iso"), Installer: installer, KernelArgs: c.StringSlice("kernel-arg"), Deliver: boot.Deliver(c.String("deliver"))}
	switch {
	case !slices.Contains(boot.Deliveries, c.String("deliver")):
		return badInput("--deliver", fmt.Errorf("%q is not one of %s", c.String("deliver"), strings.Join(boot.Deliveries, ", ")), "give one of them, such as --deliver initrd")
	case c.IsSet("deliver") && c.String("kickstart") == "":
		return a.usage("--deliver says how a kickstart comes to the installer: add --kickstart FILE")
	case !s.Deliver.OnVolume() && len(c.StringSlice("extra")) > 0:
		return badInput("--extra", errors.New("these files lie on the OEMDRV volume, and --deliver initrd makes none"), "use --deliver both")
	}
	if ks := c.String("kickstart"); ks != "" {
		text, err := a.namedKickstart(c.Context, &ks)
		if err != nil {
			return err
		}
		s.Volume = &boot.Volume{Kickstart: ks, Text: text, Extra: c.StringSlice("extra")}
	} else if len(c.StringSlice("extra")) > 0 {
		return a.usage("--extra files lie beside a kickstart: add --kickstart FILE")
	}
	if err := free(s.ISO, c.String("out"), c.Bool("force")); err != nil {
		return err
	}
	return a.writeBoot(c, s)
}

// writeBoot writes a boot medium and shows how far that is.
func (a *app) writeBoot(c *cli.Context, s boot.Source) error {
	out, d := c.String("out"), a.display(c)
	show := timed(d.Event, "medium")
	s.Progress = func(done, total int64) {
		if done == 0 {
			show(event.Event{Kind: event.StepStart, Text: "write " + out})
			return
		}
		show(progressEvent(done, total))
	}
	s.Note = func(text string) { show(event.Event{Kind: event.Note, Text: text}) }
	in, err := boot.WriteBoot(c.Context, out, s, a.getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return d.fail(err)
	}
	show(event.Event{Kind: event.StepDone, Text: fmt.Sprintf("%s boots %s %s (%s) for %s", out, in.Product, in.Version, in.Variant, in.Arch)})
	if c.Bool("json") {
		show(event.Event{Kind: event.Result, Text: out, Path: out})
	}
	d.Close()
	return nil
}
