package anaconda

// Rules for Anaconda's own log, on its virtio port or from its files.

var logRules = []Rule{
	{
		Name: "log-exception", Channel: OnLog,
		Pattern: `^(?:CRIT|CRITICAL|CRT) .*Traceback \(most recent call last\):`,
		Sample: `11:33:24,440 CRIT anaconda:anaconda: exception: Traceback (most recent call last):
11:33:24,440 CRIT anaconda:   File "/usr/lib64/python3.12/site-packages/pyanaconda/errors.py", line 261, in cb
11:33:24,440 CRIT anaconda: pyanaconda.errors.NonInteractiveError: Non interactive installation failed: something that no row of the table knows`,
		Seen:  "anaconda rhel-10 pyanaconda/exception.py, handleException; testdata/serial/failure-package-missing-pty.anaconda.log in the files' format",
		Class: ClassCrash, Rank: 31, Action: Collect, Block: LogTraceback, When: incomplete,
		Meaning: "The installer gave up with an exception.",
		Hint:    "the last line of the traceback says of what; the whole is in anaconda.log of the failure bundle",
	},
	{
		Name: "log-kickstart-syntax", Channel: OnLog,
		Pattern: `^ERR(?:OR)? .*The following problem occurred on line (\d+) of the kickstart file:`,
		Sample: `22:17:28,924 ERR kickstart.parsing: The following problem occurred on line 12 of the kickstart file:

Unknown command: frobnicate
`,
		Seen: "testdata/serial/failure-kickstart-syntax-pty.anaconda.log",
		Last: PhaseHub, Class: ClassKickstart, Rank: 88, Action: Collect, Block: LogLines, NamesLine: true,
		Meaning: "The installer refuses line $1 of the kickstart.",
		Hint:    hintLine,
	},
	{
		Name: "log-script", Channel: OnLog,
		Pattern: `Error code (\d+) running the kickstart script at line (\d+)`,
		Sample:  "11:40:02,118 ERR anaconda:anaconda: modules.runtime.scripts: Error code 7 running the kickstart script at line 18",
		Seen:    "anaconda rhel-10 pyanaconda/core/kickstart/scripts.py",
		Class:   ClassScript, Rank: 20, Action: Clue, Script: true, Often: true,
		Meaning: "A script of the kickstart ended with status $1. The installer names line $2, by a count of its own.",
		Hint:    "if the image misses something, correct the script; with --erroronfail the installation would fail",
	},
	{
		Name: "log-segfault", Channel: OnLog,
		Pattern: `(?:org\.fedoraproject\.Anaconda\.(\w+(?:\.\w+)*)|anaconda)(?:\[\d+\])?:.*Fatal Python error: (.*)`,
		Sample: `07:44:21,118 WARNING org.fedoraproject.Anaconda.Modules.Storage:Fatal Python error: Segmentation fault
07:44:21,118 WARNING org.fedoraproject.Anaconda.Modules.Storage:
07:44:21,119 WARNING org.fedoraproject.Anaconda.Modules.Storage:Current thread 0x00007f1c2a7fc6c0 (most recent call first):
07:44:21,119 WARNING org.fedoraproject.Anaconda.Modules.Storage:  File "/usr/lib64/python3.12/site-packages/gi/overrides/BlockDev.py", line 1093 in wrapped`,
		Seen:  "CPython 3.12 Modules/faulthandler.c in the form that rsyslog's template gives a module's lines; measured in a guest, but no recording holds it",
		Class: ClassCrash, Rank: 66, Action: Clue, Block: LogTraceback, When: incomplete,
		Meaning: "A part of the installer ($1) crashed: $2.",
		Hint:    "try {retry}; if it happens again, what anaconda.log of the failure bundle shows after it is what the installer's developers need",
	},
	{
		Name: "log-repository", Channel: OnLog,
		Pattern: `Curl error \(\d+\): |Status code: \d+ for |Failed to load metadata from |SourceSetupError: `,
		Sample:  "07:44:55,002 WARNING org.fedoraproject.Anaconda.Modules.Payloads:INFO:librepo:Error during transfer: Curl error (7): Could not connect to server for http://127.0.0.1:9/BaseOS/x86_64/os/repodata/repomd.xml [Failed to connect to 127.0.0.1 port 9 after 0 ms: Could not connect to server]",
		Seen:    "testdata/serial/failure-repo-unreachable-direct-hybrid.installer-packaging.log",
		Last:    PhasePackages, Class: ClassRepository, Rank: 40, Action: Clue, Detail: true, Often: true, Block: LogLines,
		Meaning: "The installer has trouble with an installation source.",
		Hint:    hintPackagingLog,
	},
	{
		Name: "log-dependencies", Channel: OnLog,
		Pattern: `nothing provides .* needed by|but none of the providers can be installed|cannot install both |package \S+ (?:conflicts with|obsoletes) .* provided by`,
		Sample:  "07:46:34,871 WARNING org.fedoraproject.Anaconda.Modules.Payloads:  - nothing provides ghost-that-is-nowhere >= 3 needed by needsghost-10.0-1.el10.x86_64 from AppStream",
		Seen:    "testdata/serial/failure-dependency-missing-direct-hybrid.installer-packaging.log",
		Last:    PhasePackages, Class: ClassPackages, Rank: 40, Action: Clue, Detail: true, Often: true, Block: LogLines,
		Meaning: "The packages that the kickstart asks for do not fit together.",
		Hint:    hintPackagingLog,
	},
	{
		Name: "log-out-of-memory", Channel: OnLog,
		Pattern: `kernel:.*Out of memory: Killed process (\d+) \(([^)]*)\)`,
		Sample:  "11:36:10,002 ERR kernel:Out of memory: Killed process 1801 (anaconda) total-vm:2411412kB",
		Seen:    "Linux mm/oom_kill.c, by rsyslog; weldr/lorax src/pylorax/monitor.py takes it for fatal",
		Class:   ClassMemory, Rank: 68, Action: Clue, When: incomplete,
		Meaning: "The guest ran out of memory and its kernel killed process $1 ($2).",
		Hint:    hintMemory,
	},
	{
		Name: "log-kernel", Channel: OnLog,
		Pattern: `kernel:.*(?:Call Trace:|I/O error)`,
		Sample:  "11:36:10,002 WARNING kernel:Call Trace:",
		Seen:    "Linux, by rsyslog; weldr/lorax src/pylorax/monitor.py takes it for fatal",
		Class:   ClassKernel, Rank: 14, Action: Note, When: incomplete,
		Meaning: "The guest's kernel reports trouble. It may go on.",
		Hint:    "nothing, unless the installation fails; then check the host's disk and try {retry}",
	},
	{
		Name: "log-packages", Channel: OnLog,
		Pattern: `Missed: NoSuchPackage|Some packages, groups or modules are missing|error populating transaction|unpacking of archive failed|[Ii]nsufficient disk space|Not enough disk space`,
		Sample:  "11:36:10,002 ERR anaconda:packaging: error: unpacking of archive failed on file /usr/bin/x: cpio: read failed - No space left on device",
		Seen:    "weldr/lorax src/pylorax/monitor.py",
		Class:   ClassPackages, Rank: 41, Action: Clue, When: incomplete,
		Meaning: "The installer has trouble with the packages.",
		Hint:    hintPackagingLog,
	},
	{
		Name: "log-coredump", Channel: OnLog,
		Pattern: `anaconda.*crashed on signal (\d+)`,
		Sample:  "11:36:10,002 CRIT anaconda:anaconda: main: Anaconda crashed on signal 11",
		Seen:    "anaconda rhel-10 pyanaconda/core/util.py; weldr/lorax src/pylorax/monitor.py takes it for fatal",
		Class:   ClassCrash, Rank: 45, Action: Collect, When: incomplete,
		Meaning: "The installer was killed by signal $1.",
		Hint:    "try {retry}",
	},
}
