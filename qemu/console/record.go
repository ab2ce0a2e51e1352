// Package console turns the bytes of a guest's serial console into records:
// one cleaned line each, in order, reported once.
//
// A console is a terminal stream, not a text file. What arrives is plain lines
// of the kernel, of journald and of systemd with colours, cursor movements,
// animated status lines, firmware boxes in CP437, prompts that never get a
// newline and, when the installer runs in tmux, a screen that is repainted
// again and again. Reader handles all of them in bounded memory, and what it
// reports depends on the bytes only, never on how they were cut into writes.
package console

import "time"

// Record is one line of the console as a person would have read it.
type Record struct {
	// Line is the 1-based line of the raw log, counted in line feeds, in which
	// the last byte of the text stood.
	Line int
	// Text is the line without escape sequences, without the kernel's or
	// journald's prefix and without blanks at its end. Blanks at its beginning
	// are kept. It is never empty; invalid UTF-8 is U+FFFD.
	Text string
	// Source is the program that journald names in "[   12.345678] PROGRAM[PID]: ",
	// "kernel" for a line with a time stamp and no program, "" for bytes that
	// something wrote straight to the terminal.
	Source string
	// PID is the process number of that prefix, 0 if there is none.
	PID int
	// Stamp is the guest's clock in the prefix: time since its kernel started.
	// It is 0 where Stamped is false.
	Stamp   time.Duration
	Stamped bool
	// Screen is true for a line read off the screen that a terminal
	// multiplexer (tmux) painted.
	Screen bool
	// Partial is true for a line that has not ended yet, such as a prompt.
	// Only Flush reports these; the line is reported again, whole, when it ends.
	Partial bool
	// Cut is true when the line was longer than MaxLine and the rest of it is
	// missing here. It is in the raw log.
	Cut bool
}

// MaxLine is the number of characters of one line that are kept.
const MaxLine = 16 << 10
