// The user's own checks: a file of shell snippets, each with what it should print
// and how it should end.
//
//	# A comment.
//	the web server answers
//	  $ curl -fsS http://127.0.0.1/
//	  Welcome to .* (re)
//	nothing listens for telnet
//	  $ ss -Htln |
//	  > grep ':23 '
//	  [1]

package verify

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrChecks is a file of checks that cannot be read as one. A *ParseError says where.
var ErrChecks = fault.Class(fault.Input, "not a file of checks")

// ParseError is what is wrong with a file of checks, and where.
type ParseError struct {
	File         string
	Line, Column int // 1-based; columns count bytes
	Text         string
}

// Error says it as compilers do.
func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Text)
}

// Check is a check of the user's own.
type Check struct {
	Name   string
	Script string // for the guest's /bin/sh
	// Want are the lines that it should print; nil: whatever it prints.
	Want   []Line
	Status int // with which it should end
}

// Line is a line that a script should print.
type Line struct {
	Text    string
	Pattern *regexp.Regexp // matches the whole line; nil: it is Text
}

func (l Line) matches(text string) bool {
	text = strings.TrimRight(text, " \t\r")
	if l.Pattern != nil {
		return l.Pattern.MatchString(text)
	}
	return l.Text == text
}

const (
	// MaxChecks is the size of the largest file of checks, in bytes.
	MaxChecks = 1 << 20
	indent    = "  "
	isPattern = " (re)"
)

// parser reads a file of checks.
type parser struct {
	name   string
	line   int
	checks []Check
	blanks int  // blank lines since the last one of output
	ended  bool // the check has its status
}

// ParseChecks reads a file of checks, which errors call name: see docs/verify.md.
// The error is of class ErrChecks, and a *ParseError.
func ParseChecks(name string, text []byte) ([]Check, error) {
	p := parser{name: name}
	if len(text) > MaxChecks {
		return nil, p.bad(1, "%d bytes are more than a file of checks has", len(text))
	}
	for line := range bytes.Lines(text) {
		p.line++
		if err := p.take(strings.TrimRight(string(line), " \t\r\n")); err != nil {
			return nil, err
		}
	}
	if len(p.checks) == 0 {
		p.line = max(p.line, 1)
		return nil, p.bad(1, "there is no check in it")
	}
	return p.checks, p.whole()
}

func (p *parser) bad(column int, format string, args ...any) error {
	return &fault.Error{Class: ErrChecks, Field: "Check", Err: &ParseError{p.name, p.line, column, fmt.Sprintf(format, args...)},
		Do: "a check is a line with its name, then by two spaces indented \"$ COMMAND\", what it prints, and [STATUS] if that is not 0"}
}

// whole reports whether the last check has a command.
func (p *parser) whole() error {
	if n := len(p.checks); n > 0 && p.checks[n-1].Script == "" {
		return p.bad(1, "the check %q has no command", p.checks[n-1].Name)
	}
	return nil
}

func (p *parser) take(line string) error {
	switch {
	case line == "":
		p.blanks++
		return nil
	case line[0] == '#':
		return nil
	case line[0] == '\t':
		return p.bad(1, "a tab: what belongs to a check is indented by two spaces")
	case line[0] != ' ':
		return p.begin(line)
	case !strings.HasPrefix(line, indent):
		return p.bad(1, "one space: what belongs to a check is indented by two")
	case len(p.checks) == 0:
		return p.bad(1, "there is no check yet: its name, not indented, comes first")
	}
	c, text := &p.checks[len(p.checks)-1], line[len(indent):]
	blanks := p.blanks
	p.blanks = 0
	switch {
	case strings.HasPrefix(text, "$ "):
		if c.Script != "" {
			return p.bad(3, "the check %q has a command already: \"> \" goes on with it", c.Name)
		}
		c.Script = text[2:]
		return nil
	case c.Script == "":
		return p.bad(3, "the check %q begins with its command, \"$ COMMAND\"", c.Name)
	case p.ended:
		return p.bad(3, "nothing comes after the status of the check %q", c.Name)
	case strings.HasPrefix(text, "> ") || text == ">":
		if c.Want != nil {
			return p.bad(3, "the command of the check %q has ended before its output", c.Name)
		}
		c.Script += "\n" + strings.TrimPrefix(text[1:], " ")
		return nil
	}
	if status := statusLine.FindStringSubmatch(text); status != nil {
		c.Status, _ = strconv.Atoi(status[1])
		if p.ended = true; c.Status > 255 {
			return p.bad(4, "%s is no exit status: 0 to 255", status[1])
		}
		return nil
	}
	if c.Want != nil {
		c.Want = append(c.Want, make([]Line, blanks)...)
	}
	return p.output(c, text)
}

// statusLine is how a command should end: "[1]".
var statusLine = regexp.MustCompile(`^\[(\d{1,4})\]$`)

// begin begins a check.
func (p *parser) begin(name string) error {
	if err := p.whole(); err != nil {
		return err
	}
	for _, c := range p.checks {
		if c.Name == name {
			return p.bad(1, "there is a check %q already", name)
		}
	}
	p.checks = append(p.checks, Check{Name: name})
	p.blanks, p.ended = 0, false
	return nil
}

// output takes a line that the command should print.
func (p *parser) output(c *Check, text string) error {
	l := Line{Text: text}
	if pattern, ok := strings.CutSuffix(text, isPattern); ok {
		var err error
		if l.Pattern, err = regexp.Compile("^(?:" + pattern + ")$"); err != nil {
			return p.bad(3, "%v", err)
		}
	}
	c.Want = append(c.Want, l)
	return nil
}

// run asks the guest.
func (c Check) run(ctx context.Context, r *run) verdict {
	out, bad := r.ask(ctx, c.Script)
	if bad != nil {
		return *bad
	}
	return c.judge(out)
}

// judge compares what a script has printed and how it ended with what it should.
func (c Check) judge(out output) verdict {
	printed := strings.Split(strings.TrimRight(out.text, "\n"), "\n")
	if out.status != c.Status {
		return failed(out.lines(), "it ended with %d, not %d", out.status, c.Status)
	}
	if c.Want == nil {
		return passed("it ended with %d", out.status)
	}
	for i, l := range c.Want {
		switch {
		case i >= len(printed):
			return failed(out.lines(), "it printed %s, and %d were expected: the next is %q", count(len(printed), "line"), len(c.Want), l.Text)
		case !l.matches(printed[i]):
			return failed(out.lines(), "line %d is not %q", i+1, l.Text)
		}
	}
	if len(printed) > len(c.Want) {
		return failed(out.lines(), "it printed %s, and %d were expected", count(len(printed), "line"), len(c.Want))
	}
	return passed("it printed what was expected")
}
