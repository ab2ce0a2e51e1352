// The order of commands in a formatted file.

package kickstart

// topics are the groups of commands, in the order of a formatted file.
// Commands of which one replaces or refuses another are in the same group,
// where they keep their order.
var topics = [][]string{
	// how the installer runs
	{"text", "cmdline", "graphical", "rdp", "vnc", "autostep", "interactive", "install", "upgrade", "rescue",
		"eula", "firstboot", "logging", "mediacheck", "updates", "driverdisk", "unsupported_hardware", "device", "deviceprobe"},
	// where packages come from
	{"url", "cdrom", "nfs", "harddrive", "hmc", "liveimg", "method", "ostreesetup", "ostreecontainer", "bootc",
		"repo", "module", "rhsm", "syspurpose", "key"},
	// language and time
	{"lang", "langsupport", "keyboard", "mouse", "timezone", "timesource"},
	// network
	{"network", "firewall", "realm"},
	// accounts
	{"auth", "authselect", "rootpw", "group", "user", "sshkey", "sshpw"},
	// the installed system
	{"selinux", "services", "skipx", "xconfig", "monitor"},
	// storage
	{"iscsiname", "iscsi", "fcoe", "zfcp", "nvdimm", "multipath", "dmraid", "ignoredisk", "zerombr", "clearpart",
		"bootloader", "zipl", "lilo", "autopart", "reqpart", "part", "raid", "volgroup", "logvol", "btrfs", "mount", "snapshot"},
	// the end
	{"reboot", "poweroff", "shutdown", "halt"},
}

var topicIndex = map[string]int{}

func init() {
	for i, names := range topics {
		for _, name := range names {
			topicIndex[name] = i + 1
		}
	}
}

// topicOf is the number of a command's topic from 1, 0 for a command that the
// table does not know.
func topicOf(c *Command) int {
	spec, ok := LookupCommand(c.Name())
	if !ok {
		return 0
	}
	return topicIndex[spec.Name]
}
