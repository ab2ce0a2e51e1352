package replay

import (
	"bytes"
	"strings"
	"testing"
)

// Recorded consoles with something added or taken away: what looks like the
// contrary and is not.

// scary is what scripts print and units say without anything having failed.
var scary = []string{
	"Kernel panic - not syncing: only a test of the alarm",
	"Traceback (most recent call last):",
	`  File "/usr/bin/myscript", line 3, in <module>`,
	"ValueError: not a problem",
	"Exception ignored in atexit callback <function exitHandler at 0x7f0000000000>:",
	"An unknown error has happened in my script",
	"[FAILED] Failed to start multipathd.service - Device-Mapper Multipath Device Controller.",
	"[DEPEND] Dependency failed for proc-sys-fs-binfmt_misc.automount.",
	"Warning: Could not boot. (quoted)",
	"Entering emergency mode. Exit the shell to continue.",
	"Failed to start sshd.service",
	"error: ../../grub-core/fs/fshelp.c:257:file `/x' not found.",
	"The following problem occurred on line 4 of the kickstart file:",
	"Error code 7 running the kickstart script at line 18",
	"python-meh: libreport is not available in this environment - bug reporting disabled",
	"No space left on device",
	"** (process:2343): WARNING **: 23:09:33.123: failed",
	"Error",
	"Warning: something",
	"Question",
	"Oops: that was a joke",
	"Pane is deadly",
	"reboot: Power down",
	"Out of memory: Killed process 12 (yes)",
	"grub> ",
	"Shell>",
	"Press any key to continue...",
	"Installing error-handling.noarch (3/12)",
	"Installing kernel-panic-tools.x86_64 (4/12)",
	"Installing Complete!.noarch (5/12)",
	"Configuring pane-is-dead.noarch",
}

// prefixed gives lines the prefix of the real ones around them.
func prefixed(prefix string, lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(prefix + l + "\r\n")
	}
	return b.String()
}

// before inserts text before the first line that contains marker.
func before(t *testing.T, raw []byte, marker, text string) []byte {
	t.Helper()
	at := bytes.Index(raw, []byte(marker))
	if at < 0 {
		t.Fatalf("no %q in the recording", marker)
	}
	at = bytes.LastIndexByte(raw[:at], '\n') + 1
	return bytes.Join([][]byte{raw[:at], []byte(text), raw[at:]}, nil)
}

// upTo cuts after the first line that contains marker.
func upTo(t *testing.T, raw []byte, marker string) []byte {
	t.Helper()
	at := bytes.Index(raw, []byte(marker))
	if at < 0 {
		t.Fatalf("no %q in the recording", marker)
	}
	if end := bytes.IndexByte(raw[at:], '\n'); end >= 0 {
		return bytes.Clone(raw[:at+end+1])
	}
	return raw
}

func verdictOf(t *testing.T, raw []byte, want string) {
	t.Helper()
	got := replay(t, raw)
	if got.Verdict.String() == want {
		return
	}
	if got.Failure != nil {
		t.Errorf("verdict %v by rule %s: %v", got.Verdict, got.Failure.Rule, got.Failure.Lines)
		return
	}
	t.Errorf("verdict %v in phase %v, want %s", got.Verdict, got.Phase, want)
}

// noise is what the kernel and other programs say while all goes well.
var noise = []string{
	"[  440.102113] INFO: task kworker/0:1:12 blocked for more than 122 seconds.",
	"[  440.102114] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [rpm:2345]",
	"[  440.102115] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
	"[  440.102116] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 33s!",
	"[  440.102117] I/O error, dev sr0, sector 0 op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 0",
	"[  440.102118] Buffer I/O error on dev sr1, logical block 0, async page read",
	"[  440.102119] Out of memory: Killed process 1801 (dnf) total-vm:2411412kB, anon-rss:1233140kB",
	"[  440.102120] XFS (vda2): Mounting V5 Filesystem",
	"[  440.102121] systemd[1]: Failed to start kdump.service - Crash recovery kernel arming.",
	"[  440.102122] systemd-journald[512]: Failed to send WATCHDOG=1 notification message: Connection refused",
	"[  440.102123] dracut-initqueue[834]: Warning: dracut-initqueue: timeout, still waiting for following initqueue hooks:",
	"[  440.102124] mount[99]: mount: /media/DD-1: WARNING: source write-protected, mounted read-only.",
	"[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mkdump.service\x1b[0m - Crash recovery kernel arming.",
	"See 'systemctl status kdump.service' for details.",
	"[\x1b[0;1;38;5;185mDEPEND\x1b[0m] Dependency failed for \x1b[0;1;39mx.mount\x1b[0m - /x.",
	"[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39manaconda.service\x1b[0m - Anaconda.",
	"[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39manaconda.target\x1b[0m - Anaconda.",
}

// Noise and scripts' words between any two lines of a success change nothing.
func TestNoiseAnywhereInASuccess(t *testing.T) {
	text := []byte(prefixed("", append(append([]string(nil), noise...), scary...)))
	for _, name := range []string{"success-direct", "success-pty", "success-tmux"} {
		raw := consoles(t)[name]
		start := bytes.Index(raw, []byte("Starting installer"))
		for at := start; at < len(raw); at += bytes.IndexByte(raw[at:], '\n') + 1 {
			if at > start {
				got := replay(t, bytes.Join([][]byte{raw[:at], text, raw[at:]}, nil))
				if got.Verdict.String() != "success" {
					t.Errorf("%s, byte %d, before %q: %v by %q", name, at, raw[at:min(len(raw), at+60)], got.Verdict, Summary(got).Rule)
				}
			}
			if bytes.IndexByte(raw[at:], '\n') < 0 {
				break
			}
		}
	}
}

func TestScaryTextInASuccess(t *testing.T) {
	all := consoles(t)
	markers := map[string][]string{
		"success-direct": {"anaconda[2343]: Installing the software", "anaconda[2343]: Complete!"},
		"success-pty":    {"Installing the software", "Complete!"},
		"success-tmux":   {"Installing the software", "Complete!"},
	}
	for name, places := range markers {
		raw := all[name]
		for _, marker := range places {
			t.Run(name+" at "+marker, func(t *testing.T) {
				for _, line := range scary {
					edited := before(t, raw, marker, line+"\r\n")
					verdictOf(t, edited, "success")
					if t.Failed() {
						t.Fatalf("with %q", line)
					}
				}
				verdictOf(t, before(t, raw, marker, prefixed("", scary)), "success")
			})
		}
	}
	t.Run("by journald under another name", func(t *testing.T) {
		verdictOf(t, before(t, all["success-direct"], "anaconda[2343]: Complete!", prefixed("[  512.000000] myscript[99]: ", scary)), "success")
	})
	t.Run("after the end", func(t *testing.T) {
		verdictOf(t, before(t, all["success-direct"], "Powering off.", prefixed("", scary)), "success")
	})
	t.Run("in the system that boots after it", func(t *testing.T) {
		more := "[    0.000000] Linux version 6.12.0\r\n[    5.000000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\nlocalhost login: "
		verdictOf(t, append(bytes.Clone(all["success-tmux"]), more...), "success")
		quiet := "[    5.000000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n"
		verdictOf(t, append(upTo(t, all["success-direct"], "license agreement"), quiet...), "success")
		verdictOf(t, append(bytes.Clone(all["success-pty"]), more...), "success") // though nothing says that the first went down
	})
}

// A script that says what the installer would say proves nothing, whatever
// comes next.
func TestWordsOfSuccessInAFailure(t *testing.T) {
	all := consoles(t)
	good := []string{"Complete!", "Installation complete", "Use of this product is subject to the license agreement found at:"}
	direct, pty := all["failure-post-erroronfail-direct"], all["failure-post-erroronfail-pty"]
	for _, text := range good {
		verdictOf(t, before(t, direct, "There was an error running", text+"\r\n"), "failure")
		verdictOf(t, append(bytes.Clone(direct), "[  798.300000] anaconda[2345]:   "+text+"\r\n"...), "failure")
		verdictOf(t, before(t, pty, "  goodbye", "  "+text+"\r\n"), "failure")
		verdictOf(t, before(t, pty, "  error and installation will", text+"\r\n"), "failure")
	}
	// dnf in %post says Complete!, then the script fails.
	dnf := "Installed:\r\n  tree-2.1.0-8.el10.x86_64\r\n\r\nComplete!\r\n"
	verdictOf(t, before(t, pty, "Error\r\n", dnf), "failure")
	// The installer's own last words are "Complete!" only after its dots.
	running := upTo(t, all["success-pty"], "Running post-installation scripts")
	verdictOf(t, append(bytes.Clone(running), dnf...), "running")
	verdictOf(t, append(upTo(t, all["success-direct"], "Running post-installation scripts"), dnf...), "running")
	for _, text := range good {
		verdictOf(t, append(bytes.Clone(running), text+"\r\n"...), "running")
	}
	// Nor are a script's own dots before its dnf those.
	verdictOf(t, append(bytes.Clone(running), "waiting for the mirror\r\n....\r\n"+dnf...), "running")
	// A guest that goes down after that has failed.
	verdictOf(t, append(append(bytes.Clone(running), dnf...), "[  600.000000] reboot: Power down\r\n"...), "failure")
	// dnf in %pre, long before.
	verdictOf(t, before(t, pty, "Starting automated install", dnf), "failure")
}

func TestEndsOfRecordings(t *testing.T) {
	all := consoles(t)
	direct := all["success-direct"]
	tests := []struct {
		name string
		raw  []byte
		want string
	}{
		{"nothing", nil, "running"},
		{"one letter", []byte("a"), "running"},
		{"up to the packages", upTo(t, direct, "(6/12)"), "running"},
		{"up to the boot loader", upTo(t, all["success-tmux"], "Installing boot loader"), "running"},
		{"complete, still up", upTo(t, direct, "Complete!"), "success"},
		{"complete, no newline yet", bytes.TrimRight(upTo(t, direct, "Complete!"), "\r\n"), "success"},
		{"down before it was complete", append(upTo(t, direct, "(6/12)"), "[  497.000000] reboot: Power down\r\n"...), "failure"},
		{"restarted before it was complete", append(upTo(t, direct, "(6/12)"), "[  497.000000] reboot: Restarting system\r\n"...), "failure"},
		{"down in the middle of another line", append(upTo(t, direct, "(6/12)"), "Powe[  497.000000] reboot: Power down\r\nring off.\r\r\n"...), "failure"},
		{"what a remote desktop has shown", append(upTo(t, direct, " started."), "[  420.000000] anaconda[2343]: 22:57:41 GNOME remote desktop is now running.\r\n[  900.000000] reboot: Restarting system\r\n"...), "running"},
		{"a script that says so", append(upTo(t, direct, "(6/12)"), "I shall now reboot: Power down\r\nreboot: Power down\r\n"...), "running"},
		{"a panic among the packages", append(upTo(t, direct, "(6/12)"), "[  497.000000] Kernel panic - not syncing: Fatal exception\r\n"...), "failure"},
		{"a panic without time stamps", []byte("Linux version 6.12.0\r\nKernel panic - not syncing: Fatal exception\r\n---[ end Kernel panic - not syncing: Fatal exception ]---\r\n"), "failure"},
		{"a panic on tmux's screen", append(upTo(t, all["success-tmux"], "(6/12)"), "\r\n[  497.000000] Kernel panic - not syncing: Fatal exception\r\n[  497.000000] ---[ end Kernel panic - not syncing: Fatal exception ]---\r\n"...), "failure"},
		{"a panic while going down", before(t, direct, "reboot: Power down", "[  535.000000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b\r\n"), "failure"},
		{"without printk's time", stripStamps(direct), "success"},
		{"a failure without printk's time", stripStamps(all["failure-post-erroronfail-direct"]), "failure"},
		{"the installer's unit failed", append(upTo(t, direct, "Checking storage configuration"), "[FAILED] Failed to start anaconda-direct.se\xe2\x80\xa6 the anaconda installation program.\r\r\nSee 'systemctl status anaconda-direct.service' for details.\r\r\n"...), "failure"},
		{"the unit's failure behind an animation", append(upTo(t, direct, "Checking storage configuration"), "\x1bM\r\r\x1b[K[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39manaconda-direct.se\xe2\x80\xa6\x1b[0m the anaconda installation program.\r\r\n"...), "failure"},
		{"the unit fails after all is done", before(t, direct, "Powering off.", "See 'systemctl status anaconda-direct.service' for details.\r\r\n"), "success"},
		{"kexec into the installed system, which panics", append(upTo(t, direct, "license agreement"), "[  535.000000] kexec_core: Starting new kernel\r\n[    0.000000] Linux version 6.12.0\r\n[    5.000000] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n"...), "success"},
		{"tmux dies", append(upTo(t, all["success-tmux"], "(6/12)"), "\x1b[?1000l[server exited unexpectedly]\r\n"...), "failure"},
		{"tmux ends after all is done", append(upTo(t, all["success-pty"], "Complete!"), "[server exited unexpectedly]\r\n"...), "success"},
		{"the end of a long message on tmux's screen", []byte("\x1b[1;24r\x1b[H  - nothing provides libfoo.so.1 needed by bar-1.0-1.noarch\x1b[K\r\n\x1b[K\r\nThe installer will now terminate.\x1b[K\r\n"), "failure"},
		{"the end of a script's output on tmux's screen", []byte("\x1b[1;24r\x1b[H...\x1b[K\r\nComplete!\x1b[K\r\nmv: cannot stat 'x'\x1b[K\r\n\x1b[K\r\nPress ENTER to exit: "), "failure"},
		{"the firmware's shell", []byte("UEFI Interactive Shell v2.2\r\nEDK II\r\nPress ESC in 1 seconds to skip startup.nsh or any other key to continue.\r\nShell> "), "failure"},
		{"the firmware's shell, whose startup.nsh boots", append([]byte("UEFI Interactive Shell v2.2\r\nShell> startup.nsh\r\nEFI stub: Loaded initrd from command line option\r\n"), direct...), "success"},
		{"the firmware crashes", []byte("BdsDxe: starting Boot0001 \"UEFI Misc Device\" from PciRoot(0x0)/Pci(0x2,0x0)\r\n\r\n\r\nSynchronous Exception at 0x000000013F6F1B00\r\n"), "failure"},
		{"the installer's unit cannot start", append(upTo(t, direct, "ssh-generator[2132]"), "[\x1b[0;1;38;5;185mDEPEND\x1b[0m] Dependency failed for \x1b[0;1;39manaconda-direct.service\x1b[0m - the anaconda installation program.\r\r\n"...), "failure"},
		{"tmux cannot attach, the installer runs on", append(upTo(t, direct, "ssh-generator[2132]"), "See 'systemctl status anaconda-tmux@ttyS0.service' for details.\r\r\n"...), "running"},
		{"no kickstart is found, the installer asks", append(upTo(t, direct, "ssh-generator[2132]"), "[  100.818337] dracut-initqueue[1577]: Warning: Can't get kickstart from /dev/sr0:/ks.cfg\r\n[  416.418848] anaconda[2343]: Starting installer, one moment...\r\n[  420.000000] anaconda[2343]: Please make a selection from the above ['c' to continue, 'h' to help, 'q' to\r\n"...), "failure"},
		{"tmux's window dies after all is done", append(upTo(t, all["success-pty"], "Complete!"), "Pane is dead (status 1, Sun Nov 22 22:22:07 2026)\r\n"...), "success"},
		{"stage 1 waits, then goes on", append(upTo(t, all["failure-stage2-missing"], "Anaconda installer errors end"), direct...), "success"},
		{"stage 1 finds a mistake", []byte("[   71.204418] dracut-initqueue[1604]: The following problem occurred on line 4 of the kickstart file:\r\n[   71.204511] dracut-initqueue[1604]: Unknown command: instal\r\n[  120.0] x\r\n"), "failure"},
		{"stage 1 finds a mistake and the installer gets over it", append([]byte("[   71.204418] dracut-initqueue[1604]: The following problem occurred on line 4 of the kickstart file:\r\n[   71.204511] dracut-initqueue[1604]: Unknown command: instal\r\n"), upTo(t, direct, "Configuring storage")...), "running"},
		{"stage 1 finds a mistake that a %pre corrects", before(t, direct, "systemd-ssh-generator[2132]", "[   71.204418] dracut-initqueue[1604]: The following problem occurred on line 4 of the kickstart file:\r\n[   71.204511] dracut-initqueue[1604]: Unknown command: instal\r\n"), "success"},
		{"someone answers the prompt", before(t, all["success-pty"], "Progress\r\n", "Please make a selection from the above ['b' to begin installation, 'h' to help, 'q' to quit,\r\n'r' to refresh]: b\r\n"), "success"},
		{"nobody answers the prompt", append(upTo(t, all["success-pty"], "(file:///run"), "Please make a selection from the above ['b' to begin installation, 'h' to help, 'q' to quit,\r\n'r' to refresh]: "...), "failure"},
		{"a prompt in tmux", append(upTo(t, all["success-tmux"], "(Local media)"), "\x1b[20;1HPlease make a selection from the above ['b' to begin installation, 'h' to help, 'q' to quit,\x1b[K\r\n'r' to refresh]: "...), "failure"},
		{"an incomplete kickstart in cmdline mode", append(upTo(t, all["success-pty"], "Starting automated install"), "\r\nThe installation was stopped due to an error which occurred while running in non-interactive cmdline mode. Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation. \r\nThe exact error message is: \r\n\r\nThe following mandatory spokes are not completed:\r\nInstallation Destination. \r\n\r\nThe installer will now terminate.\r\n"...), "failure"},
		{"the same cut in the middle", append(upTo(t, all["success-pty"], "Starting automated install"), "\r\nThe installation was stopped due to an error which occurred while running in non-int"...), "failure"},
		{"a %pre that failed", append(upTo(t, all["success-pty"], "started."), "Traceback (most recent call last):\r\n  File \"/sbin/anaconda\", line 400, in <module>\r\n    kickstart.preScriptPass(opts.ksfile)\r\npyanaconda.errors.ScriptError: (2, 'x')\r\n"...), "failure"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { verdictOf(t, tt.raw, tt.want) })
	}
}

// What the kernel writes on its way down, wherever tmux has left the cursor.
func TestKernelBreaksIntoTheScreen(t *testing.T) {
	raw := consoles(t)["success-tmux"]
	from, to := bytes.Index(raw, []byte("Installing the software")), bytes.Index(raw, []byte("Complete!"))
	every := 5
	if testing.Short() {
		every = 17
	}
	for text, rule := range map[string]string{
		"[  497.000000] Kernel panic - not syncing: Fatal exception in interrupt\r\n[  497.000001] Kernel Offset: disabled\r\n[  497.000002] ---[ end Kernel panic - not syncing: Fatal exception in interrupt ]---\r\n": "kernel-panic",
		"[  497.000000] reboot: Power down\r\n": "down-early",
	} {
		for at := from; at < to; at += every {
			if raw[at-1] == 0x1b { // makes a control sequence of the time stamp
				continue
			}
			got := replay(t, append(bytes.Clone(raw[:at]), text...))
			if got.Verdict.String() != "failure" || Summary(got).Rule != rule {
				t.Errorf("after %q: %v by %q, want %q", raw[at-20:at], got.Verdict, Summary(got).Rule, rule)
			}
		}
	}
}

// What the installer says while it checks explains what it gives up with later.
func TestChecksExplain(t *testing.T) {
	pty := consoles(t)["success-pty"]
	cmdline := "\r\nThe installation was stopped due to an error which occurred while running in non-interactive cmdline mode. Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation. \r\nThe exact error message is: \r\n\r\nThe following mandatory spokes are not completed:\r\nInstallation Destination. \r\n\r\nThe installer will now terminate.\r\n"
	tests := []struct{ says, rule string }{
		{"", "incomplete"},
		{"Failed to save storage configuration\r\nUnable to allocate requested partition scheme.\r\n", "disk-too-small"},
		{"You have not defined a root partition (/), which is required for installation of AlmaLinux to continue.\r\n", "no-root"},
		{".Checking storage configuration...\r\nNo valid boot loader target device found. See below for details.\r\n", "no-boot-partition"},
		{"5) [!] Installation Destination          6) [x] Network configuration\r\n       (Kickstart insufficient)                 (Connected: enp0s2)\r\n", "incomplete"},
		{"3) [!] Installation source               4) [!] Software selection\r\n       (Error setting up repositories)          (Installation source not set up)\r\n", "repository"},
	}
	for _, tt := range tests {
		raw := append(upTo(t, pty, "Starting automated install"), tt.says+cmdline...)
		got := replay(t, raw)
		if got.Verdict.String() != "failure" || got.Failure.Rule != tt.rule {
			t.Errorf("%q: %v by %q", tt.says, got.Verdict, Summary(got).Rule)
		}
	}
	// The same words in a run that goes on explain nothing later.
	raw := before(t, consoles(t)["failure-post-erroronfail-pty"], "Progress\r\n", "You have not specified a swap partition. \r\nSome packages, groups or modules are missing.\r\n")
	if got := replay(t, raw); got.Failure.Rule != "script-failed" {
		t.Errorf("a warning of the checks explains a script's failure: %q", got.Failure.Rule)
	}
}

// stripStamps makes of a console what printk.time=0 would have made.
func stripStamps(raw []byte) []byte {
	var out []byte
	for _, line := range bytes.SplitAfter(raw, []byte("\n")) {
		if open := bytes.IndexByte(line, '['); open >= 0 {
			if end := bytes.Index(line[open:], []byte("] ")); end > 8 && end < 16 && bytes.IndexByte(line[open:open+end], '.') > 0 {
				line = append(bytes.Clone(line[:open]), line[open+end+2:]...)
			}
		}
		out = append(out, line...)
	}
	return out
}
