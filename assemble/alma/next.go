// What one does with a published image: how to boot it, and who may log in.

package alma

import (
	"slices"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/kickstart/render"
)

// next is how to go on with the plan's image.
func (p *Plan) next() assemble.Next {
	n := p.Next(p.Outputs, p.TestMachine, p.Kickstart.SSHUser)
	n.Logins = p.Kickstart.Logins
	return n
}

// logins say who may log in to a system of the embedded kickstart, and with
// what; and which of them one would try over ssh, and whether by a key.
func logins(o render.Options, known []string) (who []string, ssh string, key bool) {
	type account struct {
		name, password string
		keys           []string
	}
	accounts := []account{{"root", o.RootPassword, o.RootSSHKeys}}
	for _, u := range o.Users {
		accounts = append(accounts, account{u.Name, u.Password, u.SSHKeys})
	}
	for _, a := range accounts {
		with := ""
		switch {
		case len(a.keys) > 0:
			with = "your ssh key"
		case slices.Contains(known, a.name):
			with = "password " + a.password
		case a.password != "":
			with = "the password that you gave"
		default:
			continue
		}
		who = append(who, a.name+" ("+with+")")
		ssh, key = a.name, len(a.keys) > 0
	}
	if o.CloudInit {
		who = append(who, "whom the machine's seed names, by its ssh key (cloud-init; imgasm run seeds admin, with a key of its own)")
	}
	return who, ssh, key
}
