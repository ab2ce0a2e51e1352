package anaconda

import (
	"strings"

	"github.com/imgasm/imgasm/qemu/console"
)

// Who speaks on the console. Under anaconda-direct.service Anaconda's lines come
// through journald, with "anaconda[PID]: " before them; in tmux and on a bare
// terminal they have no prefix. What a %post script writes to /dev/console has
// none either way, so once the way is known the other one is not Anaconda's.

type speaker int

const (
	unknownSpeaker speaker = iota
	byJournal
	byTerminal
)

const installerProgram = "anaconda"

// learn notes the way in which Anaconda's first line came.
func (m *Machine) learn(r *console.Record) {
	if m.speaker != unknownSpeaker || !isStart(r.Text) && !isGreeting(r.Text) {
		return
	}
	switch r.Source {
	case installerProgram:
		m.speaker = byJournal
	case "":
		m.speaker = byTerminal
	}
}

// isStart recognizes the installer's first words, to which others may have been
// added before the newline.
func isStart(s string) bool { return strings.HasPrefix(s, "Starting installer, one moment") }

// isGreeting recognizes "anaconda 40.22.3.57-1.el10 for AlmaLinux 10.1 started."
func isGreeting(s string) bool {
	return strings.HasPrefix(s, "anaconda ") && strings.HasSuffix(s, " started.") && strings.Contains(s, " for ")
}

// isInstaller reports whether a line may be Anaconda's.
func (m *Machine) isInstaller(r *console.Record) bool {
	switch m.speaker {
	case byJournal:
		return r.Source == installerProgram
	case byTerminal:
		return r.Source == ""
	}
	return r.Source == installerProgram || r.Source == ""
}

// said reports whether a line may be who's.
func (m *Machine) said(who Who, r *console.Record) bool {
	switch who {
	case Firmware:
		return r.Source == "" && m.phase <= PhaseKernel
	case Kernel: // without a stamp only where no line has one (printk.time=0)
		return r.Source == "kernel" || r.Source == "" && !m.stamps
	case Stage1:
		return r.Source == "" || strings.HasPrefix(r.Source, "dracut")
	case Dracut:
		return strings.HasPrefix(r.Source, "dracut")
	case Systemd:
		return r.Source == "" || r.Source == "systemd"
	case Installer:
		return m.isInstaller(r)
	}
	return true
}
