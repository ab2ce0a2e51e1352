// The flags that say who can log in to an image, and reading public keys.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

// accountFlags are what `imgasm alma` and `imgasm kickstart render` share.
func accountFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "root-password", Category: groupSystem + rare, Usage: "root's `PASSWORD`, or its sha512crypt or yescrypt hash", DefaultText: "packer; none with any other password or key"},
		&cli.StringFlag{Name: "root-password-file", Category: groupSystem + rare, Usage: "read root's password from `FILE`; - is standard input"},
		&cli.StringFlag{Name: "user", Category: groupSystem, Usage: "`NAME` of the user with sudo", DefaultText: "admin"},
		&cli.StringFlag{Name: "password", Category: groupSystem + rare, Usage: "the user's `PASSWORD`, or its hash", DefaultText: "admin for admin; none with any other password or key"},
		&cli.StringFlag{Name: "password-file", Category: groupSystem + rare, Usage: "read the user's password from `FILE`; - is standard input"},
		&cli.StringSliceFlag{Name: "ssh-key", Category: groupSystem, Usage: "public ssh `KEY`, or a file, for user and root"},
	}
}

// accounts reads accountFlags.
func (a *app) accounts(c *cli.Context) (who render.Accounts, err error) {
	who.User = c.String("user")
	if c.String("password-file") == "-" && c.String("root-password-file") == "-" {
		return who, badInput("--password-file", errors.New("standard input has one password"), "name a file for --root-password-file")
	}
	if who.RootPassword, err = a.password(c, "root-password"); err != nil {
		return who, err
	}
	if who.Password, err = a.password(c, "password"); err != nil {
		return who, err
	}
	who.SSHKeys, err = readKeys(c.Context, c.StringSlice("ssh-key"))
	return who, err
}

// profileFlag is a preset of --cloud-init, --guest-agent and of who has a password.
func profileFlag() cli.Flag {
	return &cli.StringFlag{Name: "profile", Category: groupSystem, Usage: "`minimal|cloud` preset; cloud has cloud-init, qemu-guest-agent and no password for anybody", Value: kickstart.Profiles[0].Name}
}

// profile is that of profileFlag, with what other flags say of it.
func (a *app) profile(c *cli.Context) (kickstart.Profile, error) {
	p, err := kickstart.ParseProfile(c.String("profile"))
	if err != nil {
		return p, badInput("--profile", err, "docs/provision.md says what each contains")
	}
	for flag, field := range map[string]*bool{"cloud-init": &p.CloudInit, "guest-agent": &p.GuestAgent} {
		if c.IsSet(flag) {
			*field = c.Bool(flag)
		}
	}
	return p, nil
}

// password is what a flag, or the one with -file behind its name, says.
func (a *app) password(c *cli.Context, flag string) (string, error) {
	file := flag + "-file"
	if !c.IsSet(file) {
		if a.typed(c, flag) {
			a.Problem("warning", "--"+flag+" is seen by whoever lists this host's processes, and kept in the shell's history", "--"+file+" FILE reads it from a file, --"+file+" - from standard input")
		}
		return c.String(flag), nil
	}
	refuse := func(err error) error {
		return badInput("--"+file, err, "give a file with the password on its only line")
	}
	const most = 4 << 10
	path := c.String(file)
	text, err := a.readFile(c.Context, path, most)
	if err != nil {
		return "", refuse(err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" || strings.ContainsAny(password, "\r\n") {
		return "", refuse(fmt.Errorf("%s has not one line", path))
	}
	return password, nil
}

// readFile reads a small file that may be secret, "-" for standard input: what is not
// held is read.
func (a *app) readFile(ctx context.Context, path string, most int64) (text []byte, err error) {
	if text, ok := a.held[path]; ok {
		return text, nil
	}
	if path != "-" {
		return smallfile.Read(ctx, path, most)
	}
	if text, err = smallfile.ReadFrom(ctx, a.stdin, "standard input", most); err == nil {
		if a.held == nil {
			a.held = map[string][]byte{}
		}
		a.held[path] = text // it can be read once
	}
	return text, err
}

// refuseUnusable refuses a flag of a command that is there and has no value, most
// often because of a variable that is not set. Its default would be taken
// silently: a password that anybody knows, or another kickstart. Of times it
// refuses what is less than nothing.
func refuseUnusable(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		name := f.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		empty := false
		switch f.(type) {
		case *cli.StringFlag:
			empty = c.String(name) == ""
		case *cli.StringSliceFlag:
			empty = slices.Contains(c.StringSlice(name), "")
		case *cli.GenericFlag:
			empty = slices.Contains(*c.Generic(name).(ordered).all, given{name, ""})
		}
		if c.Duration(name) < 0 {
			return badInput("--"+name, errors.New("a time cannot be negative"), "")
		}
		if empty {
			return badInput("--"+name, errors.New("is empty"), "give it a value (is a variable not set?), or leave it out")
		}
	}
	return nil
}

// maxKeys is the size of the largest file of public keys, in bytes.
const maxKeys = 1 << 20

// readKeys takes each value for a public key, or for a file of them.
func readKeys(ctx context.Context, values []string) ([]string, error) {
	const do = "give a public key in quotes, or the path of a .pub file"
	refuse := func(err error, do string) error { return badInput("--ssh-key", err, do) }
	var keys []string
	for _, v := range values {
		if strings.Contains(v, " ") && !isFile(v) {
			keys = append(keys, v)
			continue
		}
		text, err := smallfile.Read(ctx, v, maxKeys)
		if err != nil {
			return nil, refuse(err, do)
		}
		if strings.Contains(string(text), "PRIVATE KEY-----") {
			return nil, refuse(fmt.Errorf("%s is a private key", v), "give the public one: "+v+".pub")
		}
		before := len(keys)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				keys = append(keys, line)
			}
		}
		if len(keys) == before {
			return nil, refuse(fmt.Errorf("%s has no key in it", v), do)
		}
	}
	return keys, nil
}

// isFile tells a path with a blank in it from a key.
func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
