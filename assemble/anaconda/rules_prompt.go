package anaconda

// Rules for prompts: the guest waits for an answer that nobody will give.

var promptRules = []Rule{
	{
		Name: "prompt-hub", Channel: OnConsole, Who: Installer,
		Pattern: `Please make a selection from the above`, Literal: "Please make a selection from the above",
		Sample: "Please make a selection from the above ['b' to begin installation, 'h' to help, 'q' to quit,",
		Seen:   "anaconda rhel-10, text mode with an incomplete kickstart (simpleline 1.9)",
		First:  PhaseFirmware, Last: PhasePost, Class: ClassPrompt, Rank: 18, Action: Wait,
		Meaning: "The installer runs in text mode and asks what to do: the kickstart does not answer all its questions, or was not found at all.",
		Hint:    "imgasm kickstart lint FILE says what an unattended installation needs; put cmdline instead of text into the kickstart, so that a question becomes an error",
	},
	{
		Name: "prompt-no-space", Channel: OnConsole, Who: Installer,
		Pattern: `Enter '.' to ignore the warning and attempt to install anyway`, Literal: "to ignore the warning and attempt to install anyway",
		Sample: "Enter 'b' to ignore the warning and attempt to install anyway.",
		Seen:   "anaconda rhel-10 pyanaconda/ui/tui/hubs/summary.py, prompt",
		Last:   PhaseHub, Class: ClassSpace, Rank: 78, Action: Wait,
		Meaning: "The file systems are too small for the packages that were chosen.",
		Hint:    "make the disk larger (--disk-size 20G), the partitions in the kickstart larger (part / --grow), or choose fewer packages",
	},
	{
		Name: "prompt-enter", Channel: OnConsole, Who: Installer,
		Pattern: `(?:^|\s)(?:Press|Hit) ENTER to (continue|exit)`, Literal: " ENTER to ",
		Sample: "Press ENTER to exit: ",
		Seen:   "testdata/serial/failure-post-erroronfail-pty.raw",
		Last:   PhasePost, Class: ClassPrompt, Rank: 12, Action: Wait, When: Incomplete,
		Meaning: "The installer waits for ENTER.",
		Hint:    "the lines before it say why; put cmdline instead of text into the kickstart, so that a question becomes an error",
	},
	{
		Name: "prompt-yes-no", Channel: OnConsole, Who: Installer,
		Pattern: `Please respond 'yes' or 'no'`, Literal: "Please respond 'yes' or 'no'",
		Sample: "Please respond 'yes' or 'no': ",
		Seen:   "anaconda rhel-10 (simpleline 1.9, YesNoDialog)",
		Last:   PhasePost, Class: ClassPrompt, Rank: 12, Action: Wait,
		Meaning: "The installer asks a question.",
		Hint:    "the lines before it are the question; put cmdline instead of text into the kickstart, so that a question becomes an error",
	},
	{
		Name: "prompt-crash", Channel: OnConsole, Who: Installer,
		Pattern: `Please make your choice from above`, Literal: "Please make your choice from above",
		Sample: "Please make your choice from above: ",
		Seen:   "python-meh 0.51 (meh/ui/text.py)",
		Last:   PhaseShutdown, Class: ClassCrash, Rank: 22, Action: Wait,
		Meaning: "The installer crashed and offers a menu.",
		Hint:    "put cmdline instead of text into the kickstart, so that it says why and ends; the traceback is in anaconda.log of the failure bundle",
	},
	{
		Name: "prompt-password", Channel: OnConsole, Who: Installer,
		Pattern: `^(?:Password|Passphrase)(?: \(confirm\))?:\s*$`, Literal: "Pass",
		Sample: "Password: ",
		Seen:   "anaconda rhel-10, text mode without rootpw or user (simpleline 1.9)",
		First:  PhaseInstaller, Last: PhaseHub, Class: ClassPrompt, Rank: 16, Action: Wait,
		Meaning: "The installer asks for a password that the kickstart does not give.",
		Hint:    "give it with --root-password or --user and --password, or with rootpw or user in the kickstart",
	},
	{
		Name: "waits-for-enter", Channel: OnConsole, Who: Installer,
		Pattern: `Installation complete\. Press ENTER to quit`, Literal: "Press ENTER to quit",
		Sample: "Installation complete. Press ENTER to quit: ",
		Seen:   "testdata/serial/success-waits-for-enter-pty.raw",
		Class:  ClassKickstart, Rank: 5, Action: Warn,
		Meaning: "The installation is complete, but the installer waits for ENTER: the kickstart does not say what comes after it.",
		Hint:    "add poweroff to the kickstart",
	},
}
