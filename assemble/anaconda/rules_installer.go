package anaconda

// Rules for what Anaconda itself prints when it cannot go on.

var installerRules = []Rule{
	{
		Name: "kickstart-syntax", Channel: OnConsole, Who: Installer,
		Pattern: `An error occurred during reading the kickstart file:`,
		Sample: `An error occurred during reading the kickstart file:
The following problem occurred on line 12 of the kickstart file:

Unknown command: frobnicate

The installer will now terminate.`,
		Seen: "testdata/serial/failure-kickstart-syntax-pty.raw",
		Last: PhaseHub, Stands: PhaseComplete, Class: ClassKickstart, Rank: 89, Action: Fail, Block: Refusal,
		Meaning: "The installer refuses the kickstart.",
		Hint:    "correct the line that it names; imgasm kickstart lint FILE finds these before anything is booted",
	},
	{
		Name: "kickstart-syntax-pre", Channel: OnConsole, Who: Installer,
		Pattern: `^The following problem occurred on line (\d+) of the kickstart file:`,
		Sample: `Starting installer, one moment...
The following problem occurred on line 12 of the kickstart file:

Section %pre does not end with %end.
`,
		Seen:  "anaconda rhel-10 pyanaconda/kickstart.py, check_kickstart_error: the pass that looks for %pre, which prints nothing else and ends",
		First: PhaseInstaller, Last: PhaseInstaller, Class: ClassKickstart, Rank: 88, Action: Fail, Block: NextLine, NamesLine: true, Often: true,
		Meaning: "The installer refuses line $1 of the kickstart.",
		Hint:    hintLine,
	},
	{
		Name: "kickstart-syntax-read", Channel: OnConsole, Who: Installer,
		Pattern: `^There was a problem reading from line (\d+) of the kickstart file`,
		Sample:  "Starting installer, one moment...\nThere was a problem reading from line 12 of the kickstart file",
		Seen:    "pykickstart rhel10 errors.py, parser.py: an %include without a name, met in the pass that looks for %pre",
		First:   PhaseInstaller, Last: PhaseInstaller, Class: ClassKickstart, Rank: 88, Action: Fail, NamesLine: true,
		Meaning: "The installer refuses line $1 of the kickstart: an %include that names no file.",
		Hint:    hintLine,
	},
	{
		Name: "kickstart-gone", Channel: OnConsole, Who: Installer,
		Pattern: `^(?:\d\d:\d\d:\d\d )?Kickstart file (.*) is missing\.`,
		Sample:  "22:17:01 Kickstart file /run/install/ks.cfg is missing.",
		Seen:    "anaconda rhel-10 pyanaconda/startup_utils.py, find_kickstart",
		Last:    PhaseHub, Stands: PhaseComplete, Class: ClassKickstart, Rank: 80, Action: Fail,
		Meaning: "The installer was told of a kickstart that is not there: $1.",
		Hint:    "give the kickstart with {Kickstart} and leave inst.ks= out of {KernelArgs}",
	},
	{
		Name: "kickstart-warnings", Channel: OnConsole, Who: Installer,
		Pattern: `^Some warnings occurred during reading the kickstart file:`,
		Sample:  "Some warnings occurred during reading the kickstart file:",
		Seen:    "anaconda rhel-10 pyanaconda/kickstart.py, parseKickstart",
		Last:    PhaseHub, Class: ClassKickstart, Rank: 5, Action: Note, Block: Warnings,
		Meaning: "The installer accepts the kickstart but has something to say about it.",
		Hint:    "imgasm kickstart lint FILE shows the same, and where",
	},
	{
		Name: "not-root", Channel: OnConsole, Who: Installer,
		Pattern: `^anaconda must be run as root\.`,
		Sample:  "anaconda must be run as root.",
		Seen:    "anaconda rhel-10 anaconda.py",
		Last:    PhaseInstaller, Stands: PhaseComplete, Class: ClassInstaller, Rank: 60, Action: Fail,
		Meaning: "The installer was not started as root.",
		Hint:    "use an unmodified installer ISO: {ISO}",
	},
	{
		Name: "too-little-memory", Channel: OnConsole, Who: Installer,
		Pattern: `requires (\d+) MB of memory to install, but you only have (\d+) MB`,
		Sample:  "AlmaLinux requires 1070 MB of memory to install, but you only have 960 MB on this machine.",
		Seen:    "anaconda rhel-10 pyanaconda/startup_utils.py, check_memory",
		Last:    PhaseHub, Stands: PhaseComplete, Class: ClassMemory, Rank: 85, Action: Fail,
		Meaning: "The installer wants $1 MB of memory and the guest has $2 MB. It would now wait for ENTER for ever.",
		Hint:    hintMemory,
	},
	{
		Name: "installer-error", Channel: OnConsole, Who: Installer,
		Pattern: `The installation was stopped due to an error which occurred while running in`,
		Sample: `The installation was stopped due to an error which occurred while running in non-interactive cmdline mode. Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation.
The exact error message is:

Non interactive installation failed: something that no row of the table knows.

The installer will now terminate.`,
		Seen:  "testdata/serial/failure-package-missing-pty.raw",
		First: PhaseFirmware, Last: PhaseShutdown, Stands: PhaseComplete, Class: ClassInstaller, Rank: 32, Action: Collect, Block: ErrorMessage,
		Meaning: "The installer met an error and gave up, as it does when it may not ask questions.",
		Hint:    hintLogs,
	},
	{
		Name: "installer-error-untold", Channel: OnConsole, Who: Installer,
		Pattern: `^Non interactive installation failed: `,
		Sample:  "Non interactive installation failed: something that no row of the table knows.",
		Seen:    "anaconda rhel-10 pyanaconda/errors.py, cb: never translated, unlike the sentences before it",
		Last:    PhaseShutdown, Stands: PhaseComplete, Class: ClassInstaller, Rank: 31, Action: Collect, Block: WholeMessage,
		Meaning: "The installer met an error and gave up, as it does when it may not ask questions.",
		Hint:    hintLogs,
	},
	{
		Name: "installer-crash", Channel: OnConsole, Who: Installer,
		Pattern: `Running in cmdline mode, no interactive debugging allowed`,
		Sample: `Running in cmdline mode, no interactive debugging allowed.
The exact error message is:

'NoneType' object has no attribute 'format'.

The installer will now terminate.`,
		Seen: "anaconda rhel-10 pyanaconda/exception.py, handleException",
		Last: PhaseShutdown, Stands: PhaseComplete, Class: ClassCrash, Rank: 45, Action: Collect, Block: ErrorMessage,
		Meaning: "The installer crashed: a mistake of its own, or a situation that it did not foresee.",
		Hint:    "run it once more; if it happens again, the traceback in anaconda.log of the failure bundle is what the installer's developers need",
	},
	{
		Name: "installer-crash-menu", Channel: OnConsole, Who: Installer,
		Pattern: `An unknown error has occur(?:r)?ed`,
		Sample:  "An unknown error has occured, look at the /tmp/anaconda-tb* file(s) for more details",
		Seen:    "anaconda rhel-10 pyanaconda/exception.py (sic), python-meh",
		Last:    PhaseShutdown, Class: ClassCrash, Rank: 44, Action: Collect,
		Meaning: "The installer crashed and offers a menu that nobody will answer.",
		Hint:    "put cmdline instead of text or graphical into the kickstart, so that it says why and ends; the traceback is in anaconda.log of the failure bundle",
	},
	{
		Name: "hardware", Channel: OnConsole, Who: Installer,
		Pattern: `The installation was stopped due to what seems to be a problem with your hardware`,
		Sample:  "The installation was stopped due to what seems to be a problem with your hardware. The exact error message is:",
		Seen:    "anaconda rhel-10 pyanaconda/exception.py, _main_loop_handleException",
		Last:    PhaseShutdown, Class: ClassHardware, Rank: 60, Action: Fail,
		Meaning: "The installer could not read or write a drive.",
		Hint:    "check the host's disk and the ISO (imgasm source verify), then run it again",
	},
	{
		Name: "script-failed", Channel: OnConsole, Who: Installer,
		Pattern: `There was an error running the kickstart script at line (\d+)`,
		Sample: `================================================================================
================================================================================
Error

  There was an error running the kickstart script at line 2.  This is a fatal
  error and installation will be aborted.  The details of this error are:

  about to fail
`,
		Seen: "testdata/serial/failure-post-erroronfail-direct.raw",
		Last: PhaseShutdown, Stands: PhaseComplete, Class: ClassScript, Rank: 80, Action: Fail, Block: ScriptDialog, Script: true,
		Meaning: "A %pre-install or %post script that is marked --erroronfail ended with an error.",
		Hint:    hintScript,
	},
	{
		Name: "pre-script-failed", Channel: OnConsole, Who: Installer,
		Pattern: `^(?:pyanaconda\.[\w.]*)?ScriptError(?:: \((\d+), .*)?$`,
		Sample:  "pyanaconda.errors.ScriptError: (2, 'mount: /mnt: no such device')",
		Seen:    "anaconda rhel-10 pyanaconda/errors.py, kickstart.py (AnacondaKSScript.run)",
		Last:    PhaseHub, Stands: PhaseComplete, Class: ClassScript, Rank: 80, Action: Fail, Script: true,
		Meaning: "A %pre script marked --erroronfail ended with an error. The installer dies of it and the guest waits for ever.",
		Hint:    hintScript,
	},
	{
		Name: "installer-died", Channel: OnConsole, Who: Installer,
		Pattern: `^  File "(?:/usr)?/s?bin/anaconda", line \d+, in <module>`,
		Sample:  "Traceback (most recent call last):\n  File \"/sbin/anaconda\", line 443, in <module>",
		Seen:    "testdata/serial/failure-pane-dead-tmux.raw",
		Last:    PhasePost, Class: ClassCrash, Rank: 40, Action: Fail, When: uncaught, Block: Traceback,
		Meaning: "The installer died of an exception that nothing caught. The last line of its traceback says of what.",
		Hint:    "run it once more; if it happens again, the traceback in serial.log of the failure bundle is what the installer's developers need",
	},
	{
		Name: "installer-segfault", Channel: OnConsole, Who: Installer,
		Pattern: `^Fatal Python error: (.*)`,
		Sample:  "Fatal Python error: Segmentation fault",
		Seen:    "CPython 3.12 Modules/faulthandler.c, which anaconda.py enables",
		Last:    PhaseShutdown, Stands: PhaseComplete, Class: ClassCrash, Rank: 44, Action: Fail, When: incomplete,
		Meaning: "The installer's Python interpreter crashed: $1.",
		Hint:    "try {retry}; if it happens again, what serial.log of the failure bundle shows after it is what the installer's developers need",
	},
	{
		Name: "installer-arguments", Channel: OnConsole, Who: Installer,
		Pattern: `^anaconda: error: (.*)`,
		Sample:  "anaconda: error: argument --xtimeout: invalid int value: 'soon'",
		Seen:    "anaconda rhel-10 pyanaconda/argument_parsing.py (Python's argparse), for inst.xtimeout=soon",
		Last:    PhaseInstaller, Stands: PhaseComplete, Class: ClassInstaller, Rank: 70, Action: Fail,
		Meaning: "The installer does not understand one of its boot arguments: $1.",
		Hint:    "correct or leave out the inst. argument that was added with {KernelArgs}",
	},
	{
		Name: "installer-bus", Channel: OnConsole, Who: Installer,
		Pattern: `^(?:\d\d:\d\d:\d\d )?(DBus wasn't properly started!|Unable to start DBus session!)`,
		Sample:  "22:17:01 Unable to start DBus session!",
		Seen:    "anaconda rhel-10 pyanaconda/core/startup/dbus_launcher.py, anaconda.py",
		Last:    PhaseInstaller, Stands: PhaseComplete, Class: ClassInstaller, Rank: 48, Action: Fail,
		Meaning: "The installer could not start its message bus, and ends: $1",
		Hint:    "give the guest more memory ({MemoryMiB} 4G) and run it again; an unmodified installer ISO ({ISO}) has all that it needs",
	},
	{
		Name: "installer-terminates", Channel: OnConsole, Who: Installer,
		Pattern: `^\s*The installer will now terminate\.$`,
		Sample:  "The installer will now terminate.",
		Seen:    "anaconda rhel-10 pyanaconda/exception.py, kickstart.py: the end of messages of which tmux's screen does not hold the beginning",
		Last:    PhaseShutdown, Stands: PhaseComplete, Class: ClassInstaller, Rank: 24, Action: Collect, When: incomplete,
		Meaning: "The installer met an error and gave up.",
		Hint:    "the lines before it say why; the ends of the installer's logs are in the failure bundle (anaconda.log, packaging.log, storage.log, program.log)",
	},
	{
		Name: "remote-desktop", Channel: OnConsole, Who: Installer,
		Pattern: `GNOME remote desktop is now running\.`,
		Sample:  "22:57:41 GNOME remote desktop is now running.",
		Seen:    "anaconda rhel-10 pyanaconda/gnome_remote_desktop.py, for inst.rdp and the command rdp",
		Last:    PhaseHub, Class: ClassInstaller, Rank: 5, Action: Warn, Mute: true,
		Meaning: "The installer shows itself on a remote desktop. Its console says nothing from here on, neither of success nor of failure.",
		Hint:    "leave inst.rdp out of {KernelArgs} and rdp out of the kickstart",
	},
	{
		Name: "remote-desktop-failed", Channel: OnConsole, Who: Installer,
		Pattern: `(RDP user name or password not set|Could not start GNOME remote desktop)\. Aborting\.|GNOME remote desktop RDP: (Could not find network address: .*)`,
		Sample:  "22:57:41 RDP user name or password not set. Aborting.",
		Seen:    "anaconda rhel-10 pyanaconda/gnome_remote_desktop.py",
		Last:    PhaseHub, Stands: PhaseComplete, Class: ClassInstaller, Rank: 70, Action: Fail,
		Meaning: "The installer was to show itself on a remote desktop and could not: $1$2.",
		Hint:    "leave inst.rdp out of {KernelArgs} and rdp out of the kickstart",
	},
	{
		Name: "pane-dead", Channel: OnConsole, Who: Installer,
		Pattern: `^Pane is dead \(((?:status|signal) \w+)`,
		Sample:  "Pane is dead (status 1, Sun Nov 22 22:22:07 2026)",
		Seen:    "testdata/serial/failure-pane-dead-tmux.raw",
		Last:    PhaseShutdown, Stands: PhaseComplete, Class: ClassCrash, Rank: 20, Action: Fail, When: incomplete, Prompt: true,
		Meaning: "The installer ended (with $1) before the installation was complete, and tmux keeps its dead window.",
		Hint:    hintBefore,
	},
	{
		Name: "tmux-dead", Channel: OnConsole, Who: Installer,
		Pattern: `^\[(?:lost server|server exited unexpectedly)\]`,
		Sample:  "[server exited unexpectedly]",
		Seen:    "tmux client.c, client_exit_message",
		First:   PhaseStage2, Last: PhaseShutdown, Stands: PhaseComplete, Class: ClassCrash, Rank: 20, Action: Fail, When: incomplete,
		Meaning: "tmux, in which the installer ran, has died, and the installer with it.",
		Hint:    "give the guest more memory ({MemoryMiB} 4G) and run it again",
	},
	{
		Name: "installer-halted", Channel: OnConsole, Who: Installer,
		Pattern: `^anaconda halting due to nokill flag\.`,
		Sample:  "anaconda halting due to nokill flag.",
		Seen:    "anaconda rhel-10 anaconda.py, exitHandler",
		Class:   ClassInstaller, Rank: 35, Action: Fail, When: incomplete,
		Meaning: "The installer has ended and, because of inst.nokill, keeps the guest up.",
		Hint:    "leave inst.nokill out of {KernelArgs}; to look into the guest use {KeepVM}",
	},
	{
		Name: "error-dialog", Channel: OnConsole, Who: Installer,
		Pattern: `^(?:Error|Hardware error occurred)$`,
		Sample: `================================================================================
================================================================================
Error

  Something that no row of the table knows.
`,
		Seen: "testdata/serial/failure-post-erroronfail-pty.raw (the frame); anaconda rhel-10 pyanaconda/ui/tui/__init__.py, _showError",
		Last: PhaseShutdown, Class: ClassInstaller, Rank: 30, Action: Fail, When: inDialog, Block: Dialog,
		Meaning: "The installer shows an error and waits for ENTER, after which it would end.",
		Hint:    "the text above is the installer's own; put cmdline instead of text into the kickstart, so that it ends by itself",
	},
	{
		Name: "question-dialog", Channel: OnConsole, Who: Installer,
		Pattern: `^(?:Question|Warning)$`,
		Sample: `================================================================================
================================================================================
Question

  The following error occurred during the installation:

  something that no row of the table knows
`,
		Seen: "anaconda rhel-10 pyanaconda/ui/tui/__init__.py, _showYesNoQuestion",
		Last: PhaseShutdown, Class: ClassPrompt, Rank: 30, Action: Wait, When: inDialog, Block: Dialog,
		Meaning: "The installer asks whether to go on after an error, and nobody will answer.",
		Hint:    "the text above is the installer's own; put cmdline instead of text into the kickstart, so that a question becomes an error",
	},
	{
		Name: "packages-warning", Channel: OnConsole, Who: Installer,
		Pattern: `Some packages, groups or modules are (?:missing|broken)\.`,
		Sample:  "Starting automated install.Some packages, groups or modules are missing.",
		Seen:    "testdata/serial/failure-package-missing-pty.raw",
		Last:    PhaseHub, Stands: PhasePackages, Class: ClassPackages, Rank: 42, Action: Clue, Vague: true,
		Meaning: "The kickstart asks for packages or groups that the installation source does not have. The installer goes on until it comes to install them.",
		Hint:    hintPackages,
	},
	{
		Name: "hub-incomplete", Channel: OnConsole, Who: Installer,
		Pattern: `\[!\] `,
		Sample:  "5) [!] Installation Destination          6) [x] Network configuration",
		Seen:    "anaconda rhel-10, text mode with BIOS, GPT and no biosboot partition",
		First:   PhaseInstaller, Last: PhaseHub, Stands: PhasePackages, Class: ClassKickstart, Rank: 25, Action: Note, Block: HubMarks,
		Meaning: "The installer marks what the kickstart leaves open or gets wrong with [!]; below each stands why.",
		Hint:    "imgasm kickstart lint FILE says what an unattended installation needs: Installation Destination are the partitions (part or autopart, with clearpart), Installation source is cdrom or url, Software selection is %packages, Root password and User creation are rootpw and user",
	},
}
