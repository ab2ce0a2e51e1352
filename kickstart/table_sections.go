// Rows of the table: the sections.

package kickstart

// scriptOptions are the options of all sections that hold a program.
var scriptOptions = []OptionSpec{
	{Names: []string{"--erroronfail"}, Help: "ends the installation if the script fails"},
	{Names: []string{"--interpreter"}, Type: TypeString, Value: "PATH", Default: "/bin/sh", Help: "the program that runs the script"},
	{Names: []string{"--log", "--logfile"}, Type: TypeString, Value: "PATH", Help: "the file that takes the script's output"},
}

var sectionRows = []SectionSpec{
	{Name: "%addon", Raw: true, Help: "configures an add-on of the installer, as in %addon com_redhat_kdump"},
	{Name: "%anaconda", Raw: true, Help: "configured the installer itself",
		Instead: "nothing: the installer reads /etc/anaconda/conf.d only",
		// Validators read it in RHEL 10 too; the installer stops at it.
		History: History{EL: Span{Deprecated: 9, Removed: 10}, Fedora: Span{Deprecated: 34, Removed: 40}}},
	{Name: "%certificate", Help: "installs a certificate in the installer and in the installed system",
		Options: []OptionSpec{
			{Names: []string{"--filename"}, Type: TypeString, Value: "NAME", Required: true, Help: "the file's name"},
			{Names: []string{"--dir"}, Type: TypeString, Value: "PATH", Help: "the directory to put it in"},
			{Names: []string{"--type"}, Type: TypeString, Value: "anchor", Help: "puts it where certificates of this type belong"},
		}},
	{Name: "%onerror", Script: true, Help: "runs when the installation fails", Options: scriptOptions},
	{Name: "%packages", Help: "lists what to install", Options: []OptionSpec{
		{Names: []string{"--excludedocs"}, Help: "installs no documentation"},
		{Names: []string{"--ignoremissing"}, Help: "goes on without the packages that are not there"},
		{Names: []string{"--default"}, Help: "adds the default environment"},
		{Names: []string{"--multilib"}, Help: "installs packages for all architectures of the platform"},
		{Names: []string{"--nocore"}, Help: "leaves out the core group, which is installed otherwise"},
		{Names: []string{"--timeout"}, Type: TypeInt, Value: "SECONDS", Help: "how long to wait for a server"},
		{Names: []string{"--retries"}, Type: TypeInt, Value: "COUNT", Help: "how often to try a download"},
		{Names: []string{"--inst-langs"}, Type: TypeString, Value: "LOCALE,…", Help: "the languages whose files are installed",
			History: History{EL: Span{Since: 9}}},
		{Names: []string{"--exclude-weakdeps"}, Help: "installs no recommended packages", History: History{EL: Span{Since: 9}}},
		{Names: []string{"--instLangs"}, Type: TypeString, Value: "LOCALE,…", Help: "the languages whose files are installed",
			Instead: "--inst-langs", History: History{EL: Span{Removed: 10}, Fedora: Span{Deprecated: 40}}},
		{Names: []string{"--excludeWeakdeps"}, Help: "installs no recommended packages",
			Instead: "--exclude-weakdeps", History: History{EL: Span{Removed: 10}, Fedora: Span{Deprecated: 40}}},
		{Names: []string{"--ignorebroken"}, Help: "goes on without the packages that cannot be installed",
			Instead: "nothing: exclude the packages by name", History: History{EL: Span{Absent: true}}},
		{Names: []string{"--nobase"}, Help: "left out the base group",
			Instead: "nothing: there is no base group", History: History{EL: Span{Removed: 8}, Fedora: Span{Removed: 22}}},
		{Names: []string{"--ignoredeps", "--resolvedeps"}, Help: "said what to do with dependencies",
			Instead: "nothing: dependencies are installed", History: History{EL: Span{Removed: 6}, Fedora: Span{Removed: 9}}},
	}},
	{Name: "%post", Script: true, Help: "runs in the installed system when the packages are installed",
		Options: append([]OptionSpec{
			{Names: []string{"--nochroot"}, Help: "runs in the installer instead; the installed system is at /mnt/sysroot"},
		}, scriptOptions...)},
	{Name: "%pre", Script: true, Help: "runs in the installer before anything else; may write files to %include", Options: scriptOptions},
	{Name: "%pre-install", Script: true, Help: "runs in the installer when the file systems are mounted at /mnt/sysroot", Options: scriptOptions},
	{Name: "%traceback", Script: true, Help: "runs when the installer crashes", Options: scriptOptions,
		Instead: "%onerror", History: History{EL: Span{Deprecated: 9}, Fedora: Span{Deprecated: 34}}},
}
