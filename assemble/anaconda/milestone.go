package anaconda

import (
	"regexp"
	"strconv"
	"strings"

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

var (
	packageLine    = regexp.MustCompile(`^Installing (\S+) \((\d{1,9})/(\d{1,9})\)$`)
	deploymentLine = regexp.MustCompile(`^Deployment (?:starting|complete): `)
	scriptletLine  = regexp.MustCompile(`^Configuring [^ ]*$`)
	deviceLine     = regexp.MustCompile(`^Creating .* on /dev/`)
)

// step recognizes a line of the installer that says what it is doing, and
// reports whether that is all there is to the line.
func (m *Machine) step(text string) bool {
	if kind := m.collector.console.kind; kind.terminates() || kind.isDialog() {
		return false // the words of an error, whatever they look like
	}
	phase, known := steps[text]
	counted := packageLine.FindStringSubmatch(text)
	switch {
	case known:
		m.dots = false
		m.advance(phase)
	case counted != nil && count(counted[3]) > 0:
		m.advance(PhasePackages)
		m.progress.packages(m, counted[1], count(counted[2]), count(counted[3]))
	case m.progress.download(m, text), deploymentLine.MatchString(text), scriptletLine.MatchString(text):
		m.advance(PhasePackages)
	case deviceLine.MatchString(text):
		m.advance(PhaseStorage)
	case strings.Trim(text, ".") == "":
		m.dots = true
	case strings.TrimLeft(text, ".") == "Complete!":
		m.saidComplete(text[0] == '.' || strings.HasPrefix(m.previous, "."))
	case text == "Installation complete":
		m.saidComplete(m.dots)
	case text == "Use of this product is subject to the license agreement found at:":
		m.saidComplete(m.dots || m.previous == "Installation complete")
	case isGreeting(text):
		m.advance(PhaseInstaller)
		m.note(strings.TrimSuffix(text, " started."))
	default:
		m.stepBegins(text)
		return false
	}
	return true
}

// stepBegins recognizes lines that say something else too.
func (m *Machine) stepBegins(text string) {
	switch {
	case isStart(text):
		m.runs++
		m.advance(PhaseInstaller)
	case strings.HasPrefix(text, "Starting automated install"):
		if m.phase < PhaseHub {
			m.hubSince = m.clock.awake
		}
		m.advance(PhaseHub)
	case m.dots && m.phase >= PhaseInstaller && !strings.HasPrefix(m.previous, "/") && strings.HasPrefix(text, "/usr/share/") && strings.HasSuffix(text, "/EULA"):
		// The end of an installation in another language than English (lang in the
		// kickstart), of which few steps or none were understood: the last dots, three
		// lines, and the path of the licence, which is never translated. In a list of
		// files that a script prints it follows another path.
		m.finished()
	}
}

// saidComplete weighs the word "Complete!" and those that follow it. Anaconda
// says it right behind the dots of its last tasks (on whose line a library may have
// written a warning). dnf in a %post script says "Complete!" too, and many a
// script that the installation is complete, but not there. By way of journald
// only Anaconda itself can have said it. Of a recording that begins late the
// dots must do.
func (m *Machine) saidComplete(dots bool) {
	late := m.runs == 0 && m.phase < PhaseInstaller
	if m.phase >= PhaseConfigure && (dots || m.speaker.way == byJournal) || late && dots {
		m.finished()
	}
}

// finished notes that Anaconda has said that the installation is complete.
func (m *Machine) finished() {
	e := &m.evidence
	if e.complete {
		return
	}
	e.complete, e.completeAt = true, m.clock.awake
	// What an installer before this one said, on a guest that was rebooted since.
	e.withdraw(func(f *finding) bool { return f.run < m.runs })
	m.advance(PhaseComplete)
}

// count reads digits that a pattern found.
func count(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// boot recognizes what the kernel, dracut and systemd say on the way to the
// installer and back.
func (m *Machine) boot(r *console.Record) {
	switch {
	case r.Source == "kernel":
		m.kernelLine(r.Text)
	case r.Source == "systemd-journald":
		if strings.HasPrefix(r.Text, "Received SIGTERM from PID 1") && m.phase < PhaseInstaller {
			m.advance(PhaseStage2)
		}
	case r.Source == "" || r.Source == "systemd":
		if !m.speaker.stamped {
			m.kernelLine(r.Text)
		}
		m.systemdLine(r.Text)
	case strings.HasPrefix(r.Source, "dracut"):
		m.advance(PhaseInitramfs)
	}
}

var (
	commandLine = regexp.MustCompile(`^(?:Kernel c|C)ommand line: `)
	endLine     = regexp.MustCompile(`^(?:kexec_core: Starting new kernel|reboot: (?:Power down|Restarting system|System halted))`)
)

func (m *Machine) kernelLine(text string) {
	switch {
	case strings.HasPrefix(text, "Linux version "):
		m.goesDown() // it has: this is the next boot
		m.advance(PhaseKernel)
	case commandLine.MatchString(text):
		m.advance(PhaseKernel)
		m.ksNeeded = m.ksNeeded || strings.Contains(text, " inst.ks=")
		m.places = m.places || strings.Contains(text, " inst.ks.all") || strings.Contains(text, " inst.stage2.all")
	case strings.HasPrefix(text, "Run /init as init process"):
		m.advance(PhaseInitramfs)
	case endLine.MatchString(text): // with kexec the installed system follows
		m.goesDown()
		m.evidence.orderly = m.evidence.down
	}
}

// goesDown notes that the kernel ends, which proves that the installation has
// ended too if it was complete.
func (m *Machine) goesDown() {
	if m.evidence.complete {
		m.evidence.down = true
		m.advance(PhaseShutdown)
	}
}

var (
	welcomeLine = regexp.MustCompile(`^Welcome to .*!$`)
	downTarget  = regexp.MustCompile(`Reached target .*(?:poweroff|reboot)\.target|^(?:Powering off|Rebooting)\.$`)
)

func (m *Machine) systemdLine(text string) {
	switch {
	case strings.HasPrefix(text, "EFI stub: "):
		m.advance(PhaseKernel)
	case strings.HasPrefix(text, "Booting initrd of "), welcomeLine.MatchString(text) && strings.Contains(text, "(Initramfs)"):
		m.advance(PhaseInitramfs)
	case welcomeLine.MatchString(text), strings.Contains(text, "Reached target anaconda.target"):
		if m.phase < PhaseInstaller {
			m.advance(PhaseStage2)
		}
	case m.evidence.complete && downTarget.MatchString(text):
		m.advance(PhaseShutdown)
	}
}
