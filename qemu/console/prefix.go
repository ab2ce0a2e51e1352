package console

import (
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

// spinner reports whether the text is a frame of the animation that systemd
// shows while it waits for a job: "[ ***  ] (1 of 2) Job X/start running (34s / no limit)".
// Its last frame is overwritten by the real status, "[  OK  ] Started X", which is not one.
func spinner(s string) bool {
	if len(s) < 8 || s[0] != '[' || s[7] != ']' {
		return false
	}
	stars := 0
	for _, c := range []byte(s[1:7]) {
		switch c {
		case '*':
			stars++
		case ' ':
		default:
			return false
		}
	}
	return stars > 0
}

// cutStamp takes off the kernel's time, "[   12.345678] " (printk_time in
// kernel/printk/printk.c: seconds padded to five, microseconds to six), and the
// caller that CONFIG_PRINTK_CALLER puts after it, "[    T1] ".
func cutStamp(s string) (rest string, at time.Duration, ok bool) {
	if len(s) < len("[0.123456] ") || s[0] != '[' {
		return s, 0, false
	}
	if rest, at, ok = cutTime(s[1:]); !ok {
		return s, 0, false
	}
	return rest, at, true
}

// cutTime does it behind the bracket.
func cutTime(s string) (rest string, at time.Duration, ok bool) {
	i := 0
	for i < len(s) && s[i] == ' ' {
		i++
	}
	var seconds, micros int64
	first := i
	for i < len(s) && isDigit(s[i]) && i-first < 12 {
		seconds = seconds*10 + int64(s[i]-'0')
		i++
	}
	if i == first || i >= len(s) || s[i] != '.' {
		return "", 0, false
	}
	i++
	first = i
	for i < len(s) && isDigit(s[i]) && i-first < 6 {
		micros = micros*10 + int64(s[i]-'0')
		i++
	}
	if i-first != 6 || i >= len(s) || s[i] != ']' || seconds > 1e9 {
		return "", 0, false
	}
	rest = s[i+1:]
	if len(rest) > 2 && rest[0] == '[' {
		if end := strings.IndexByte(rest[:min(len(rest), 16)], ']'); end > 1 {
			if c := strings.TrimLeft(rest[1:end], " "); len(c) > 1 && (c[0] == 'T' || c[0] == 'C') {
				rest = rest[end+1:]
			}
		}
	}
	return strings.TrimPrefix(rest, " "), time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond, true
}

// cutProgram takes off journald's "PROGRAM[PID]: ".
func cutProgram(s string) (program string, pid int, rest string, ok bool) {
	const longest = 64 // of a program's name; comm has 15, SYSLOG_IDENTIFIER is free
	open := strings.IndexByte(s[:min(len(s), longest)], '[')
	if open <= 0 {
		return "", 0, s, false
	}
	for _, c := range []byte(s[:open]) {
		if c <= ' ' || c == ':' || c >= 0x7f {
			return "", 0, s, false
		}
	}
	i := open + 1
	for i < len(s) && isDigit(s[i]) && i-open < 10 {
		pid = pid*10 + int(s[i]-'0')
		i++
	}
	if i == open+1 || !strings.HasPrefix(s[i:], "]:") {
		return "", 0, s, false
	}
	return s[:open], pid, strings.TrimPrefix(s[i+2:], " "), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
