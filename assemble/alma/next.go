// What one does with a published image: how to boot it, and who may log in.

package alma

import (
	"os"
	"slices"
	"strconv"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/firmware"
	"github.com/imgasm/imgasm/kickstart/render"
	"github.com/imgasm/imgasm/qemu"
)

// nextSSHPort is the host's port by which the pasted command reaches the guest's ssh server.
const nextSSHPort = 2222

// next is how to go on with the plan's image.
func (p *Plan) next() assemble.Next {
	n := assemble.Next{Logins: p.Kickstart.Logins}
	m := p.TestMachine
	m.Name, m.UUID = "", ""
	m.Net = &qemu.Net{Forwards: []qemu.Forward{{HostPort: nextSSHPort, GuestPort: sshPort}}}
	m.Drives = slices.Clone(m.Drives)
	boots, format := p.tested()
	for _, t := range p.Outputs.Images {
		if t.Format == format {
			m.Drives[0].Path = t.Path
		}
	}
	ready := boots != diskFile // which is gone then
	if p.Firmware != nil && ready {
		m.Firmware, ready = pastedFirmware(*p.Firmware, p.arch.PflashSize)
	}
	if ready {
		n.Boot = m.Argv(qemu.Links{})
	}
	if user := p.Kickstart.SSHUser; user != "" {
		n.SSH = []string{"ssh", "-p", strconv.Itoa(nextSSHPort), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=" + os.DevNull, user + "@127.0.0.1"}
	}
	return n
}

// pastedFirmware uses the firmware's files as they are, where QEMU takes them so.
func pastedFirmware(p firmware.Pair, size int64) (*qemu.Firmware, bool) {
	for _, f := range []firmware.File{p.Code, p.Vars} {
		info, err := os.Stat(f.Path)
		switch {
		case f.Path == "":
		case err != nil, f.Format != p.Code.Format, f.Format == firmware.Raw && size != 0 && info.Size() != size:
			return nil, false
		}
	}
	return &qemu.Firmware{Code: p.Code.Path, Vars: p.Vars.Path, Format: string(p.Code.Format), SecureBoot: p.SMM, Snapshot: true}, true
}

// logins say who may log in to a system of the embedded kickstart, and with
// what; and which of them one would try over ssh.
func logins(o render.Options, known []string) (who []string, ssh string) {
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
		ssh = a.name
	}
	return who, ssh
}
