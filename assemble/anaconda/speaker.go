package anaconda

import (
	"strings"
	"time"

	"github.com/imgasm/imgasm/qemu/console"
)

// Who speaks on the console. Under anaconda-direct.service Anaconda's lines come
// through journald, with "anaconda[PID]: " before them; in tmux and on a bare
// terminal they have no prefix. What a %post script writes to /dev/console has
// none either way, so once the way is known the other one is not Anaconda's.

// speaker is what is known of the console's lines.
type speaker struct {
	way     way
	stamped bool          // lines with the kernel's time stamp have been seen
	stamp   time.Duration // the last one
}

// way is how Anaconda's lines come.
type way int

const (
	unknownWay way = iota
	byJournal
	byTerminal
)

const installerProgram = "anaconda"

// learn notes the way in which Anaconda's first line came.
func (s *speaker) learn(r *console.Record) {
	if s.way != unknownWay || !isStart(r.Text) && !isGreeting(r.Text) {
		return
	}
	switch r.Source {
	case installerProgram:
		s.way = byJournal
	case "":
		s.way = byTerminal
	}
}

// rebooted notes the time of a line, and reports whether the clock shows that it is
// of another boot than the one before.
func (s *speaker) rebooted(r *console.Record) bool {
	if !r.Stamped {
		return false
	}
	again := s.stamped && r.Stamp < s.stamp-time.Minute
	s.stamped, s.stamp = true, r.Stamp
	return again
}

// isStart recognizes the installer's first words, to which others may have been
// added before the newline.
func isStart(s string) bool { return strings.HasPrefix(s, "Starting installer, one moment") }

// isGreeting recognizes "anaconda 40.22.3.57-1.el10 for AlmaLinux 10.1 started."
func isGreeting(s string) bool {
	return strings.HasPrefix(s, "anaconda ") && strings.HasSuffix(s, " started.") && strings.Contains(s, " for ")
}

// said reports whether a line may be who's.
func (s *speaker) said(who Who, r *console.Record) bool {
	terminal := r.Source == ""
	switch who {
	case Firmware:
		return terminal
	case Kernel: // without a stamp only where no line has one (printk.time=0)
		return r.Source == "kernel" || terminal && !s.stamped
	case Stage1:
		return terminal || strings.HasPrefix(r.Source, "dracut")
	case Dracut:
		return strings.HasPrefix(r.Source, "dracut")
	case Systemd:
		return terminal || r.Source == "systemd"
	case Installer:
		return terminal && s.way != byJournal || r.Source == installerProgram && s.way != byTerminal
	}
	return true
}
