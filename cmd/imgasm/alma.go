// imgasm alma: an AlmaLinux image from an installer ISO.

package main

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/alma"
)

// almaCommand builds an AlmaLinux image.
func almaCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "alma", Category: verbBuild,
		Usage: "build an AlmaLinux image by a headless installation",
		UsageText: `imgasm alma --arch aarch64 --out alma.qcow2
imgasm alma --ssh-key ~/.ssh/id_ed25519.pub --iso AlmaLinux-10.1.iso
imgasm alma --profile cloud --out cloud.qcow2
imgasm alma --copy motd:/etc/motd --post setup.sh
imgasm alma --kickstart my.ks --dry-run

imgasm alma --version kitten --arch x86_64 --variant dvd --offline
imgasm alma --iso https://example.org/alma.iso --iso-checksum SHA256
imgasm alma --mirror https://example.org/almalinux --keyring keys.asc
imgasm alma --version 10.0 --vault https://example.org/vault
imgasm alma --user ops --password-file ops.pw --root-password-file root.pw
imgasm alma --password '$6$SALT$HASH' --root-password '$6$SALT$HASH'
imgasm alma --lock-root --ssh-key ops.pub --hostname web --timezone Europe/Berlin
imgasm alma --lang de_DE.UTF-8 --keyboard de --package @php --package -nano
imgasm alma --repo extra=https://example.org/ --cloud-init --guest-agent=false
imgasm alma --proxy http://proxy:3128 --ca company.pem
imgasm alma --lock --lock-file ci.lock --provenance --checksum
imgasm alma --locked --lock-file ci.lock --sbom spdx --report report/
imgasm alma --memory 4G --cpus 2 --accel tcg --cpu max --qemu ~/qemu/build/qemu
imgasm alma --secure-boot --firmware OVMF_CODE.fd:OVMF_VARS.fd
imgasm alma --boot media --deliver both --kernel-arg inst.debug
imgasm alma --console-mode tmux --ks-strict --verbose
imgasm alma --keep-vm --keep --bundle failure.tar.zst
imgasm alma --timeout 90m --stall-timeout 20m --enospc-wait 1h
imgasm alma --format qcow2 --format vmdk --disk-size 20G --force --no-verify -q
imgasm alma --on build.example.org --nice --remote-binary imgasm-linux-arm64
imgasm alma --no-config --json`,
		Description: `Makes the media, runs the installer without a screen, follows it on the serial
console and over QMP, verifies the result, and publishes it with a description
beside it.

A failure is known when the guest knows it; its logs are kept in
OUT.failed. Without --kickstart the system has root and a user with sudo. They
log in by the keys and passwords that you give; without any key or password they
are root/packer and admin/admin, for tests only.`,
		Flags:  almaFlags(),
		Action: a.withPage(outName(alma.DefaultOut), a.alma),
	}
}

func almaFlags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		&cli.StringFlag{Name: "version", Category: groupSource, Usage: "AlmaLinux `VERSION`: 10, 10.N or kitten", Value: alma.DefaultVersion},
		&cli.StringFlag{Name: "iso", Category: groupSource, Usage: "installer `ISO`: a file or a URL", DefaultText: "fetched"},
		&cli.StringFlag{Name: "iso-checksum", Category: groupSource + rare, Usage: "`SHA256` that the ISO must have"},
		&cli.StringFlag{Name: "variant", Category: groupSource + rare, Usage: "`boot|minimal|dvd` kind of ISO to fetch; boot takes its packages from the network", Value: "boot"},
		&cli.StringFlag{Name: "mirror", Category: groupSource + rare, Usage: "fetch the ISO from the mirror `URL`"},
		&cli.StringFlag{Name: "vault", Category: groupSource + rare, Usage: "fetch a superseded release from the vault at `URL`"},
		&cli.StringFlag{Name: "keyring", Category: groupSource + rare, Usage: "`KEYRING` of the OpenPGP keys that may sign the ISO's CHECKSUM", DefaultText: "AlmaLinux 10's"},
		kickstartFlag(),
		&cli.BoolFlag{Name: "offline", Category: groupSource + rare, Usage: "no network, for us or the guest"},
		profileFlag(),
		&cli.StringFlag{Name: "hostname", Category: groupSystem + rare, Usage: "`NAME` of the system"},
		&cli.StringSliceFlag{Name: "package", Category: groupSystem, Usage: "install `PACKAGE` or @group, leave -package out"},
		&cli.StringFlag{Name: "timezone", Category: groupSystem + rare, Usage: "`ZONE`, such as Europe/Berlin", DefaultText: "UTC"},
		&cli.StringFlag{Name: "lang", Category: groupSystem + rare, Usage: "`LOCALE` of the system", DefaultText: "en_US.UTF-8"},
		&cli.StringFlag{Name: "keyboard", Category: groupSystem + rare, Usage: "`KEYMAP` of the console", DefaultText: "us"},
		&cli.BoolFlag{Name: "lock-root", Category: groupSystem + rare, Usage: "no password for root"},
		&cli.StringSliceFlag{Name: "repo", Category: groupSystem + rare, Usage: "a further repository, as `NAME=URL`"},
		&cli.BoolFlag{Name: "guest-agent", Category: groupSystem + rare, Usage: "install qemu-guest-agent; --guest-agent=false leaves it out", DefaultText: "true, but false for a minimal ISO"},
		&cli.BoolFlag{Name: "cloud-init", Category: groupSystem + rare, Usage: "install cloud-init"},
	}, accountFlags(), provisionFlags(), installFlags(), onFlags())
}

func kickstartFlag() cli.Flag {
	return &cli.StringFlag{Name: "kickstart", Aliases: []string{"ks"}, Category: groupSource, Usage: "`KICKSTART` in place of ours; - is standard input"}
}

// kickstartSpec reads kickstartFlag.
func (a *app) kickstartSpec(c *cli.Context, s *alma.Spec) (err error) {
	s.Kickstart = c.String("kickstart")
	s.KickstartText, err = a.namedKickstart(c.Context, &s.Kickstart)
	if errors.Is(err, fs.ErrNotExist) {
		return badInput("--kickstart", err, "imgasm kickstart render writes one to begin with")
	} else if err != nil {
		return badInput("--kickstart", err, "")
	}
	return nil
}

func (a *app) alma(c *cli.Context) error {
	if err := a.noArgs(c); err != nil {
		return err
	}
	s, err := a.almaSpec(c)
	if err != nil {
		return err
	}
	if isAway(c) {
		return a.installOn(c, s)
	}
	h, err := a.host()
	if err != nil {
		return err
	}
	return a.runPlan(c, h, s, nil)
}

// almaSpec is what the flags ask for.
func (a *app) almaSpec(c *cli.Context) (alma.Spec, error) {
	s, err := a.installSpec(c)
	if err != nil {
		return s, err
	}
	s.Version, s.ISO, s.Offline = c.String("version"), c.String("iso"), c.Bool("offline")
	if err := a.kickstartSpec(c, &s); err != nil {
		return s, err
	}
	s.ISOChecksum, s.Variant, s.Mirror = c.String("iso-checksum"), c.String("variant"), c.String("mirror")
	s.Vault, s.Keyring = c.String("vault"), c.String("keyring")
	if s.Provisioning, err = a.provisioning(c); err != nil {
		return s, err
	}
	who, err := a.accounts(c)
	if err != nil {
		return s, err
	}
	s.Settings = alma.Settings{
		RootPassword: who.RootPassword, User: who.User, Password: who.Password, SSHKeys: who.SSHKeys, Hostname: c.String("hostname"),
		Packages: c.StringSlice("package"), Timezone: c.String("timezone"), Lang: c.String("lang"), Keyboard: c.String("keyboard"),
	}
	s.Settings.LockRoot = c.Bool("lock-root")
	if s.Settings.Repos, err = a.repos(c); err != nil {
		return s, err
	}
	profile, err := a.profile(c)
	if err != nil {
		return s, err
	}
	s.Settings.CloudInit, s.Settings.KeysOnly = profile.CloudInit, profile.KeysOnly
	if c.IsSet("guest-agent") || profile.GuestAgent {
		s.Settings.GuestAgent = &profile.GuestAgent
	}
	return s, nil
}
