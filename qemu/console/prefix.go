package console

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// What stands before a line's text: the kernel's time stamp, journald's program
// and process, systemd's animation.

// read fills a record from a line's text, or says that the line is of no
// interest: empty, or a frame of an animation.
func (r *Record) read(text string) bool {
	text = strings.TrimRight(text, " ")
	if text == "" || spinner(text) {
		return false
	}
	rest, stamp, ok := cutStamp(text)
	if ok {
		r.Stamp, r.Stamped, r.Source = stamp, true, "kernel"
	}
	if program, pid, message, ok := cutProgram(rest); ok {
		r.Source, r.PID, rest = program, pid, message
	}
	r.Text = strings.TrimRight(rest, " ")
	return r.Text != ""
}

// frame is the beginning of a frame of the animation that systemd shows while it
// waits for a job: "[ ***  ] (1 of 2) Job X/start running (34s / no limit)". The
// last is overwritten by the real status, "[  OK  ] Started X", which is not one.
var frame = regexp.MustCompile(`^\[[* ]{6}\]`)

func spinner(s string) bool {
	return strings.Contains(frame.FindString(s), "*")
}

// stamp is the kernel's time, "[   12.345678] " (printk_time in
// kernel/printk/printk.c: seconds padded to five, microseconds to six), and the
// caller that CONFIG_PRINTK_CALLER puts after it, "[    T1] ".
var stamp = regexp.MustCompile(`^\[ *(\d{1,9}\.\d{6})\](\[ *[TC]\d+\])? ?`)

func cutStamp(s string) (rest string, at time.Duration, ok bool) {
	m := stamp.FindStringSubmatch(s)
	if m == nil {
		return s, 0, false
	}
	at, err := time.ParseDuration(m[1] + "s")
	return s[len(m[0]):], at, err == nil
}

// prefix is journald's "PROGRAM[PID]: ". A program's comm has 15 characters at
// most, its SYSLOG_IDENTIFIER is free.
var prefix = regexp.MustCompile(`^([!-9;-Z\\-~]{1,63})\[(\d{1,9})\]: ?`)

func cutProgram(s string) (program string, pid int, rest string, ok bool) {
	m := prefix.FindStringSubmatch(s)
	if m == nil {
		return "", 0, s, false
	}
	pid, err := strconv.Atoi(m[2])
	return m[1], pid, s[len(m[0]):], err == nil
}
