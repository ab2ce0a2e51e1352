// Rows of the table: how the installer runs and ends.

package kickstart

// uiOptions are the options of the user interfaces.
var uiOptions = []OptionSpec{
	{Names: []string{"--non-interactive"}, Help: "ends the installation instead of asking"},
}

// endOptions are the options of what to do at the end.
var endOptions = []OptionSpec{
	{Names: []string{"--eject"}, Help: "ejects the medium first"},
	{Names: []string{"--kexec"}, Help: "starts the new kernel without the firmware"},
}

var installerCommands = []CommandSpec{
	{
		Name:    "cmdline",
		Help:    "installs without a user interface; a question ends the installation",
		Options: uiOptions,
	},
	{
		Name: "driverdisk",
		Help: "loads drivers from a disk or a URL",
		Positionals: []PositionalSpec{
			{Name: "partition", Count: Any, Type: TypeString, Help: "the partition to load from"},
		},
		Options: []OptionSpec{
			{Names: []string{"--source"}, Type: TypeString, Value: "URL", Help: "where to load from"},
			{Names: []string{"--biospart"}, Type: TypeString, Value: "DISK:PART", Help: "a partition by its BIOS number"},
		},
		Many: true,
	},
	{
		Name:    "graphical",
		Help:    "installs with the graphical user interface",
		Options: uiOptions,
	},
	{
		Name:    "halt",
		Help:    "shows a message and waits for a key when the installation is done",
		Options: endOptions,
	},
	{
		Name: "logging",
		Help: "sends the installer's log to another host",
		Options: []OptionSpec{
			{Names: []string{"--host"}, Type: TypeString, Value: "HOST", Help: "the host"},
			{Names: []string{"--port"}, Type: TypeString, Value: "PORT", Help: "its port"},
			{Names: []string{"--level"}, Type: TypeString, Value: "LEVEL", Help: "the least level logged", Instead: "nothing: everything is logged", History: History{EL: Span{Deprecated: 9, Removed: 10}, Fedora: Span{Removed: 40}}},
		},
	},
	{
		Name: "mediacheck",
		Help: "checks the installation medium first",
	},
	{
		Name:    "poweroff",
		Help:    "powers the machine off when the installation is done",
		Options: endOptions,
	},
	{
		Name: "rdp",
		Help: "offers the installer's screen over RDP",
		Options: []OptionSpec{
			{Names: []string{"--username"}, Type: TypeString, Value: "NAME", Help: "the user to log in as"},
			{Names: []string{"--password"}, Type: TypeString, Value: "TEXT", Help: "the password"},
		},
		History: History{EL: Span{Since: 10}},
	},
	{
		Name:    "reboot",
		Help:    "reboots when the installation is done",
		Options: endOptions,
	},
	{
		Name: "rescue",
		Help: "starts the rescue mode instead of an installation",
		Options: []OptionSpec{
			{Names: []string{"--nomount"}, Help: "mounts nothing"},
			{Names: []string{"--romount"}, Help: "mounts read-only"},
		},
	},
	{
		Name:    "shutdown",
		Help:    "powers the machine off when the installation is done",
		Options: endOptions,
	},
	{
		Name:    "text",
		Help:    "installs with the text user interface",
		Options: uiOptions,
	},
	{
		Name: "updates",
		Help: "loads an updates image for the installer",
		Positionals: []PositionalSpec{
			{Name: "url", Count: One, Type: TypeString, Help: "where the image is"},
		},
	},
	{
		Name: "vnc",
		Help: "offered the installer's screen over VNC",
		Raw:  true,
		Options: []OptionSpec{
			{Names: []string{"--password"}, Type: TypeString, Value: "TEXT", Help: "the password"},
			{Names: []string{"--host"}, Type: TypeString, Value: "HOST", Help: "connected to the VNC viewer that listens on this host, instead of waiting for one"},
			{Names: []string{"--port"}, Type: TypeString, Value: "PORT", Help: "the port on which the viewer of --host listens"},
		},
		Instead: "the boot option inst.rdp, or rdp",
		History: History{EL: Span{Deprecated: 10}, Fedora: Span{Deprecated: 42}},
	},
}
