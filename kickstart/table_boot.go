// Rows of the table: the boot loader.

package kickstart

var bootCommands = []CommandSpec{
	{
		Name: "bootloader",
		Help: "says how and where the boot loader is installed",
		Options: []OptionSpec{
			{Names: []string{"--append"}, Type: TypeString, Value: "TEXT", Help: "kernel arguments of the installed system"},
			{Names: []string{"--location"}, Type: TypeString, Value: "PLACE", Choices: []string{"mbr", "partition", "none", "boot"}, Default: "mbr", Help: "where the boot loader goes"},
			{Names: []string{"--password"}, Type: TypeString, Value: "TEXT", Help: "the boot loader's password"},
			{Names: []string{"--driveorder"}, Type: TypeList, Value: "DISK,…", Help: "the order of the disks in the firmware"},
			{Names: []string{"--timeout"}, Type: TypeInt, Value: "SECONDS", Help: "how long the boot menu waits"},
			{Names: []string{"--default"}, Type: TypeString, Value: "NAME", Help: "the default entry"},
			{Names: []string{"--iscrypted"}, Help: "the password is hashed already"},
			{Names: []string{"--md5pass"}, Type: TypeString, Value: "HASH", Help: "the password as an MD5 hash"},
			{Names: []string{"--boot-drive"}, Type: TypeString, Value: "DISK", Help: "the disk to boot from"},
			{Names: []string{"--leavebootorder"}, Help: "leaves the firmware's boot order alone"},
			{Names: []string{"--extlinux"}, Help: "installs extlinux"},
			{Names: []string{"--disabled"}, Help: "installs no boot loader"},
			{Names: []string{"--nombr"}, Help: "writes the boot loader's files only, not the MBR"},
			{Names: []string{"--sdboot"}, Help: "installs systemd-boot", History: History{EL: Span{Since: 10}}},
			{Names: []string{"--upgrade"}, Help: "kept the boot loader that was there", Instead: "nothing: it had no effect", History: History{EL: Span{Deprecated: 8, Removed: 9}, Fedora: Span{Removed: 34}}},
		},
	},
	{
		Name: "zipl",
		Help: "sets the secure boot of IBM Z",
		Options: []OptionSpec{
			{Names: []string{"--secure-boot"}, Help: "on if the machine can"},
			{Names: []string{"--force-secure-boot"}, Help: "on"},
			{Names: []string{"--no-secure-boot"}, Help: "off"},
		},
	},
}
