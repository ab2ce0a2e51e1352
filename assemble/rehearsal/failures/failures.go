// Package failures is the one table of what the rehearsal's guest can be told
// to do wrong, or oddly: the guest does it, `imgasm rehearse --fail NAME`
// offers it, and the end-to-end tests hold imgasm's conclusion against it.
package failures

// Argument is the kernel argument that asks the guest for one of the failures:
// "imgasm.fail=NAME".
const Argument = "imgasm.fail"

// Verdict is what must be concluded from a guest that behaves so.
type Verdict string

// The verdicts.
const (
	Success  Verdict = "success"   // odd, but the installation is complete
	Failed   Verdict = "failed"    // the installation failed; known from what the guest or QEMU says
	Stalled  Verdict = "stalled"   // nothing says so, but nothing moves any more
	HostFull Verdict = "host-full" // the guest is stopped until the host has space again
)

// Failure is one row.
type Failure struct {
	Name string
	Does string // what the guest does, as one sentence without capital and full stop
	Want Verdict
	// Text is a part of the guest's own line that proves the verdict and that
	// the diagnosis must quote. Empty where no line proves it.
	Text string
	// Event is the QMP event, with its reason or action, that proves it:
	// "GUEST_PANICKED", "SHUTDOWN guest-reset", "WATCHDOG". Empty if none does.
	Event string
	// Needs is what the virtual machine must have for it: "pvpanic", "i6300esb". Usually empty.
	Needs string
}

// All lists the failures in the order in which help texts show them: by how
// far the installation comes.
func All() []Failure {
	return []Failure{
		{Name: "panic", Does: "the kernel panics in the middle of the installation", Want: Failed,
			Text: "Kernel panic - not syncing: sysrq triggered crash", Event: "GUEST_PANICKED", Needs: "pvpanic"},
		{Name: "panic-without-pvpanic", Does: "the kernel panics and no pvpanic device tells QEMU", Want: Failed,
			Text: "Kernel panic - not syncing: sysrq triggered crash"},
		{Name: "cpu-too-old", Does: "glibc refuses the CPU, so init dies", Want: Failed,
			Text: "Fatal glibc error: CPU does not support x86-64-v3"},
		{Name: "silent", Does: "nothing is said after the kernel's own messages", Want: Stalled},
		{Name: "no-oemdrv", Does: "no OEMDRV volume appears; dracut gives up and powers off", Want: Failed,
			Text: "Anaconda installer errors begin", Event: "SHUTDOWN guest-shutdown"},
		{Name: "no-kickstart", Does: "the OEMDRV volume, or the initrd that should deliver it, has no ks.cfg", Want: Failed,
			Text: "Can't get kickstart from"},
		{Name: "stage2-missing", Does: "the installer's stage 2 is nowhere", Want: Failed,
			Text: "Anaconda installer errors begin", Event: "SHUTDOWN guest-shutdown"},
		{Name: "emergency-shell", Does: "dracut opens an emergency shell and waits", Want: Failed,
			Text: "Entering emergency mode. Exit the shell to continue."},
		{Name: "media-check", Does: "the medium's check sum is wrong; the guest waits for twelve hours", Want: Failed,
			Text: "Media check failed!"},
		{Name: "systemd-emergency", Does: "systemd gives up in stage 2 and asks for a password", Want: Failed,
			Text: "You are in emergency mode."},
		{Name: "kickstart", Does: "the kickstart has an unknown command in its first line", Want: Failed,
			Text: "Unknown command: frobnicate"},
		{Name: "tmux-kickstart", Does: "the same, in tmux: its pane is dead and stays", Want: Failed,
			Text: "Unknown command: frobnicate"},
		{Name: "low-memory", Does: "the installer finds too little memory and waits for ENTER", Want: Failed,
			Text: "of memory to install, but you only have"},
		{Name: "pre-error", Does: "a %pre --erroronfail fails: a traceback, then nothing", Want: Failed,
			Text: "pyanaconda.errors.ScriptError"},
		{Name: "dots", Does: "the installer waits for a repository, one dot a second, for ever", Want: Stalled},
		{Name: "hub-prompt", Does: "the kickstart is incomplete and text mode asks what to do", Want: Failed,
			Text: "Please make a selection from the above"},
		{Name: "repository", Does: "the repository's metadata cannot be downloaded", Want: Failed,
			Text: "Failed to download metadata for repo 'anaconda'"},
		{Name: "storage", Does: "the disk is too small for the partitions", Want: Failed,
			Text: "Unable to allocate requested partition scheme."},
		{Name: "clock", Does: "everything stops but the clock in tmux's status line", Want: Stalled},
		{Name: "hang", Does: "the guest spins silently in the middle of the installation", Want: Stalled},
		{Name: "watchdog", Does: "the guest stops feeding its watchdog", Want: Failed, Event: "WATCHDOG", Needs: "i6300esb"},
		{Name: "host-no-space", Does: "the guest writes until the host's disk is full or its own is", Want: HostFull, Event: "BLOCK_IO_ERROR"},
		{Name: "out-of-memory", Does: "the kernel kills the installer for want of memory", Want: Failed,
			Text: "See 'systemctl status anaconda-direct.service' for details."},
		{Name: "package-missing", Does: "a package of the kickstart does not exist", Want: Failed,
			Text: "missing packages: no-such-package"},
		{Name: "scriptlet", Does: "a package's scriptlet fails in the transaction", Want: Failed,
			Text: "Error in POSTIN scriptlet in rpm package"},
		{Name: "disk-full", Does: "the target's file system has no room for a package", Want: Failed,
			Text: "on the / filesystem"},
		{Name: "crash", Does: "the installer crashes with a traceback", Want: Failed,
			Text: "Running in cmdline mode, no interactive debugging allowed."},
		{Name: "bootloader", Does: "the boot loader cannot be installed", Want: Failed,
			Text: "The following error occurred while installing the boot loader."},
		{Name: "post-error", Does: "a %post --erroronfail fails and the installer waits for ENTER", Want: Failed,
			Text: "about to fail"}, // what the script said last: the dialog around it is retold
		{Name: "poweroff-early", Does: "the guest powers off before the installation is complete", Want: Failed, Event: "SHUTDOWN guest-shutdown"},
		{Name: "reboot-early", Does: "the guest resets before the installation is complete", Want: Failed, Event: "SHUTDOWN guest-reset"},
		// The prompt itself has no line end and is never seen outside of tmux.
		{Name: "waits-for-enter", Does: "the installation is complete and waits for ENTER", Want: Success},

		{Name: "flood", Does: "100 MB of console output, then all goes well", Want: Success},
		{Name: "garbage", Does: "garbage, control bytes and a line of 200 kB on the console, then all goes well", Want: Success},
		{Name: "tmux", Does: "the console is repainted as by tmux; all goes well", Want: Success},
		{Name: "kernel-bug", Does: "the kernel reports bugs and soft lockups that do no harm", Want: Success},
		{Name: "slow", Does: "every package takes seconds, and one of them twenty", Want: Success},
		{Name: "quiet-writer", Does: "forty seconds of writing to the disk without a word", Want: Success},
		{Name: "no-log-port", Does: "the installer's log port is never opened", Want: Success},
		{Name: "no-ports", Does: "neither port is ever opened; only the console tells", Want: Success},
	}
}

// Find looks a failure up by its name.
func Find(name string) (Failure, bool) {
	for _, f := range All() {
		if f.Name == name {
			return f, true
		}
	}
	return Failure{}, false
}

// Names lists all names.
func Names() (names []string) {
	for _, f := range All() {
		names = append(names, f.Name)
	}
	return names
}
