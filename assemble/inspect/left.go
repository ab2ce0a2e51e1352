// This file looks for what an installation, or who made the image, has left
// behind.

package inspect

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Leftover is something that every machine that starts from the image would have.
type Leftover struct {
	Path string `json:"path"`
	Why  string `json:"why"` // why it matters
}

// leftovers are patterns of paths (path.Match); ~ is the home of each user.
var leftovers = []struct{ pattern, why string }{
	{"etc/ssh/ssh_host_*_key", "a private host key: machines that share it can pass for one another"},
	{"root/anaconda-ks.cfg", "the installer's kickstart"},
	{"root/original-ks.cfg", "the kickstart that was given"},
	{"root/initial-setup-ks.cfg", "the first boot's kickstart"},
	{"var/log/anaconda", "the installer's logs"},
	{"var/log/installer", "the installer's logs"},
	{"root/install.log*", "the installer's logs"},
	{"var/lib/cloud/instance", "cloud-init's state: it takes the next machine for this one"},
	{"var/lib/cloud/instances/*", "cloud-init's state of a machine"},
	{"var/lib/systemd/random-seed", "random numbers that each machine would begin with"},
	{"var/lib/NetworkManager/secret_key", "a key of which addresses are made"},
	{"var/lib/dhclient/*.lease*", "an address of another network"},
	{"etc/udev/rules.d/70-persistent-net.rules", "another machine's network cards"},
	{"~/.bash_history", "what was typed"},
	{"~/.zsh_history", "what was typed"},
	{"~/.python_history", "what was typed"},
	{"~/.lesshst", "what was searched for"},
	{"~/.viminfo", "what was edited"},
	{"~/.ssh/id_*", "a user's key pair"},
	{"~/.aws/credentials", "credentials"},
	{"~/.netrc", "credentials"},
}

func (s *System) left() {
	for _, name := range []string{"etc/machine-id", "var/lib/dbus/machine-id"} {
		id := strings.TrimSpace(strings.Join(s.lines(name), "\n"))
		if in, err := fs.Lstat(s.tree, name); err == nil && in.Mode().IsRegular() && id != "" && id != "uninitialized" {
			s.Left = append(s.Left, Leftover{"/" + name, "it is set: machines that share it get the same address by DHCP"})
		}
	}
	var homes []string
	for _, u := range s.Users {
		if home := file(u.Home); u.Home != "" && home != "." && !slices.Contains(homes, home) {
			homes = append(homes, home)
		}
	}
	for _, l := range leftovers {
		rest, ofUser := strings.CutPrefix(l.pattern, "~/")
		if !ofUser {
			s.find(l.pattern, l.why)
			continue
		}
		for _, home := range homes {
			if !strings.ContainsAny(home, `*?[\`) {
				s.find(path.Join(home, rest), l.why)
			}
		}
	}
}

// find adds what matches a pattern and is not empty.
func (s *System) find(pattern, why string) {
	names, _ := fs.Glob(s.tree, pattern) // what cannot be listed has no names
	for _, name := range names {
		if !strings.HasSuffix(name, ".pub") && s.exists(name) {
			s.Left = append(s.Left, Leftover{"/" + name, why})
		}
	}
}
