package replay

import (
	"fmt"
	"strings"
	"testing"
)

// Every class of failure, and successes that look odd, as Anaconda 40.22.3.57
// says them: its own texts (pyanaconda/kickstart.py, startup_utils.py,
// exception.py, errors.py, ui/tui, simpleline's dialogs) in the frame that
// testdata/serial shows, on a terminal and by way of journald.

const (
	saidEdges = "================================================================================\n================================================================================\n"
	saidStart = `Starting installer, one moment...
anaconda 40.22.3.57-1.el10 for AlmaLinux 10.1 started.
 * installation log files are stored in /tmp during the installation
 * shell is available on TTY2 and in second TMUX pane (ctrl+b, then press 2)
 * if the graphical installation interface fails to start, try again with the
   inst.text bootoption to start text installation
 * when reporting a bug add logs from /tmp as separate text/plain attachments
`
	saidRemote = "22:57:33 Not asking for remote desktop session because of an automated install\n"
	saidChecks = saidStart + saidRemote + "Starting automated install.Saving storage configuration...\n...Checking storage configuration...\n.\n..\n"
	saidHub    = `
` + saidEdges + `Installation

1) [x] Language settings                 2) [x] Time settings
       (English (United States))                (UTC timezone)
3) [x] Installation source               4) [x] Software selection
       (Local media)                            (Custom software selected)
5) [x] Installation Destination          6) [x] Network configuration
       (Custom partitioning selected)           (Connected: enp0s2)

`
	saidStorage  = saidChecks + saidHub + saidEdges + "Progress\n\nSetting up the installation environment\n.\nConfiguring storage\nCreating disklabel on /dev/vda\nCreating xfs on /dev/vda2\n"
	saidSoftware = saidStorage + ".\nRunning pre-installation scripts\n.\nRunning pre-installation tasks\n.\nInstalling the software\n"
	saidPackages = saidSoftware + "Downloading packages\nPreparing transaction from installation source\nInstalling filesystem.x86_64 (1/2)\nInstalling kernel-core.x86_64 (2/2)\n"
	saidBoot     = saidPackages + "Performing post-installation setup tasks\n.\nInstalling boot loader\n"
	saidUsers    = saidBoot + ".\nPerforming post-installation setup tasks\n.\nImporting certificates\n.\nConfiguring installed system\n.\nWriting network configuration\n.\nCreating users\n"
	saidRest     = "Configuring addons\n.\nGenerating initramfs\n....\nStoring configuration files and kickstarts\n.\nRunning post-installation scripts\n"
	saidPost     = saidUsers + ".\n" + saidRest
	saidDone     = "...\nComplete!\n"
	saidEULA     = "Installation complete\n\nUse of this product is subject to the license agreement found at:\n/usr/share/almalinux-release/EULA\n\n"
	saidScript   = "There was an error running the kickstart script at line 45.  This is a fatal\n  error and installation will be aborted.  The details of this error are:\n\n"
	saidLogging  = "--- Logging error ---\nTraceback (most recent call last):\n  File \"/usr/lib64/python3.12/logging/handlers.py\", line 1003, in emit\n    self.socket.send(msg)\nBrokenPipeError: [Errno 32] Broken pipe\nCall stack:\n  File \"/sbin/anaconda\", line 594, in <module>\n    anaconda.intf.run()\nMessage: 'x'\nArguments: ()\n"
	saidPrompt   = "Please make a selection from the above ['b' to begin installation, 'h' to help,\n'q' to quit, 'r' to refresh]: "
	saidSpokes   = "The following mandatory spokes are not completed:\n"

	// dnf's tables have edges, and it says Complete! (dnf 4, output.py).
	saidDnf = "Dependencies resolved.\n================================================================================\n Package     Arch      Version            Repository      Size\n================================================================================\nInstalling:\n tree        x86_64    2.1.0-8.el10       baseos          59 k\n\nTransaction Summary\n================================================================================\nInstall  1 Package\n\n...\nComplete!\n"
)

// saidRefusal is kickstart.py's text for a kickstart that is wrong.
func saidRefusal(line int, what string) string {
	return fmt.Sprintf("\nAn error occurred during reading the kickstart file:\nThe following problem occurred on line %d of the kickstart file:\n\n%s\n\nThe installer will now terminate.\n", line, what)
}

// saidError is exception.py's text in cmdline mode.
func saidError(why string) string {
	return "\nThe installation was stopped due to an error which occurred while running in non-interactive cmdline mode. Since there cannot be any questions in cmdline mode, edit your kickstart file and retry installation. \nThe exact error message is: \n\n" + why + ". \n\nThe installer will now terminate.\n"
}

func saidFailed(why string) string {
	return saidError("Non interactive installation failed: Non interactive installation failed: " + why)
}

func saidCrash(why string) string {
	return "\nRunning in cmdline mode, no interactive debugging allowed.\nThe exact error message is: \n\n" + why + ".\n\nThe installer will now terminate.\n"
}

// saidDialog is how simpleline shows an error or a question.
func saidDialog(title, text, prompt string) string {
	return saidEdges + title + "\n\n  " + text + "\n\n" + prompt
}

// saidTraceback is what Python 3.12 prints when a %pre script has failed.
func saidTraceback(exception string) string {
	return "Traceback (most recent call last):\n  File \"/sbin/anaconda\", line 400, in <module>\n    startup_utils.run_pre_scripts(kspath)\n  File \"/usr/lib64/python3.12/site-packages/pyanaconda/errors.py\", line 254, in cb\n    raise exn\n" + exception + "\n"
}

// saidMarked is a hub in which something is marked, and why.
func saidMarked(spoke, why string) string {
	title := strings.Index(saidHub, "[x] "+spoke)
	below := title + strings.IndexByte(saidHub[title:], '\n') + 1
	column := title - strings.LastIndexByte(saidHub[:title], '\n') - 4
	status := below + column + 7
	end := status + strings.IndexByte(saidHub[status:], ')') + 1
	return saidHub[:title] + "[!]" + saidHub[title+3:status] + why + saidHub[end:]
}

type said struct {
	name      string
	text      string
	verdict   string // and after a blank the rule, for a failure
	phase     string
	kickstart int
	exits     bool // the installer ends: direct mode's unit has failed, tmux's window is dead
}

var saids = []said{
	// The kickstart and the environment.
	{"unknown command", saidStart + saidRefusal(7, "Unknown command: foo"), "failure kickstart-syntax", "installer", 7, true},
	{"unknown option", saidStart + saidRefusal(7, "unrecognized arguments: --bogus"), "failure kickstart-syntax", "installer", 7, true},
	{"no %end", saidStart + saidRefusal(7, "Section %packages does not end with %end."), "failure kickstart-syntax", "installer", 7, true},
	{"unknown section", saidStart + saidRefusal(7, "Unknown kickstart section: %anaconda"), "failure kickstart-syntax", "installer", 7, true},
	{"%include of nothing", saidStart + saidRefusal(0, "Unable to open input kickstart file: Error opening file: [Errno 2] No such file or directory: '/tmp/x.ks'"), "failure kickstart-include", "installer", 0, true},
	{"%include without a name", saidStart + "\nAn error occurred during reading the kickstart file:\nThere was a problem reading from line 12 of the kickstart file\n\nThe installer will now terminate.\n", "failure kickstart-syntax", "installer", 12, true},
	{"not UTF-8", saidStart + saidTraceback("UnicodeDecodeError: 'utf-8' codec can't decode byte 0xfc in position 12: invalid start byte"), "failure kickstart-encoding", "installer", 0, true},
	{"a boot argument", "Starting installer, one moment...\nusage: anaconda [-h] [--version]\nanaconda: error: argument --xtimeout: invalid int value: 'soon'\n", "failure installer-arguments", "installer", 0, true},
	{"no message bus", saidStart + "22:57:31 Unable to start DBus session!\n", "failure installer-bus", "installer", 0, true},
	{"a disk that is not there", saidStart + saidRefusal(7, `Disk "sdx" given in ignoredisk command does not exist.`), "failure kickstart-syntax", "installer", 7, true},
	{"warnings with inst.ksstrict", saidStart + "\nSome warnings occurred during reading the kickstart file:\nThe vnc command has been deprecated and no longer has any effect.\n\nAn error occurred during reading the kickstart file:\nPlease modify your kickstart file to fix the warnings or remove the `ksstrict` option.\n\nThe installer will now terminate.\n", "failure kickstart-strict", "installer", 0, true},
	{"the pass for %pre", saidStart + "The following problem occurred on line 12 of the kickstart file:\n\nSection %pre does not end with %end.\n", "failure kickstart-syntax-pre", "installer", 12, true},
	{"the pass for %pre, %include without a name", saidStart + "There was a problem reading from line 12 of the kickstart file\n", "failure kickstart-syntax-read", "installer", 12, true},
	{"a remote desktop without a password", saidStart + "22:57:41 RDP user name or password not set. Aborting.\n", "failure remote-desktop-failed", "installer", 0, true},
	{"kickstart gone", saidStart + "22:57:31 Kickstart file /run/install/ks.cfg is missing.\n", "failure kickstart-gone", "installer", 0, true},
	{"%pre --erroronfail", saidStart + "22:57:31 Running pre-installation scripts\n" + saidTraceback("pyanaconda.errors.ScriptError"), "failure pre-script-failed", "installer", 0, true},
	{"a quotation mark", saidStart + saidTraceback("ValueError: No closing quotation"), "failure quotation", "installer", 0, true},
	{"too little memory", "Starting installer, one moment...\nAlmaLinux requires 1070 MB of memory to install, but you only have 960 MB on this machine.\n\nThe installation cannot continue and the system will be rebooted\nPress ENTER to continue\n", "failure too-little-memory", "installer", 0, false},
	{"not root", "anaconda must be run as root.\n", "failure not-root", "installer", 0, true},

	// cmdline mode.
	{"incomplete", saidChecks + saidMarked("Installation Destination", "(Kickstart insufficient)") + saidError(saidSpokes+"Installation Destination"), "failure incomplete", "checks", 0, true},
	{"no disk", strings.Replace(saidChecks, "Checking storage configuration...", "Failed to save storage configuration\nNo usable disks.", 1) + saidError(saidSpokes+"Installation Destination"), "failure no-disks", "checks", 0, true},
	{"disk too small", strings.Replace(saidChecks, "Checking storage configuration...", "Failed to save storage configuration\nUnable to allocate requested partition scheme.", 1) + saidError(saidSpokes+"Installation Destination"), "failure disk-too-small", "checks", 0, true},
	{"an undefined physical volume", strings.Replace(saidChecks, "Checking storage configuration...", "Failed to save storage configuration\nTried to use undefined partition \"pv.02\" in Volume Group specification", 1) + saidError(saidSpokes+"Installation Destination"), "failure storage-commands", "checks", 0, true},
	{"a partition that is not there", strings.Replace(saidChecks, "Checking storage configuration...", "Failed to save storage configuration\nPartition \"vda9\" given in part command does not exist.", 1) + saidError(saidSpokes+"Installation Destination"), "failure disk-not-there", "checks", 0, true},
	{"a mount of a device that is not there", strings.Replace(saidChecks, "Checking storage configuration...\n", "Failed to save storage configuration\n.....Unknown or invalid device 'sda1' specified\n", 1) + saidError(saidSpokes+"Installation Destination"), "failure storage-check", "checks", 0, true},
	{"no root", strings.Replace(saidChecks, "...\n.\n", "...\nYou have not defined a root partition (/), which is required for installation of AlmaLinux to continue.\n.\n", 1) + saidError(saidSpokes+"Installation Destination"), "failure no-root", "checks", 0, true},
	{"no EFI system partition", strings.Replace(saidChecks, "...\n.\n", "...\nNo valid boot loader target device found. See below for details.\nFor a UEFI installation, you must include an EFI System Partition on a GPT-formatted disk, mounted at /boot/efi.\n.\n", 1) + saidError(saidSpokes+"Installation Destination"), "failure no-esp", "checks", 0, true},
	{"repositories", saidChecks + saidMarked("Installation source", "(Error setting up repositories)") + saidError(saidSpokes+"Installation source\nSoftware selection"), "failure repository", "checks", 0, true},
	{"environment", saidChecks + "Invalid environment specified in kickstart\n" + saidError(saidSpokes+"Software selection"), "failure environment", "checks", 0, true},
	{"no space, known before", saidChecks + saidHub + "Not enough space in file systems for the current software selection. An additional 1.2 GiB is needed.\n" + saidError("Not enough space in file systems for the current software selection. An additional 1.2 GiB is needed"), "failure space", "checks", 0, true},
	{"mkfs failed", saidStorage + saidFailed("('format create failed: 1', '/dev/vda2')"), "failure installer-error", "storage", 0, true},
	{"missing package", strings.Replace(saidSoftware, "install.", "install.Some packages, groups or modules are missing.\n\nProblems in request:\nmissing packages: nope\n", 1) + saidFailed("Some packages, groups or modules are missing.\n\nProblems in request:\nmissing packages: nope"), "failure packages-missing", "packages", 0, true},
	{"missing group", saidSoftware + saidFailed("Some packages, groups or modules are missing.\n\nProblems in request:\nmissing groups or modules: nope"), "failure packages-missing", "packages", 0, true},
	{"broken packages", saidSoftware + saidFailed("The following software marked for installation has errors.\nThis is likely caused by an error with your installation source.\n\nProblem: conflicting requests\n  - nothing provides libfoo.so.1 needed by bar-1.0-1.noarch"), "failure packages-dependencies", "packages", 0, true},
	{"metadata", saidSoftware + saidFailed("Failed to download metadata for repo 'anaconda': Cannot download repomd.xml: Cannot download repodata/repomd.xml: All mirrors were tried"), "failure repository", "packages", 0, true},
	{"certificate", saidSoftware + saidFailed("Failed to download metadata for repo 'anaconda': Cannot download repomd.xml: Curl error (60): SSL peer certificate or SSH remote key was not OK for https://x/repodata/repomd.xml"), "failure repository-tls", "packages", 0, true},
	{"download", saidSoftware + "Downloading packages\nDownloading 389 RPMs, 95.38 MiB / 331.12 MiB (28%) done.\n" + saidFailed("Failed to download the following packages: bash-5.2.26-4.el10.x86_64: Cannot download Packages/bash.rpm: All mirrors were tried"), "failure download", "packages", 0, true},
	{"no space, met late", saidPackages + saidFailed("An error occurred during the transaction: installing package kernel-core-6.12.0-55.el10.x86_64 needs 61MB more space on the / filesystem"), "failure space", "packages", 0, true},
	{"scriptlet", saidPackages + saidFailed("An error occurred during the transaction: Error in POSTIN scriptlet in rpm package badpost"), "failure scriptlet", "packages", 0, true},
	{"scriptlet of no name", saidPackages + saidFailed("An error occurred during the transaction: Error in <unknown> scriptlet in rpm package python3.12"), "failure scriptlet", "packages", 0, true},
	{"file conflict", saidPackages + saidFailed("An error occurred during the transaction: file /usr/bin/x from install of a-1-1.noarch conflicts with file from package b-1-1.noarch"), "failure transaction", "packages", 0, true},
	{"boot loader", saidBoot + saidFailed("boot loader install failed"), "failure bootloader", "bootloader", 0, true},
	{"boot loader's configuration", saidBoot + saidFailed("Failed to write boot loader configuration. More information may be found in the log files stored in /tmp"), "failure bootloader", "bootloader", 0, true},
	{"no CD", saidSoftware + saidFailed("Found no CD-ROM"), "failure repository", "packages", 0, true},
	{"user", saidUsers + saidFailed("User root already exists, not creating"), "failure user-setup", "configure", 0, true},
	{"a key for nobody", saidUsers + saidCrash("set_user_ssh_key: user bob does not exist"), "failure sshkey-user", "configure", 0, true},
	{"a firewall without firewalld", saidUsers + saidCrash("/usr/bin/firewall-offline-cmd is missing. Cannot setup firewall."), "failure tool-missing", "configure", 0, true},
	{"a group that cannot be", saidUsers + saidCrash("Unable to create group admins: status=4"), "failure user-setup", "configure", 0, true},
	{"a repo without an address", saidSoftware + saidFailed("The 'extra' repository is not one of the pre-defined repositories."), "failure repository-undefined", "packages", 0, true},
	{"crash", saidSoftware + saidCrash("'NoneType' object has no attribute 'format'"), "failure installer-crash", "packages", 0, true},
	{"Python crashed", saidPackages + "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f3fb97ad740 (most recent call first):\n  File \"/usr/lib64/python3.12/site-packages/simpleline/event_loop/glib_event_loop.py\", line 93 in run\n  File \"/sbin/anaconda\", line 594 in <module>\n", "failure installer-segfault", "packages", 0, true},
	{"an error in German", strings.Replace(saidSoftware, "Installing the software", "Installieren der Software", 1) + "\nDie Installation wurde angehalten.\n\nNon interactive installation failed: Non interactive installation failed: Failed to download metadata for repo 'anaconda': Cannot download repomd.xml. \n\nDas Installationsprogramm wird beendet.\n", "failure repository", "storage", 0, true},
	{"a module died", saidSoftware + saidCrash("Message recipient disconnected from message bus without replying"), "failure dbus-gone", "packages", 0, true},

	// Scripts.
	{"%post --erroronfail", saidPost + saidDialog("Error", saidScript+"  about to fail\n  ", "Press ENTER to exit: "), "failure script-failed", "post", 0, false},
	{"%post --erroronfail after dnf", saidPost + saidDialog("Error", saidScript+saidDnf+saidEULA+"mv: cannot stat 'x'", "Press ENTER to exit: "), "failure script-failed", "post", 0, false},
	{"%post --erroronfail, much output", saidPost + saidDialog("Error", saidScript+strings.Repeat("a line of its output\n", 300)+saidDnf+saidEULA, "Press ENTER to exit: "), "failure script-failed", "post", 0, false},
	{"%pre-install --erroronfail after dnf", saidStorage + ".\nRunning pre-installation scripts\n" + saidDialog("Error", saidScript+saidDnf+"Installing the software\n", "Press ENTER to exit: "), "failure script-failed", "storage", 0, false},

	// Text mode.
	{"text: hub", saidChecks + saidMarked("Installation Destination", "(Kickstart insufficient)") + saidPrompt, "failure hub-incomplete", "checks", 0, false},
	{"text: no passphrase", saidStart + saidRemote + saidEdges + "Passphrase\n\nPlease provide a default LUKS passphrase for all devices you want to encrypt. You\nwill have to type it twice.\n\nPassphrase: ", "failure prompt-passphrase", "installer", 0, false},
	{"text: a remote desktop without an account", saidStart + saidEdges + "RDP User name & Password\n\nPlease provide RDP user name & password.\nYou will have to type the password twice.\n\nUser name: ", "failure prompt-remote-desktop", "installer", 0, false},
	{"text: no space", saidChecks + saidHub + "Not enough space in file systems for the current software selection. An additional 1.2 GiB is needed.\nEnter 'b' to ignore the warning and attempt to install anyway.\n" + saidPrompt, "failure space", "checks", 0, false},
	{"text: boot loader", saidBoot + saidDialog("Question", "The following error occurred while installing the boot loader. The system will\n  not be bootable. Would you like to ignore this and continue with installation?\n  \n  boot loader install failed", "Please respond 'yes' or 'no': "), "failure bootloader", "bootloader", 0, false},
	{"text: mkfs failed", saidStorage + saidDialog("Error", "An error occurred while activating your storage configuration.\n  \n  ('format create failed: 1', '/dev/vda2')", "Press ENTER to exit: "), "failure storage-write", "storage", 0, false},
	{"text: missing package", saidSoftware + saidDialog("Error", "The following error occurred while installing the payload. This is a fatal error\n  and installation will be aborted.\n  \n  Some packages, groups or modules are missing.\n  \n  Problems in request:\n  missing packages: nope", "Press ENTER to exit: "), "failure packages-missing", "packages", 0, false},
	{"text: crash", saidSoftware + "\nAn unknown error has occured, look at the /tmp/anaconda-tb* file(s) for more details\n\n================================================================================\nAn unknown error has occurred\n================================================================================\nanaconda 40.22.3.57-1.el10 exception report\nValueError: something odd\nWhat do you want to do now?\n1) Report Bug\n2) Run shell\n3) Quit\n\nPlease make your choice from above: ", "failure installer-crash-menu", "packages", 0, false},
	{"text: hardware", saidSoftware + "\nAn unknown error has occured, look at the /tmp/anaconda-tb* file(s) for more details\n\n================================================================================\nHardware error occurred\n================================================================================\nThe installation was stopped due to what seems to be a problem with your hardware. The exact error message is:\n\n[Errno 5] Input/output error.\n\n The installer will now terminate.\n\nHit ENTER to continue", "failure hardware", "packages", 0, false},

	// Successes.
	{"success", saidPost + saidDone + saidEULA, "success", "complete", 0, false},
	{"without a licence", saidPost + saidDone, "success", "complete", 0, false},
	{"waits for ENTER", saidPost + saidDone + saidEULA + "Installation complete. Press ENTER to quit: ", "success", "complete", 0, false},
	{"10.2's line of checks", strings.Replace(saidPost, "Starting automated install.Saving storage configuration...\n...Checking", "Starting automated install..Checking", 1) + saidDone + saidEULA, "success", "complete", 0, false},
	{"harmless warnings", strings.Replace(saidPost, saidRemote, "\nSome warnings occurred during reading the kickstart file:\nThe vnc command has been deprecated.\n"+saidRemote, 1) + saidDone + saidEULA, "success", "complete", 0, false},
	{"errors of stage 1, told again", strings.Replace(saidPost, "anaconda 40", "22:57:20 Kernel boot argument 'ks' detected. Did you want to use 'inst.ks' for the installer instead?\n22:57:20 \n############## Installer errors encountered during boot ##############\nCan't get kickstart from /dev/sr0:/ks.cfg\nReason unknown\n############ Installer errors encountered during boot end ############\nanaconda 40", 1) + saidDone + saidEULA, "success", "complete", 0, false},
	{"names of packages", strings.Replace(saidPost, "Installing filesystem", "Installing error.noarch (1/2)\nInstalling Traceback.noarch (1/2)\nInstalling kernel-panic-x.noarch (1/2)\nConfiguring pane-is-dead.noarch\nInstalling filesystem", 1) + saidDone + saidEULA, "success", "complete", 0, false},
	{"ostree", strings.Replace(saidPost, "Downloading packages\n", "Deployment starting: almalinux/10/x86_64/base\nWriting objects\nDeployment complete: almalinux/10/x86_64/base\n", 1) + saidDone, "success", "complete", 0, false},
	{"bootc", saidSoftware + "Deploying image...\nBootc deployment in progress: quay.io/x\nBootc deployment complete: quay.io/x\n.\n" + saidRest + saidDone, "success", "complete", 0, false},
	{"live image", strings.Replace(saidPost, "Downloading packages\n", "Downloading http://10.0.2.2/error.img (10%)\nChecking image checksum\nInstalling software...\nInstalling software 100%\nSynchronizing writes to disk\n", 1) + saidDone, "success", "complete", 0, false},
	{"in German", strings.NewReplacer("Starting automated install", "Automatisierte Installation wird gestartet").Replace(saidChecks) + "Softwareinstallation\n....\nFertig!\nInstallation abgeschlossen\n\nBenutzung dieses Produkts unterliegt dem Lizenzvertrag in:\n/usr/share/almalinux-release/EULA\n", "success", "complete", 0, false},

	{"in a language of which not all is translated", saidChecks + "Εγκατάσταση λογισμικού\n.\nImporting certificates\n.\nΔημιουργία χρηστών\n....\nΟλοκληρώθηκε!\nΗ εγκατάσταση ολοκληρώθηκε\n\nΗ χρήση του προϊόντος υπόκειται στην άδεια:\n/usr/share/almalinux-release/EULA\n", "success", "complete", 0, false},
	{"a warning behind the last dots", saidPost + "..../usr/lib64/python3.12/x.py:3: DeprecationWarning: y\nComplete!\n", "success", "complete", 0, false},
	{"logging fails in %post", saidPost + saidLogging + saidDone + saidEULA, "success", "complete", 0, false},
	{"a second installer, after a reboot", saidSoftware + saidFailed("Failed to download metadata for repo 'anaconda'") + saidPost + saidDone + saidEULA, "success", "complete", 0, false},

	// Nothing is proven.
	{"logging fails among the packages", saidPackages + saidLogging, "running", "packages", 0, false},
	{"still checking", saidStart + saidRemote + "Starting automated install.Saving storage configuration...\n......", "running", "checks", 0, false},
	{"still installing", saidPackages, "running", "packages", 0, false},
	{"still in %post", saidPost, "running", "post", 0, false},
	{"the last dots", saidPost + "...", "running", "post", 0, false},
}

// byJournal renders a text as anaconda-direct.service shows it: no blank lines,
// and of a line without its newline nothing until the installer ends.
func byJournal(text string, exits bool) string {
	lines := strings.Split(text, "\n")
	if !exits {
		lines = lines[:len(lines)-1]
	}
	var b strings.Builder
	for i, line := range lines {
		if strings.TrimSpace(line) != "" {
			fmt.Fprintf(&b, "[%12.6f] anaconda[2343]: %s\r\n", 416.4+float64(i)/100, line)
		}
	}
	return b.String()
}

func TestWhatAnacondaSays(t *testing.T) {
	const (
		unit  = "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39manaconda-direct.se…\x1b[0m the anaconda installation program.\r\r\nSee 'systemctl status anaconda-direct.service' for details.\r\r\n[\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39manaconda.target\x1b[0m - Anaconda.\r\r\n[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39manaconda.service\x1b[0m - Anaconda.\r\r\n"
		pane  = "\r\nPane is dead (status 1, Sun Nov 22 22:22:07 2026)\r\n"
		reset = "[  716.122222] reboot: Restarting system\r\n"
		down  = "Powering off.\r\r\n[  716.122222] reboot: Power down\r\n"
	)
	direct := string(consoles(t)["success-direct"])
	boot := direct[:strings.Index(direct, "[  416.418848]")]
	for _, s := range saids {
		terminal, journal := strings.ReplaceAll(s.text, "\n", "\r\n"), boot+byJournal(s.text, s.exits)
		ways := map[string]string{"on a terminal": terminal, "by journald": journal}
		switch {
		case s.exits:
			ways["in a window that dies"] = terminal + pane
			ways["under a unit that fails"] = journal + unit
			ways["by journald, then reset"] = journal + reset
			ways["by journald, then off"] = journal + down
		case strings.HasPrefix(s.verdict, "success"):
			ways["by journald, then off"] = journal + down
			ways["by journald, then reset"] = journal + reset
		}
		for how, raw := range ways {
			t.Run(s.name+" "+how, func(t *testing.T) {
				got := replay(t, []byte(raw))
				verdict, rule, _ := strings.Cut(s.verdict, " ")
				phase := Summary(got).Phase
				if phase == "shutdown" {
					phase = "complete"
				}
				if got.Verdict.String() != verdict || rule != "" && Summary(got).Rule != rule || phase != s.phase {
					t.Errorf("%v by %q in phase %s, want %s in %s", got.Verdict, Summary(got).Rule, phase, s.verdict, s.phase)
				}
				if s.kickstart != Summary(got).KickstartLine {
					t.Errorf("kickstart line %d, want %d", Summary(got).KickstartLine, s.kickstart)
				}
			})
		}
	}
}

// The last words of a script say most.
func TestScriptsLastWords(t *testing.T) {
	for _, s := range saids {
		if s.name != "%post --erroronfail after dnf" {
			continue
		}
		for how, raw := range map[string]string{"terminal": strings.ReplaceAll(s.text, "\n", "\r\n"), "journald": byJournal(s.text, false)} {
			said := Summary(replay(t, []byte(raw))).Said
			if n := len(said); n == 0 || said[n-1].Text != "mv: cannot stat 'x'" {
				t.Errorf("%s: %v", how, said)
			}
		}
	}
}

// What no row can know is quoted.
func TestMeaningsQuote(t *testing.T) {
	want := map[string]string{
		"an undefined physical volume":          `: Tried to use undefined partition "pv.02" in Volume Group specification`,
		"a mount of a device that is not there": ": Unknown or invalid device 'sda1' specified",
		"text: missing package":                 "does not have: nope",
		"scriptlet of no name":                  "unknown script failed while it was installed: python3.12. The installer gives up then.",
		"mkfs failed":                           ": ('format create failed: 1', '/dev/vda2').",
		"no message bus":                        ": Unable to start DBus session!",
		"%include of nothing":                   ": No such file or directory: '/tmp/x.ks'",
	}
	for _, s := range saids {
		end, ok := want[s.name]
		if !ok {
			continue
		}
		delete(want, s.name)
		for how, raw := range map[string]string{"terminal": strings.ReplaceAll(s.text, "\n", "\r\n"), "journald": byJournal(s.text, s.exits)} {
			if got := Summary(replay(t, []byte(raw))).Meaning; !strings.HasSuffix(got, end) {
				t.Errorf("%s, %s: %q", s.name, how, got)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("not said: %v", want)
	}
}

// The warnings that inst.ksstrict makes errors of are named; those that the
// installer goes on in spite of hide nothing that comes after them.
func TestStrictWarnings(t *testing.T) {
	for _, s := range saids {
		if s.name != "warnings with inst.ksstrict" {
			continue
		}
		for how, raw := range map[string]string{"terminal": strings.ReplaceAll(s.text, "\n", "\r\n"), "journald": byJournal(s.text, true)} {
			got := Summary(replay(t, []byte(raw)))
			if want := "errors of them: The vnc command has been deprecated and no longer has any effect."; !strings.HasSuffix(got.Meaning, want) {
				t.Errorf("%s: %s", how, got.Meaning)
			}
			if first := got.Lines[0].Text; first != "Some warnings occurred during reading the kickstart file:" {
				t.Errorf("%s: its first line is %q", how, first)
			}
		}
	}
	text := saidStart + "\nSome warnings occurred during reading the kickstart file:\nThe vnc command has been deprecated and no longer has any effect.\n\n" +
		strings.TrimPrefix(saidPackages, saidStart) + saidError("Some packages, groups or modules are missing.\nProblems in request:\nmissing packages: foo")
	if got := Summary(replay(t, []byte(strings.ReplaceAll(text, "\n", "\r\n")))); got.Rule != "packages-missing" || got.Phase != "packages" {
		t.Errorf("after warnings: %+v", got)
	}
}
