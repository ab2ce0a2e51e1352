package anaconda

import (
	"strings"

	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/qemu/console"
)

// The steps of a healthy installation, in Anaconda's own words.

// steps are the messages of the installation's tasks (anaconda rhel-10
// pyanaconda/installation.py, payload/dnf). Each is a line of its own.
var steps = map[string]Phase{
	"Setting up the installation environment":        PhaseStorage,
	"Configuring storage":                            PhaseStorage,
	"Running pre-installation scripts":               PhaseStorage, // %pre-install; %pre says it with the time before it
	"Running pre-installation tasks":                 PhaseStorage,
	"Installing the software":                        PhasePackages,
	"Downloading packages":                           PhasePackages,
	"Preparing transaction from installation source": PhasePackages,
	"Performing post-installation setup tasks":       PhasePackages, // of the packages, and later once more
	"Installing boot loader":                         PhaseBootloader,
	"Importing certificates":                         PhaseConfigure,
	"Configuring installed system":                   PhaseConfigure,
	"Writing network configuration":                  PhaseConfigure,
	"Creating users":                                 PhaseConfigure,
	"Configuring addons":                             PhaseConfigure,
	"Generating initramfs":                           PhaseConfigure,
	"Storing configuration files and kickstarts":     PhaseConfigure,
	"Running post-installation scripts":              PhasePost,
}

// queues are the task queues that Anaconda's log names.
var queues = map[string]Phase{
	"Installation environment setup": PhaseStorage,
	"Early storage configuration":    PhaseStorage,
	"Late storage configuration":     PhaseStorage,
	"Pre-install scripts":            PhaseStorage,
	"Pre install tasks":              PhaseStorage,
	"Payload installation":           PhasePackages,
	"Bootloader installation":        PhaseBootloader,
	"Post-installation setup tasks":  PhaseBootloader,
	"Configuration queue":            PhaseConfigure,
	"Post installation scripts":      PhasePost,
}

// step recognizes a line of the installer that says what it is doing, and
// reports whether that is all there is to the line.
func (m *Machine) step(text string) bool {
	if m.block.kind.terminates() || m.block.kind.isDialog() {
		return false // the words of an error, whatever they look like
	}
	if phase, ok := steps[text]; ok {
		m.pips = false
		m.advance(phase)
		return true
	}
	switch text[0] {
	case 'I':
		if name, n, total, ok := packageLine(text); ok {
			m.advance(PhasePackages)
			m.progress.packages(m, name, n, total)
			return true
		}
		if text == "Installation complete" {
			m.saidComplete(m.pips)
			return true
		}
	case 'U':
		if text == "Use of this product is subject to the license agreement found at:" {
			m.saidComplete(m.pips || m.previous == "Installation complete")
			return true
		}
	case 'D':
		if m.progress.download(m, text) {
			m.advance(PhasePackages)
			return true
		}
		if strings.HasPrefix(text, "Deployment starting: ") || strings.HasPrefix(text, "Deployment complete: ") {
			m.advance(PhasePackages)
			return true
		}
	case 'C':
		if strings.HasPrefix(text, "Configuring ") && !strings.Contains(text[len("Configuring "):], " ") {
			m.advance(PhasePackages)
			return true
		}
		if strings.HasPrefix(text, "Creating ") && strings.Contains(text, " on /dev/") {
			m.advance(PhaseStorage)
			return true
		}
		if text == "Complete!" {
			m.saidComplete(strings.HasPrefix(m.previous, "."))
			return true
		}
	case '/':
		m.translated(text)
	case '.':
		return m.dots(text)
	case 'S':
		m.begin(text)
	case 'a':
		if isGreeting(text) {
			m.advance(PhaseInstaller)
			m.event(event.Event{Kind: event.Note, Text: strings.TrimSuffix(text, " started.")})
			return true
		}
	}
	return false
}

// begin recognizes the first words of the installer, to which others may have
// been added before the newline.
func (m *Machine) begin(text string) {
	switch {
	case isStart(text):
		m.runs++
		m.advance(PhaseInstaller)
	case strings.HasPrefix(text, "Starting automated install"):
		if m.phase < PhaseHub {
			m.hubSince = m.awake
		}
		m.advance(PhaseHub)
	}
}

// dots recognizes pips, one for each finished task, and what may follow them
// on the same line.
func (m *Machine) dots(text string) bool {
	rest := strings.TrimLeft(text, ".")
	switch rest {
	case "":
		m.pips = true
		return true
	case "Complete!":
		m.saidComplete(true)
		return true
	}
	return false
}

// saidComplete weighs the word "Complete!" and those that follow it. Anaconda
// says it right behind the pips of its last tasks (on whose line a library may have
// written a warning). dnf in a %post script says "Complete!" too, and many a
// script that the installation is complete, but not there. By way of journald
// only Anaconda itself can have said it. Of a recording that begins late the
// pips must do.
func (m *Machine) saidComplete(pips bool) {
	late := m.runs == 0 && m.phase < PhaseInstaller
	if m.phase >= PhaseConfigure && (pips || m.speaker == byJournal) || late && pips {
		m.finished()
	}
}

// translated recognizes the end of an installation in another language than
// English (lang in the kickstart), of which few steps or none were understood:
// the last pips, three lines, and the path of the licence, which is never
// translated. In a list of files that a script prints it follows another path.
func (m *Machine) translated(text string) {
	if m.pips && m.phase >= PhaseInstaller && !strings.HasPrefix(m.previous, "/") && strings.HasPrefix(text, "/usr/share/") && strings.HasSuffix(text, "/EULA") {
		m.finished()
	}
}

// finished notes that Anaconda has said that the installation is complete.
func (m *Machine) finished() {
	if m.complete {
		return
	}
	m.complete, m.completeAt = true, m.awake
	// What an installer before this one said, on a guest that was rebooted since.
	m.withdraw(func(f *finding) bool { return f.run < m.runs })
	m.advance(PhaseComplete)
}

// packageLine parses "Installing NAME.ARCH (N/TOTAL)".
func packageLine(text string) (name string, n, total int, ok bool) {
	rest, ok := strings.CutPrefix(text, "Installing ")
	if !ok {
		return "", 0, 0, false
	}
	name, counts, ok := strings.Cut(rest, " (")
	if !ok || name == "" || strings.Contains(name, " ") {
		return "", 0, 0, false
	}
	n, total, ok = fraction(strings.TrimSuffix(counts, ")"))
	return name, n, total, ok && strings.HasSuffix(counts, ")")
}

// fraction parses "N/TOTAL".
func fraction(s string) (n, total int, ok bool) {
	a, b, ok := strings.Cut(s, "/")
	if !ok {
		return 0, 0, false
	}
	n, okN := number(a)
	total, okTotal := number(b)
	return n, total, okN && okTotal && total > 0
}

// number parses a small decimal number.
func number(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || i >= 9 {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, s != ""
}

// boot recognizes what the kernel, dracut and systemd say on the way to the
// installer and back.
func (m *Machine) boot(r *console.Record) {
	text := r.Text
	switch r.Source {
	case "kernel":
		m.kernelLine(text)
	case "systemd-journald":
		if strings.HasPrefix(text, "Received SIGTERM from PID 1") && m.phase < PhaseInstaller {
			m.advance(PhaseStage2)
		}
	case "", "systemd":
		m.takeUnit(r)
		if !m.stamps {
			m.kernelLine(text)
		}
		m.systemdLine(text)
	default:
		if strings.HasPrefix(r.Source, "dracut") {
			m.advance(PhaseInitramfs)
			m.takeStage1(r)
		}
	}
}

func (m *Machine) kernelLine(text string) {
	switch text[0] {
	case 'L':
		if strings.HasPrefix(text, "Linux version ") {
			m.goesDown() // it has: this is the next boot
			m.advance(PhaseKernel)
		}
	case 'C', 'K':
		if strings.HasPrefix(text, "Command line: ") || strings.HasPrefix(text, "Kernel command line: ") {
			m.advance(PhaseKernel)
			m.requires = m.requires || strings.Contains(text, " inst.ks=")
		}
	case 'R':
		if strings.HasPrefix(text, "Run /init as init process") {
			m.advance(PhaseInitramfs)
		}
	case 'k': // reboot --kexec: the installed system follows
		if strings.HasPrefix(text, "kexec_core: Starting new kernel") {
			m.goesDown()
		}
	case 'r':
		if strings.HasPrefix(text, "reboot: Power down") || strings.HasPrefix(text, "reboot: Restarting system") || strings.HasPrefix(text, "reboot: System halted") {
			m.goesDown()
		}
	}
}

// goesDown notes that the kernel ends, which proves that the installation has
// ended too if it was complete.
func (m *Machine) goesDown() {
	if m.complete {
		m.down = true
		m.advance(PhaseShutdown)
	}
}

func (m *Machine) systemdLine(text string) {
	switch text[0] {
	case 'B':
		if strings.HasPrefix(text, "Booting initrd of ") {
			m.advance(PhaseInitramfs)
		}
	case 'E':
		if strings.HasPrefix(text, "EFI stub: ") {
			m.advance(PhaseKernel)
		}
	case 'W':
		if strings.HasPrefix(text, "Welcome to ") && strings.HasSuffix(text, "!") {
			if strings.Contains(text, "(Initramfs)") {
				m.advance(PhaseInitramfs)
			} else if m.phase < PhaseInstaller {
				m.advance(PhaseStage2)
			}
		}
	case '[', ' ', 'S', 'R':
		if m.phase < PhaseStage2 && strings.Contains(text, "Reached target anaconda.target") {
			m.advance(PhaseStage2)
		}
		if m.complete && m.phase < PhaseShutdown && strings.Contains(text, "Reached target ") &&
			(strings.Contains(text, "poweroff.target") || strings.Contains(text, "reboot.target")) {
			m.advance(PhaseShutdown)
		}
	}
	if m.complete && (text == "Powering off." || text == "Rebooting.") {
		m.advance(PhaseShutdown)
	}
}
