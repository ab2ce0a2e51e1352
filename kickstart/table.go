// The table's index, and the rows of what is gone.

package kickstart

import "sort"

// goneCommands are commands that RHEL 10 does not read any more.
var goneCommands = []CommandSpec{
	{Name: "auth", Also: []string{"authconfig"}, Raw: true, Help: "passed its words to authconfig",
		Instead: "authselect select sssd (or another profile)",
		History: History{EL: Span{Removed: 10}, Fedora: Span{Removed: 35}}},
	{Name: "autostep", Raw: true, Help: "walked through the screens of the installer",
		Instead: "nothing: the installer shows no screens that a kickstart answers",
		History: History{EL: Span{Deprecated: 9, Removed: 10}, Fedora: Span{Removed: 40}}},
	{Name: "btrfs", Raw: true, Many: true, Help: "creates a btrfs volume or subvolume",
		Instead: "part with --fstype=xfs, or volgroup and logvol",
		History: History{EL: Span{Deprecated: 8, Removed: 10}, AlmaLinux: true}},
	{Name: "device", Raw: true, Many: true, Help: "loaded a kernel module",
		Instead: "the kernel argument modules-load=NAME, or driverdisk",
		History: History{EL: Span{Deprecated: 8, Removed: 9}, Fedora: Span{Removed: 34}}},
	{Name: "deviceprobe", Raw: true, Help: "loaded kernel modules",
		Instead: "nothing: devices are found by themselves",
		History: History{EL: Span{Deprecated: 8, Removed: 9}, Fedora: Span{Removed: 34}}},
	{Name: "dmraid", Raw: true, Many: true, Help: "named a firmware RAID",
		Instead: "raid, or the name of the device in part --ondisk",
		History: History{EL: Span{Deprecated: 8, Removed: 9}, Fedora: Span{Removed: 34}}},
	{Name: "install", Raw: true, Help: "asked for an installation instead of an upgrade",
		Instead: "nothing: the installer always installs",
		History: History{EL: Span{Deprecated: 8, Removed: 9}, Fedora: Span{Removed: 34}}},
	{Name: "interactive", Raw: true, Help: "showed every screen with the kickstart's answers",
		Instead: "nothing: the installer asks what the kickstart does not answer",
		History: History{EL: Span{Removed: 7}, Fedora: Span{Removed: 20}}},
	{Name: "key", Raw: true, Help: "gave an installation number",
		Instead: "rhsm --organization=ID --activation-key=KEY",
		History: History{EL: Span{Removed: 7}, Fedora: Span{Absent: true}}},
	{Name: "langsupport", Raw: true, Help: "installed further languages",
		Instead: "lang LOCALE --addsupport=LOCALE,…",
		History: History{EL: Span{Removed: 6}, Fedora: Span{Removed: 8}}},
	{Name: "lilo", Also: []string{"lilocheck"}, Raw: true, Help: "installed LILO",
		Instead: "bootloader",
		History: History{EL: Span{Removed: 6}, Fedora: Span{Removed: 8}}},
	{Name: "method", Raw: true, Help: "stood for the command that names the source",
		Instead: "url, cdrom, nfs, harddrive or liveimg",
		History: History{EL: Span{Deprecated: 9, Removed: 10}, Fedora: Span{Removed: 40}}},
	{Name: "monitor", Raw: true, Help: "described the screen",
		Instead: "nothing: screens are found by themselves",
		History: History{EL: Span{Removed: 8}, Fedora: Span{Removed: 22}}},
	{Name: "mouse", Raw: true, Help: "described the mouse",
		Instead: "nothing: mice are found by themselves",
		History: History{EL: Span{Removed: 6}, Fedora: Span{Removed: 8}}},
	{Name: "multipath", Raw: true, Many: true, Help: "described a multipath device",
		Instead: "nothing: multipath devices are found by themselves",
		History: History{EL: Span{Deprecated: 8, Removed: 9}, Fedora: Span{Removed: 34}}},
	{Name: "nvdimm", Raw: true, Many: true, Help: "configured NVDIMM namespaces",
		Instead: "ndctl in a %pre script",
		History: History{EL: Span{Removed: 10}, Fedora: Span{Deprecated: 40}}},
	{Name: "unsupported_hardware", Raw: true, Help: "silenced the warning of unsupported hardware",
		Instead: "nothing: the installer does not ask any more",
		History: History{EL: Span{Removed: 8}, Fedora: Span{Absent: true}}},
	{Name: "upgrade", Raw: true, Help: "upgraded the system that was there",
		Instead: "leapp (or dnf system-upgrade) in the running system",
		History: History{EL: Span{Removed: 8}, Fedora: Span{Removed: 34}}},
}

var (
	allCommands  []*CommandSpec
	commandIndex = map[string]*CommandSpec{}
	allSections  []*SectionSpec
	sectionIndex = map[string]*SectionSpec{}
)

func init() {
	for _, rows := range [][]CommandSpec{bootCommands, goneCommands, installerCommands, networkCommands,
		packagesCommands, sourceCommands, storageCommands, systemCommands, usersCommands} {
		for i := range rows {
			c := &rows[i]
			allCommands = append(allCommands, c)
			commandIndex[c.Name] = c
			for _, name := range c.Also {
				commandIndex[name] = c
			}
		}
	}
	sort.Slice(allCommands, func(i, j int) bool { return allCommands[i].Name < allCommands[j].Name })
	for i := range sectionRows {
		s := &sectionRows[i]
		allSections = append(allSections, s)
		sectionIndex[s.Name] = s
	}
	sort.Slice(allSections, func(i, j int) bool { return allSections[i].Name < allSections[j].Name })
}
