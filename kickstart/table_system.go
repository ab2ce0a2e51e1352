// Rows of the table: the settings of the installed system.

package kickstart

var systemCommands = []CommandSpec{
	{
		Name: "authselect",
		Help: "passes its words to authselect in the installed system",
		Raw:  true,
	},
	{
		Name: "eula",
		Help: "accepts the end user licence agreement",
		Options: []OptionSpec{
			{Names: []string{"--agreed", "--agree", "--accepted", "--accept"}, Help: "accepts it"},
		},
	},
	{
		Name: "firewall",
		Help: "sets up the firewall of the installed system",
		Options: []OptionSpec{
			{Names: []string{"--disable", "--disabled"}, Help: "no firewall"},
			{Names: []string{"--enable", "--enabled"}, Help: "a firewall that refuses what is not asked for from inside"},
			{Names: []string{"--port"}, Type: TypePorts, Value: "PORT:PROTOCOL,…", Repeats: true, Help: "ports to open"},
			{Names: []string{"--trust"}, Type: TypeString, Value: "DEVICE", Repeats: true, Help: "a device whose traffic is let through"},
			{Names: []string{"--service"}, Type: TypeList, Value: "NAME,…", Repeats: true, Help: "services to let in"},
			{Names: []string{"--ftp"}, Help: "lets FTP in"},
			{Names: []string{"--http"}, Help: "lets HTTP in"},
			{Names: []string{"--smtp"}, Help: "lets SMTP in"},
			{Names: []string{"--ssh"}, Help: "lets SSH in"},
			{Names: []string{"--remove-service"}, Type: TypeList, Value: "NAME,…", Repeats: true, Help: "services to keep out"},
			{Names: []string{"--use-system-defaults"}, Help: "leaves the firewall as the packages set it up"},
		},
	},
	{
		Name: "firstboot",
		Help: "says whether the set-up assistant runs at the first boot",
		Options: []OptionSpec{
			{Names: []string{"--disable", "--disabled"}, Help: "it does not run"},
			{Names: []string{"--enable", "--enabled"}, Help: "it runs"},
			{Names: []string{"--reconfig"}, Help: "it runs and asks everything again"},
		},
	},
	{
		Name: "keyboard",
		Help: "sets the keyboard layouts",
		Positionals: []PositionalSpec{
			{Name: "layout", Count: Any, Type: TypeString, Help: "a keymap or layout, converted to what is missing"},
		},
		Options: []OptionSpec{
			{Names: []string{"--vckeymap"}, Type: TypeString, Value: "NAME", Help: "the console's keymap"},
			{Names: []string{"--xlayouts"}, Type: TypeList, Value: "LAYOUT,…", Help: "the graphical layouts"},
			{Names: []string{"--switch"}, Type: TypeList, Value: "OPTION,…", Help: "how to switch between layouts"},
		},
	},
	{
		Name: "lang",
		Help: "sets the language of the installer and of the installed system",
		Positionals: []PositionalSpec{
			{Name: "locale", Count: One, Type: TypeString, Help: "the locale, as in en_US.UTF-8"},
		},
		Options: []OptionSpec{
			{Names: []string{"--addsupport"}, Type: TypeList, Value: "LOCALE,…", Help: "further languages"},
		},
	},
	{
		Name: "realm",
		Help: "joins an Active Directory or IPA domain",
		Raw:  true,
	},
	{
		Name: "rhsm",
		Help: "registers the system with Red Hat subscription management",
		Options: []OptionSpec{
			{Names: []string{"--organization"}, Type: TypeString, Value: "ID", Required: true, Help: "the organization"},
			{Names: []string{"--activation-key"}, Type: TypeString, Value: "KEY", Required: true, Repeats: true, Help: "an activation key"},
			{Names: []string{"--connect-to-insights"}, Help: "connects to Red Hat Insights"},
			{Names: []string{"--proxy"}, Type: TypeString, Value: "URL", Help: "the proxy"},
			{Names: []string{"--server-hostname"}, Type: TypeString, Value: "HOST", Help: "the server"},
			{Names: []string{"--rhsm-baseurl"}, Type: TypeString, Value: "URL", Help: "the content server"},
			{Names: []string{"--flatpak-registry-url"}, Type: TypeString, Value: "URL", Help: "the Flatpak registry", History: History{EL: Span{Since: 10}, Fedora: Span{Absent: true}}},
		},
		History: History{Fedora: Span{Absent: true}},
	},
	{
		Name: "selinux",
		Help: "sets the SELinux mode of the installed system",
		Options: []OptionSpec{
			{Names: []string{"--disabled"}, Help: "off"},
			{Names: []string{"--enforcing"}, Help: "on"},
			{Names: []string{"--permissive"}, Help: "only logs"},
		},
	},
	{
		Name: "services",
		Help: "enables and disables systemd services",
		Options: []OptionSpec{
			{Names: []string{"--disabled"}, Type: TypeList, Value: "NAME,…", Help: "services to disable"},
			{Names: []string{"--enabled"}, Type: TypeList, Value: "NAME,…", Help: "services to enable"},
		},
	},
	{
		Name: "skipx",
		Help: "leaves the graphical system of the installed system alone",
	},
	{
		Name: "syspurpose",
		Help: "records the purpose of the system for subscriptions",
		Options: []OptionSpec{
			{Names: []string{"--role"}, Type: TypeString, Value: "TEXT", Help: "the role"},
			{Names: []string{"--sla"}, Type: TypeString, Value: "TEXT", Help: "the service level"},
			{Names: []string{"--usage"}, Type: TypeString, Value: "TEXT", Help: "the usage"},
			{Names: []string{"--addon"}, Type: TypeString, Value: "TEXT", Repeats: true, Help: "an add-on"},
		},
		History: History{Fedora: Span{Absent: true}},
	},
	{
		Name: "timesource",
		Help: "sets where the clock is synchronised from",
		Options: []OptionSpec{
			{Names: []string{"--ntp-server"}, Type: TypeString, Value: "HOST", Help: "a server"},
			{Names: []string{"--ntp-pool"}, Type: TypeString, Value: "HOST", Help: "a pool of servers"},
			{Names: []string{"--ntp-disable"}, Help: "no synchronisation"},
			{Names: []string{"--nts"}, Help: "uses network time security"},
		},
		Many:    true,
		History: History{EL: Span{Since: 9}},
	},
	{
		Name: "timezone",
		Help: "sets the time zone",
		Positionals: []PositionalSpec{
			{Name: "timezone", Count: Any, Type: TypeString, Help: "the zone, as in Europe/Paris"},
		},
		Options: []OptionSpec{
			{Names: []string{"--utc"}, Help: "the hardware clock keeps UTC"},
			{Names: []string{"--isUtc"}, Help: "the hardware clock keeps UTC", Instead: "--utc", History: History{EL: Span{Removed: 10}, Fedora: Span{Deprecated: 40}}},
			{Names: []string{"--nontp"}, Help: "no time synchronisation", Instead: "timesource --ntp-disable", History: History{EL: Span{Removed: 10}, Fedora: Span{Deprecated: 40}}},
			{Names: []string{"--ntpservers"}, Type: TypeList, Value: "HOST,…", Help: "the time servers", Instead: "timesource --ntp-server=HOST, once for each", History: History{EL: Span{Removed: 10}, Fedora: Span{Deprecated: 40}}},
		},
	},
	{
		Name: "xconfig",
		Help: "configures the graphical system of the installed system",
		Options: []OptionSpec{
			{Names: []string{"--defaultdesktop"}, Type: TypeString, Value: "GNOME or KDE", Help: "the default desktop"},
			{Names: []string{"--startxonboot"}, Help: "logs in graphically"},
		},
	},
}
