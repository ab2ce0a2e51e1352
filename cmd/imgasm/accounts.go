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

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/kickstart"
)

// accountFlags are what `imgasm alma` and `imgasm kickstart render` share.
func accountFlags(category string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "root-password", Category: category, Usage: "root's `PASSWORD`, or its sha512crypt or yescrypt hash (default: packer; none with any other password or key)"},
		&cli.StringFlag{Name: "user", Category: category, Usage: "`NAME` of the user with sudo (default: admin)"},
		&cli.StringFlag{Name: "password", Category: category, Usage: "the user's `PASSWORD` or its hash (default: admin for admin; none with any other password or key)"},
		&cli.StringSliceFlag{Name: "ssh-key", Category: category, Usage: "public ssh `KEY`, or a file of them, for the user and root"},
	}
}

// accounts reads accountFlags.
func accounts(c *cli.Context) (kickstart.Accounts, error) {
	a := kickstart.Accounts{RootPassword: c.String("root-password"), User: c.String("user"), Password: c.String("password")}
	var err error
	a.SSHKeys, err = readKeys(c.Context, c.StringSlice("ssh-key"))
	return a, err
}

// refuseEmpty refuses a flag of a command that is there and has no value, most
// often because of a variable that is not set. Its default would be taken
// silently: a password that anybody knows, or another kickstart.
func refuseEmpty(c *cli.Context) error {
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
		}
		if empty {
			return &assemble.InputError{What: "--" + name, Err: errors.New("is empty"), Do: "give it a value (is a variable not set?), or leave it away"}
		}
	}
	return nil
}

// maxKeys is the size of the largest file of public keys, in bytes.
const maxKeys = 1 << 20

// readKeys takes each value for a public key, or for a file of them.
func readKeys(ctx context.Context, values []string) ([]string, error) {
	const do = "give a public key in quotes, or the path of a .pub file"
	refuse := func(err error, do string) error { return &assemble.InputError{What: "--ssh-key", Err: err, Do: do} }
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
