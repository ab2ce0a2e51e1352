// The flags that say what is done in a new system, in the order of the command line.

package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/alma"
)

// given is the value of a flag that may be repeated among others of its list.
type given struct{ flag, value string }

// ordered is a flag that adds to a list which it shares with others.
type ordered struct {
	flag string
	all  *[]given
}

func (o ordered) String() string { return "" }

func (o ordered) Set(value string) error {
	*o.all = append(*o.all, given{o.flag, value})
	return nil
}

// provisionFlags are flags of a build, whoever wrote its kickstart.
func provisionFlags() []cli.Flag {
	list := &[]given{}
	return []cli.Flag{
		&cli.GenericFlag{Name: "copy", Category: groupProvision, Value: ordered{"copy", list}, Usage: "copy `SRC:DEST` into the system, in order with --post"},
		&cli.GenericFlag{Name: "post", Category: groupProvision, Value: ordered{"post", list}, Usage: "run the script `FILE` in the system"},
		&cli.StringFlag{Name: "proxy", Category: groupProvision + rare, Usage: "installer and new system reach servers by the proxy `URL`"},
		&cli.StringFlag{Name: "ca", Category: groupProvision + rare, Usage: "installer and new system trust the certificates of the PEM `FILE`"},
	}
}

// provisioning reads provisionFlags.
func (a *app) provisioning(c *cli.Context) (p alma.Provisioning, err error) {
	for _, g := range *c.Generic("post").(ordered).all {
		v := alma.Provision{Script: g.value}
		if g.flag == "copy" {
			if v = copied(g.value); v.Copy == "" {
				return p, badInput("--copy", fmt.Errorf("write SRC:DEST with an absolute DEST, not %q", g.value), "such as --copy motd:/etc/motd")
			}
		}
		p.Provision = append(p.Provision, v)
	}
	p.Proxy, p.CA = c.String("proxy"), c.String("ca")
	return p, nil
}

// copied reads SRC:DEST; without a Copy it is none. On Windows a path has a colon
// of its own.
func copied(value string) (v alma.Provision) {
	if at := strings.LastIndex(value, ":/"); at > 0 {
		v = alma.Provision{Copy: value[:at], To: value[at+1:]}
	}
	return v
}
