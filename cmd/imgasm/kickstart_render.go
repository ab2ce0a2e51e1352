// imgasm kickstart render: the kickstart that imgasm alma would use.

package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

func kickstartRenderCommand(app *app) *cli.Command {
	return &cli.Command{
		Name:  "render",
		Usage: "print the default AlmaLinux kickstart with your settings",
		UsageText: "imgasm kickstart render >ks.cfg\n" +
			"imgasm kickstart render --firmware bios --cdrom --hostname web --ssh-key ~/.ssh/id_ed25519.pub\n" +
			"imgasm kickstart render --source https://mirror/BaseOS/ --repo AppStream=https://mirror/apps/\n\n" +
			"imgasm kickstart render --disk sda --console none --cdrom --minimal --seed 00ff",
		Description: "The file is complete, for the installer as for imgasm alma --kickstart.\n\n" +
			"Passwords are hashed; the same settings give the same file. Without any ssh key or password there are\n" +
			"root/packer and admin/admin, for tests only; with one, nobody has a password that you\n" +
			"have not given.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "arch", Value: arch.Host().Name, Category: groupTarget, Usage: "`x86_64|x86_64_v2|aarch64` architecture of the system"},
			&cli.StringFlag{Name: "firmware", Value: "uefi", Category: groupTarget, Usage: "`uefi|bios` firmware of the machine"},
			&cli.StringFlag{Name: "disk", Value: "vda", Category: groupTarget, Usage: "the `DISK` to install on: vda (virtio-blk), sda (scsi), nvme0n1"},
			&cli.StringFlag{Name: "console", Category: groupTarget + rare, Usage: "serial console `DEVICE` of the system, or none", DefaultText: "the architecture's"},
			&cli.StringFlag{Name: "version", Value: "10", Category: groupSource, Usage: "AlmaLinux `VERSION` whose repositories to use: 10, 10.N or kitten"},
			&cli.BoolFlag{Name: "cdrom", Category: groupSource, Usage: "take the packages from the installer's medium (dvd or minimal)"},
			&cli.BoolFlag{Name: "minimal", Category: groupSource + rare, Usage: "the medium is a minimal ISO: ask for nothing that is not on it"},
			&cli.StringFlag{Name: "source", Category: groupSource, Usage: "take the packages from the repository at `URL`"},
			&cli.StringSliceFlag{Name: "repo", Category: groupSource + rare, Usage: "a further repository, as `NAME=URL`"},
			profileFlag(),
			&cli.StringFlag{Name: "hostname", Category: groupSystem, Usage: "`NAME` of the system"},
			&cli.StringFlag{Name: "lang", Category: groupSystem + rare, Usage: "`LOCALE` of the system", DefaultText: "en_US.UTF-8"},
			&cli.StringFlag{Name: "keyboard", Category: groupSystem + rare, Usage: "`KEYMAP` of the console", DefaultText: "us"},
			&cli.StringFlag{Name: "timezone", Category: groupSystem + rare, Usage: "`ZONE`, such as Europe/Berlin", DefaultText: "UTC"},
			&cli.BoolFlag{Name: "lock-root", Category: groupSystem + rare, Usage: "no password for root"},
			&cli.StringSliceFlag{Name: "package", Category: groupSystem, Usage: "install `PACKAGE`, @group, or leave -package out"},
			&cli.BoolFlag{Name: "guest-agent", Category: groupSystem + rare, Usage: "install qemu-guest-agent"},
			&cli.BoolFlag{Name: "cloud-init", Category: groupSystem + rare, Usage: "install cloud-init"},
			&cli.StringSliceFlag{Name: "kernel-arg", Category: groupSystem + rare, Usage: "an `ARGUMENT` of the system's kernel"},
			&cli.StringSliceFlag{Name: "post", Category: groupProvision, Usage: "run the script `FILE` in the new system"},
			&cli.StringFlag{Name: "seed", Category: groupSystem + rare, Usage: "derive the salts of passwords from `HEX`", DefaultText: "from the settings"},
		}, accountFlags()...),
		Action: func(c *cli.Context) error {
			if err := app.noArgs(c); err != nil {
				return err
			}
			o, err := app.renderOptions(c)
			if err != nil {
				return err
			}
			text, err := render.Kickstart(o)
			if err != nil {
				return err
			}
			_, err = app.Product.Write(text)
			return err
		},
	}
}

// renderOptions are the flags of render as the package has them.
func (a *app) renderOptions(c *cli.Context) (render.Options, error) {
	o := render.Options{
		Arch: c.String("arch"), Boot: c.String("firmware"), Disk: c.String("disk"), Console: c.String("console"),
		Hostname: c.String("hostname"), Lang: c.String("lang"), Keyboard: c.String("keyboard"), Timezone: c.String("timezone"),
		Packages:   c.StringSlice("package"),
		KernelArgs: c.StringSlice("kernel-arg"),
	}
	machine, err := wishedArch(strings.TrimSuffix(o.Arch, "_v2"))
	if err != nil {
		return o, err
	}
	switch o.Console {
	case "":
		o.Console = machine.Console
	case "none":
		o.Console = ""
	}
	profile, err := a.profile(c)
	if err != nil {
		return o, err
	}
	o.GuestAgent, o.CloudInit = profile.GuestAgent, profile.CloudInit
	if o.Source, err = a.renderSource(c, o.Arch); err != nil {
		return o, err
	}
	who, err := a.accounts(c)
	if err != nil {
		return o, err
	}
	who.KeysOnly = profile.KeysOnly
	who.LockRoot = c.Bool("lock-root")
	if err := who.Set(&o); err != nil {
		return o, err
	}
	for _, path := range c.StringSlice("post") {
		text, err := smallfile.Read(c.Context, path, kickstart.MaxSize)
		if err != nil {
			return o, err
		}
		o.Scripts = append(o.Scripts, render.Script{Name: filepath.Base(path), Text: string(text)})
	}
	if seed := c.String("seed"); seed != "" {
		if o.Seed, err = hex.DecodeString(seed); err != nil {
			return o, badInput("--seed", errors.New("write hexadecimal digits, two a byte"), "")
		}
	} else {
		user := ""
		if len(o.Users) > 0 {
			user = o.Users[0].Name
		}
		o.Seed = fmt.Appendf(nil, "%s\x00%s\x00%q", o.Hostname, user, who.SSHKeys)
	}
	return o, nil
}

func (a *app) renderSource(c *cli.Context, archName string) (render.Source, error) {
	s := render.Source{CDROM: c.Bool("cdrom"), Minimal: c.Bool("minimal"), URL: c.String("source")}
	if s.Minimal && !s.CDROM {
		return s, a.usage("--minimal is about the installer's medium: it needs --cdrom")
	}
	alma, err := render.AlmaLinuxSource(c.String("version"), archName)
	if err != nil {
		return s, err
	}
	if !s.CDROM && s.URL == "" {
		s = alma
	}
	more, err := a.repos(c)
	s.Repos = append(s.Repos, more...)
	return s, err
}

// repos reads the flag --repo.
func (a *app) repos(c *cli.Context) (all []render.Repo, err error) {
	for _, text := range c.StringSlice("repo") {
		name, url, ok := strings.Cut(text, "=")
		if !ok {
			return nil, badInput("--repo", fmt.Errorf("write NAME=URL, not %q", text), "")
		}
		all = append(all, render.Repo{Name: name, URL: url})
	}
	return all, nil
}
