// Commands that run other commands, and the little rest.

package box

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"context"
)

// nested runs a command line as a script of its own.
func (c *call) nested(ctx context.Context, sys *System, argv []string) int {
	code, err := sys.Command(ctx, argv, Script{Dir: c.dir, Stdin: c.in, Stdout: c.out, Stderr: c.err})
	if err != nil && ctx.Err() == nil {
		return c.fail("%v", err)
	}
	return code
}

// shell runs "-c TEXT", a file, or standard input.
func shell(c *call) int {
	given, operands, err := c.options("e u x l i", "c")
	if err != nil {
		return 2 * c.fail("%v", err)
	}
	script := Script{Name: c.name, Dir: c.dir, Stdin: c.in, Stdout: c.out, Stderr: c.err}
	switch text, isText := given["c"]; {
	case isText:
		script.Text = text
		if len(operands) > 1 {
			script.Args = operands[1:]
		}
	case len(operands) > 0:
		data, err := os.ReadFile(c.path(operands[0]))
		if err != nil {
			c.fail("%s: %s", operands[0], why(err))
			return 127
		}
		script.Text, script.Args = string(data), operands[1:]
	default:
		data, err := readAll(c.in)
		if err != nil {
			return c.fail("%v", err)
		}
		script.Text, script.Stdin = string(data), nil
	}
	for _, flag := range []string{"x", "u", "e"} {
		if has(given, flag) {
			script.Text = "set -" + flag + "\n" + script.Text
		}
	}
	code, err := c.sys.Run(c.ctx, script)
	if err != nil && c.ctx.Err() == nil {
		return c.fail("%v", err)
	}
	return code
}

// sudo runs a command as root. Whether the user may is asked of sudoers in the
// form that kickstarts write: "NAME ALL=(ALL) NOPASSWD: ALL". Passwords are
// not asked for: without such a rule the answer is no.
func sudo(c *call) int {
	args := c.args
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		if args[0] == "-u" && len(args) > 1 {
			args = args[1:]
		}
		args = args[1:]
	}
	root := *c.sys
	root.User, root.UID, root.Become = "root", 0, nil
	switch {
	case c.sys.UID == 0:
	case c.sys.Become != nil:
		// sudoers is root's; from here on this process may read it.
		if err := c.sys.Become(); err != nil {
			return c.fail("%v", err)
		}
		if !maySudo(c.sys.User) {
			return c.fail("a password is required")
		}
	case c.sys.Sudo != nil:
		return c.sys.Sudo(c.in, c.out, c.err, c.args)
	default:
		return c.fail("not offered here")
	}
	if len(args) == 0 {
		return 0
	}
	return c.nested(c.ctx, &root, args)
}

// maySudo looks for a rule without password for the user, or for one of the
// groups that it is in.
func maySudo(user string) bool {
	who := map[string]bool{user: true}
	if groups, err := os.ReadFile("/etc/group"); err == nil {
		for _, line := range strings.Split(string(groups), "\n") {
			if f := strings.Split(line, ":"); len(f) > 3 {
				for _, member := range strings.Split(f[3], ",") {
					if member == user {
						who["%"+f[0]] = true
					}
				}
			}
		}
	}
	files := []string{"/etc/sudoers"}
	if entries, err := os.ReadDir("/etc/sudoers.d"); err == nil {
		for _, e := range entries {
			files = append(files, "/etc/sudoers.d/"+e.Name())
		}
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, line := range strings.Split(string(data), "\n") {
			if f := strings.Fields(line); len(f) > 1 && who[f[0]] && strings.Contains(line, "NOPASSWD:") {
				return true
			}
		}
	}
	return false
}

func env(c *call) int {
	args := c.args
	for len(args) > 0 && (strings.Contains(args[0], "=") || strings.HasPrefix(args[0], "-")) {
		args = args[1:]
	}
	if len(args) == 0 {
		for _, e := range environment(nil, c.sys) {
			fmt.Fprintln(c.out, e)
		}
		return 0
	}
	return c.nested(c.ctx, c.sys, args)
}

func timeout(c *call) int {
	if len(c.args) < 2 {
		return c.fail("missing operand")
	}
	seconds, err := strconv.ParseFloat(strings.TrimSuffix(c.args[0], "s"), 64)
	if err != nil || seconds < 0 || seconds > 1e6 {
		return 125 * c.fail("invalid time interval '%s'", c.args[0])
	}
	ctx, cancel := context.WithTimeout(c.ctx, time.Duration(seconds*float64(time.Second)))
	defer cancel()
	code := c.nested(ctx, c.sys, c.args[1:])
	if ctx.Err() == context.DeadlineExceeded {
		return 124
	}
	return code
}

func seq(c *call) int {
	from, to := 1, 0
	var err error
	switch len(c.args) {
	case 1:
		to, err = strconv.Atoi(c.args[0])
	case 2:
		if from, err = strconv.Atoi(c.args[0]); err == nil {
			to, err = strconv.Atoi(c.args[1])
		}
	default:
		return c.fail("one or two numbers are needed")
	}
	if err != nil {
		return c.fail("%v", err)
	}
	for i := from; i <= to && c.ctx.Err() == nil; i++ {
		if _, err := fmt.Fprintln(c.out, i); err != nil {
			return 1
		}
	}
	return 0
}
