// Package box runs shell scripts where there are no other programs: the shell
// is mvdan.cc/sh, and the commands that kickstart scripts and logins call are
// functions of this package, as far as a rehearsal needs them.
package box

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// System is what the commands know of the machine. Fields that are nil or
// empty make the commands that need them fail with a message.
type System struct {
	// Packages lists the installed packages as NAME-VERSION-RELEASE.ARCH.
	Packages func() []string
	// Uname returns the fields of uname(2).
	Uname func() (Uname, error)
	// User is the name under which commands run, UID its number.
	User string
	UID  int
	// Power ends the machine: "poweroff", "reboot" or "halt". It returns at once.
	Power func(what string)
	// Sudo starts sudo as a program of its own, for users that are not root.
	Sudo func(in io.Reader, out, errs io.Writer, args []string) int
	// Become makes this process root's, if it is such a program.
	Become func() error
	// Filesystems returns lines of df.
	Filesystems func() []Filesystem
	// Started tells since when the system runs.
	Started time.Time
}

// Uname is what uname(1) prints.
type Uname struct{ System, Node, Release, Version, Machine string }

// Filesystem is one line of df.
type Filesystem struct {
	Device, Mount     string
	TotalKiB, FreeKiB int64
}

// A Script is one run of the shell.
type Script struct {
	Name           string // for the shell's messages: "ks-script"
	Text           string
	Dir            string // working folder; empty: "/"
	Env            []string
	Args           []string // $1…
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// EndedIn, if set, is told the working folder at the end.
	EndedIn func(dir string)
}

// A command runs with its arguments and returns its exit status.
type command func(c *call) int

// call is one invocation.
type call struct {
	ctx      context.Context
	sys      *System
	name     string
	args     []string // without the name
	dir      string
	env      func(string) string
	in       io.Reader
	out, err io.Writer
}

// path resolves a file name against the working folder.
func (c *call) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// fail prints a message in the usual form and returns 1.
func (c *call) fail(format string, a ...any) int {
	fmt.Fprintf(c.err, c.name+": "+format+"\n", a...)
	return 1
}

// why says what went wrong with a file without repeating its path.
func why(err error) string {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// Names lists the commands, sorted, so that links to them can be made.
func Names() []string {
	names := slices.Collect(mapKeys(commands))
	sort.Strings(names)
	return names
}

func mapKeys(m map[string]command) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Run runs the script and returns its exit status: 2 if it cannot be parsed.
// The error is ctx's, or of starting the shell.
func (s *System) Run(ctx context.Context, script Script) (int, error) {
	fill(&script)
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script.Text), script.Name)
	if err != nil {
		fmt.Fprintf(script.Stderr, "%v\n", err)
		return 2, nil
	}
	dir := script.Dir
	if _, err := os.Stat(dir); err != nil {
		dir = "/"
	}
	runner, err := interp.New(
		interp.Dir(dir),
		interp.Env(expand.ListEnviron(environment(script.Env, s)...)),
		interp.StdIO(script.Stdin, script.Stdout, script.Stderr),
		interp.Params(append([]string{"--"}, script.Args...)...),
		interp.ExecHandlers(s.handle),
	)
	if err != nil {
		return 1, err
	}
	err = runner.Run(ctx, parsed)
	if script.EndedIn != nil {
		script.EndedIn(runner.Dir)
	}
	return status(ctx, err)
}

// Command runs one command of the table with its arguments; script gives
// folder, environment and streams.
func (s *System) Command(ctx context.Context, argv []string, script Script) (int, error) {
	var words []string
	for _, a := range append([]string{filepath.Base(argv[0])}, argv[1:]...) {
		quoted, err := syntax.Quote(a, syntax.LangBash)
		if err != nil {
			return 1, err
		}
		words = append(words, quoted)
	}
	script.Name, script.Text = words[0], strings.Join(words, " ")
	return s.Run(ctx, script)
}

func fill(script *Script) {
	if script.Dir == "" {
		script.Dir = "/"
	}
	if script.Stdin == nil {
		script.Stdin = strings.NewReader("")
	}
	if script.Stdout == nil {
		script.Stdout = io.Discard
	}
	if script.Stderr == nil {
		script.Stderr = script.Stdout
	}
}

// environment adds what every program of a Linux system finds.
func environment(env []string, s *System) []string {
	user := s.User
	if user == "" {
		user = "root"
	}
	return append([]string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", "TERM=vt220", "SHELL=/bin/bash", "USER=" + user, "LOGNAME=" + user,
	}, env...)
}

func status(ctx context.Context, err error) (int, error) {
	var exit interp.ExitStatus
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return int(exit), nil
	case ctx.Err() != nil:
		return 130, ctx.Err()
	}
	return 1, err
}

// handle runs a command of the table in place of a program.
func (s *System) handle(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, argv []string) error {
		hc := interp.HandlerCtx(ctx)
		name := filepath.Base(argv[0])
		run, ok := commands[name]
		if !ok {
			fmt.Fprintf(hc.Stderr, "%s: command not found\n", argv[0])
			return interp.ExitStatus(127)
		}
		in := hc.Stdin
		if in == nil {
			in = strings.NewReader("")
		}
		c := &call{
			ctx: ctx, sys: s, name: name, args: argv[1:], dir: hc.Dir, in: in, out: hc.Stdout, err: hc.Stderr,
			env: func(key string) string { return hc.Env.Get(key).String() },
		}
		if code := run(c); code != 0 {
			return interp.ExitStatus(uint8(code))
		}
		return nil
	}
}
