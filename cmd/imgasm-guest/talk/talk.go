// Package talk writes what a real installer's guest writes, where it writes
// it: the console by way of journald (inst.notmux) or of tmux, systemd's
// status lines, and Anaconda's log on its virtio port. Only the forms are
// here; what is said is the installer's business.
package talk

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Clock tells the time since the kernel started.
type Clock func() time.Duration

// Console writes to the guest's console device, whose line discipline turns
// "\n" into "\r\n". Its methods may be called by several goroutines.
type Console struct {
	W   io.Writer
	Now Clock
	PID int // of "anaconda" in the journal's prefix
	// Screen, if set, shows what Anaconda says in tmux's way.
	Screen *Screen

	mu      sync.Mutex
	pending string // what Pip and Print began and no line end has closed
}

// Raw writes bytes as they are.
func (c *Console) Raw(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	io.WriteString(c.W, text)
}

// Journal writes one line as journald copies it to the console: with the time
// of the kernel's log and the program's name. Empty lines vanish there.
func (c *Console) Journal(program string, pid int, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.journal(program, pid, text)
}

func (c *Console) journal(program string, pid int, text string) {
	for _, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) != "" {
			fmt.Fprintf(c.W, "[%12.6f] %s[%d]: %s\n", c.Now().Seconds(), program, pid, line)
		}
	}
}

// Anaconda writes what the installer prints, one or more lines.
func (c *Console) Anaconda(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, c.pending = c.pending+text, ""
	c.print(text)
}

// Begin writes the beginning of a line that Anaconda prints without its end:
// a dot for a task, a prompt. Under journald nothing of it is seen until the
// line ends; in tmux at once.
func (c *Console) Begin(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending += text
	if c.Screen != nil {
		c.Screen.Partial(c.pending)
	}
}

// Detach ends tmux, and reports whether it ran: what follows is lines again.
func (c *Console) Detach() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Screen == nil {
		return false
	}
	c.Screen.Detach()
	c.Screen = nil
	return true
}

func (c *Console) print(text string) {
	if c.Screen != nil {
		for _, line := range strings.Split(text, "\n") {
			c.Screen.Line(line)
		}
		return
	}
	c.journal("anaconda", c.PID, text)
}

// Unit writes one of systemd's status lines: state is "OK", "FAILED",
// "DEPEND", or empty for a line without brackets. verb, unit and description
// follow it; what is over 80 columns is left out in the middle.
func (c *Console) Unit(state, verb, unit, description string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := unit
	if len("[  OK  ] "+verb+" "+unit+" - "+description) > 79 {
		name, description = elide(verb, unit, description)
	} else {
		description = " - " + description
	}
	colour := map[string]string{"OK": "0;32", "FAILED": "0;1;31", "DEPEND": "0;1;38:5;185"}[state]
	mark := strings.Repeat(" ", 8)
	switch {
	case state == "OK":
		mark = "[\x1b[" + colour + "m  OK  \x1b[0m]"
	case state != "":
		mark = "[\x1b[" + colour + "m" + state + "\x1b[0m]"
	}
	// PID 1 ends its lines with "\r\n" itself and the terminal adds another "\r".
	fmt.Fprintf(c.W, "%s %s \x1b[0;1;39m%s\x1b[0m%s.\r\n", mark, verb, name, description)
}

// elide shortens a status line to 80 columns as systemd does: the middle of
// "unit - description" becomes one "…".
func elide(verb, unit, description string) (string, string) {
	room := 79 - len("[  OK  ] "+verb+" ") - 2
	whole := unit + " - " + description
	head := room / 3
	tail := room - head - 1
	if len(unit) <= head {
		return unit, "…" + whole[len(whole)-(room-len(unit)-1):]
	}
	return whole[:head] + "…", whole[len(whole)-tail:]
}

// Log writes Anaconda's log in the form that rsyslog's template gives it on
// the virtio port:
//
//	11:33:24,440 INFO anaconda:anaconda: main: /sbin/anaconda 40.22.3.46
type Log struct {
	W io.Writer // nil: nothing is written
	// File gets Anaconda's own messages in the form of /tmp/anaconda.log; may be nil:
	//
	//	22:33:17,932 INF main: /sbin/anaconda 40.22.3.57-1.el10
	File io.Writer
	Now  func() time.Time

	mu sync.Mutex
}

// shortSeverity is how Anaconda's own files name severities.
var shortSeverity = map[string]string{"DEBUG": "DBG", "INFO": "INF", "WARNING": "WRN", "ERR": "ERR", "CRIT": "CRT"}

// Line writes one message of a program.
func (l *Log) Line(severity, program, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.Now().UTC()
	if own, ok := strings.CutPrefix(text, "anaconda: "); ok && program == "anaconda" && l.File != nil {
		short, known := shortSeverity[severity]
		if !known {
			short = severity
		}
		fmt.Fprintf(l.File, "%s,%03d %s %s\n", t.Format("15:04:05"), t.Nanosecond()/1e6, short, own)
	}
	if l.W == nil {
		return
	}
	// rsyslog escapes control characters: a line end is "#012".
	text = strings.ReplaceAll(text, "\n", "#012")
	fmt.Fprintf(l.W, "%s,%03d %s %s:%s\n", t.Format("15:04:05"), t.Nanosecond()/1e6, severity, program, text)
}

// Info is a message of Anaconda's main logger from one of its modules.
func (l *Log) Info(module, format string, a ...any) {
	l.Line("INFO", "anaconda", "anaconda: "+module+": "+fmt.Sprintf(format, a...))
}

// Debug is the same at level debug.
func (l *Log) Debug(module, format string, a ...any) {
	l.Line("DEBUG", "anaconda", "anaconda: "+module+": "+fmt.Sprintf(format, a...))
}

// Error is the same at level error.
func (l *Log) Error(module, format string, a ...any) {
	l.Line("ERR", "anaconda", "anaconda: "+module+": "+fmt.Sprintf(format, a...))
}
