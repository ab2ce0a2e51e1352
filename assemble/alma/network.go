// What the installing guest reaches of the network: nothing, where it needs
// nothing. QEMU's user network knows no other bound than that (restrict=on):
// a guest that reaches the internet reaches this host's networks and services too.

package alma

import (
	"slices"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

// netCommands are the commands of a kickstart that use a network without an address
// in them ("updates http://…") that says so.
var netCommands = []string{"bootc", "driverdisk", "fcoe", "iscsi", "iscsiname", "liveimg", "logging", "nfs", "ostreecontainer", "rdp", "realm", "repo", "rhsm", "sshpw", "url", "vnc"}

// quietSections are those that run nothing.
var quietSections = []string{"%packages", "%addon", "%anaconda", "%certificate"}

// needsNetwork reports whether a kickstart of the user's, or an argument of the
// installer's kernel, may want the network. A script may want anything.
func (p *Plan) needsNetwork(file *kickstart.File) bool {
	wanting := func(arg string) bool {
		return strings.Contains(arg, "://") || strings.HasPrefix(arg, "ip=") || strings.Contains(arg, "=nfs") || strings.HasPrefix(arg, "inst.rdp") || strings.HasPrefix(arg, "inst.vnc") || strings.HasPrefix(arg, "inst.sshd")
	}
	if slices.ContainsFunc(p.Spec.KernelArgs, wanting) {
		return true
	}
	if slices.ContainsFunc(p.Spec.Provision, func(v Provision) bool { return v.Script != "" }) {
		return true
	}
	if p.Spec.Kickstart == "" {
		return slices.ContainsFunc(p.Spec.Settings.Repos, func(r render.Repo) bool { return remote(r.URL) })
	}
	for _, n := range file.Nodes {
		switch n := n.(type) {
		case *kickstart.Command:
			if slices.Contains(netCommands, n.Name()) || slices.ContainsFunc(n.Args(), func(w kickstart.Word) bool { return remote(w.Value) }) {
				return true
			}
		case *kickstart.Section:
			if !slices.Contains(quietSections, n.Name()) || slices.ContainsFunc(n.Body, included) {
				return true
			}
		default:
			if included(n) {
				return true
			}
		}
	}
	return false
}

// remote reports whether there is an address of another machine in a word.
func remote(word string) bool {
	return strings.Contains(word, "://") && !strings.Contains(word, "file://")
}

// included is a line that stands for a file that nobody here has seen.
func included(n kickstart.Node) bool {
	switch n.(type) {
	case *kickstart.Include, *kickstart.Append:
		return true
	}
	return false
}

// sealed reports whether the guest needs no network: then it gets none.
func (p *Plan) sealed() bool {
	return p.Spec.Offline || p.Installer.Rehearsal || p.Installer.Packages && !p.Kickstart.Networked
}

// reach says what the installing guest reaches.
func (p *Plan) reach() string {
	if p.sealed() {
		return "none: the guest reaches nothing"
	}
	return "the guest reaches what this host does: the internet, the networks here, and this host's own services as 10.0.2.2"
}
