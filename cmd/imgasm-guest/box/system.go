// Commands about the machine, and the table of all commands.

package box

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"
)

// commands is every command that a script can call. What the shell itself
// offers (echo, printf, test, cd, …) is not among them, except as a file that
// `command -v` may look for.
var commands map[string]command

func init() {
	commands = map[string]command{
		"cat": cat, "tee": tee, "head": head, "tail": tail, "wc": wc, "base64": encode64, "tr": tr, "grep": grep, "egrep": egrep,
		"sed": sed, "sort": sortLines, "cut": cut,
		"ls": ls, "mkdir": mkdir, "chmod": chmod, "chown": chown, "chgrp": chown, "rm": rm, "mv": mv, "cp": cp, "ln": ln,
		"touch": touch, "mktemp": mktemp, "readlink": readlink, "realpath": readlink, "basename": basename, "dirname": dirname,
		"uname": uname, "hostname": hostname, "rpm": rpm, "sync": sync, "sleep": sleep, "date": date, "id": id, "whoami": id,
		"df": df, "uptime": uptime, "systemctl": systemctl, "poweroff": power, "reboot": power, "halt": power, "shutdown": power,
		"cloud-init": cloudInit, "sudo": sudo, "bash": shell, "sh": shell, "env": env, "timeout": timeout, "seq": seq,
	}
	// What configures the system that a real installation has and this one has
	// not: they say so and succeed.
	for _, name := range []string{
		"dnf", "yum", "restorecon", "semanage", "setsebool", "firewall-cmd", "firewall-offline-cmd", "grubby", "grub2-mkconfig",
		"dracut", "systemd-machine-id-setup", "fstrim", "update-crypto-policies", "authselect", "localectl", "timedatectl", "tuned-adm",
	} {
		commands[name] = pretend
	}
}

func pretend(c *call) int {
	fmt.Fprintf(c.err, "%s: not done, this is a rehearsal\n", c.name)
	return 0
}

func egrep(c *call) int {
	c.args = append([]string{"-E"}, c.args...)
	return grep(c)
}

func uname(c *call) int {
	given, _, err := c.options("a s n r v m o", "")
	if err != nil {
		return c.fail("%v", err)
	}
	if c.sys.Uname == nil {
		return c.fail("not known here")
	}
	u, err := c.sys.Uname()
	if err != nil {
		return c.fail("%v", err)
	}
	var fields []string
	for _, f := range []struct{ flag, value string }{
		{"s", u.System}, {"n", u.Node}, {"r", u.Release}, {"v", u.Version}, {"m", u.Machine}, {"o", "GNU/Linux"},
	} {
		if has(given, "a", f.flag) || len(given) == 0 && f.flag == "s" {
			fields = append(fields, f.value)
		}
	}
	fmt.Fprintln(c.out, strings.Join(fields, " "))
	return 0
}

func hostname(c *call) int {
	if data, err := os.ReadFile("/etc/hostname"); err == nil && strings.TrimSpace(string(data)) != "" {
		fmt.Fprintln(c.out, strings.TrimSpace(string(data)))
		return 0
	}
	name, err := os.Hostname()
	if err != nil {
		return c.fail("%v", err)
	}
	fmt.Fprintln(c.out, name)
	return 0
}

// splitNEVRA parts NAME-VERSION-RELEASE.ARCH.
func splitNEVRA(s string) (name, version, release, arch string) {
	s, arch = cutLast(s, ".")
	s, release = cutLast(s, "-")
	name, version = cutLast(s, "-")
	return
}

func cutLast(s, sep string) (before, after string) {
	if at := strings.LastIndex(s, sep); at >= 0 {
		return s[:at], s[at+len(sep):]
	}
	return s, ""
}

func rpm(c *call) int {
	given, names, err := c.options("q a e i v h U nosignature last", "qf queryformat import root")
	if err != nil {
		return c.fail("%v", err)
	}
	if has(given, "import") {
		return pretend(c)
	}
	if !has(given, "q") || c.sys.Packages == nil {
		return c.fail("only -q is offered in a rehearsal")
	}
	format, ok := first(given, "qf", "queryformat")
	if !ok {
		format = `%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n`
	}
	installed := c.sys.Packages()
	show := func(nevra string) {
		n, v, r, a := splitNEVRA(nevra)
		fmt.Fprint(c.out, strings.NewReplacer(`\n`, "\n", `\t`, "\t", "%{NAME}", n, "%{name}", n, "%{VERSION}", v, "%{version}", v,
			"%{RELEASE}", r, "%{release}", r, "%{ARCH}", a, "%{arch}", a, "%{EPOCH}", "(none)", "%{EPOCHNUM}", "0",
			"%{NEVRA}", nevra, "%{nevra}", nevra, "%{NVRA}", nevra, "%{nvra}", nevra).Replace(format))
	}
	if has(given, "a") {
		for _, p := range installed {
			if n, _, _, _ := splitNEVRA(p); len(names) == 0 || globAny(names, n) || globAny(names, p) {
				show(p)
			}
		}
		return 0
	}
	code := 0
	for _, name := range names {
		found := false
		for _, p := range installed {
			if n, _, _, _ := splitNEVRA(p); n == name {
				show(p)
				found = true
			}
		}
		if !found {
			fmt.Fprintf(c.out, "package %s is not installed\n", name)
			code = 1
		}
	}
	return code
}

func globAny(globs []string, name string) bool {
	for _, g := range globs {
		if ok, _ := path.Match(g, name); ok {
			return true
		}
	}
	return false
}

func sleep(c *call) int {
	var total time.Duration
	for _, a := range c.args {
		unit := time.Second
		for suffix, u := range map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour} {
			if strings.HasSuffix(a, suffix) {
				a, unit = strings.TrimSuffix(a, suffix), u
				break
			}
		}
		n, err := strconv.ParseFloat(a, 64)
		if err != nil || n < 0 || n > 1e6 {
			return c.fail("invalid time interval '%s'", a)
		}
		total += time.Duration(n * float64(unit))
	}
	select {
	case <-time.After(total):
		return 0
	case <-c.ctx.Done():
		return 130
	}
}

func date(c *call) int {
	now := time.Now().UTC()
	for _, a := range c.args {
		if strings.HasPrefix(a, "+") {
			fmt.Fprintln(c.out, strings.NewReplacer("%s", fmt.Sprint(now.Unix()), "%Y", now.Format("2006"), "%m", now.Format("01"),
				"%d", now.Format("02"), "%H", now.Format("15"), "%M", now.Format("04"), "%S", now.Format("05"),
				"%F", now.Format("2006-01-02"), "%T", now.Format("15:04:05"), "%Z", "UTC", "%z", "+0000").Replace(a[1:]))
			return 0
		}
	}
	fmt.Fprintln(c.out, now.Format(time.UnixDate))
	return 0
}

func id(c *call) int {
	given, _, err := c.options("u n g G r", "")
	if err != nil {
		return c.fail("%v", err)
	}
	user := c.sys.User
	if user == "" {
		user = "root"
	}
	switch {
	case c.name == "whoami" || has(given, "u") && has(given, "n"):
		fmt.Fprintln(c.out, user)
	case has(given, "u", "g"):
		fmt.Fprintln(c.out, c.sys.UID)
	default:
		fmt.Fprintf(c.out, "uid=%d(%s) gid=%d(%s) groups=%d(%s)\n", c.sys.UID, user, c.sys.UID, user, c.sys.UID, user)
	}
	return 0
}

func df(c *call) int {
	if c.sys.Filesystems == nil {
		return c.fail("not known here")
	}
	fmt.Fprintf(c.out, "%-16s %10s %10s %10s %4s %s\n", "Filesystem", "1K-blocks", "Used", "Available", "Use%", "Mounted on")
	for _, f := range c.sys.Filesystems() {
		used := f.TotalKiB - f.FreeKiB
		percent := int64(0)
		if f.TotalKiB > 0 {
			percent = (used*100 + f.TotalKiB - 1) / f.TotalKiB
		}
		fmt.Fprintf(c.out, "%-16s %10d %10d %10d %3d%% %s\n", f.Device, f.TotalKiB, used, f.FreeKiB, percent, f.Mount)
	}
	return 0
}

func uptime(c *call) int {
	fmt.Fprintf(c.out, "up %d seconds\n", int(time.Since(c.sys.Started).Seconds()))
	return 0
}

func systemctl(c *call) int {
	var words []string
	for _, a := range c.args {
		if !strings.HasPrefix(a, "-") {
			words = append(words, a)
		}
	}
	if len(words) == 0 {
		return pretend(c)
	}
	switch words[0] {
	case "poweroff", "reboot", "halt":
		return end(c, words[0])
	case "is-system-running":
		fmt.Fprintln(c.out, "running")
	case "is-active":
		fmt.Fprintln(c.out, "active")
	case "is-enabled":
		fmt.Fprintln(c.out, "enabled")
	case "list-units":
		fmt.Fprintln(c.out, "0 loaded units listed.")
	default:
		return pretend(c)
	}
	return 0
}

func power(c *call) int {
	what := c.name
	if what == "shutdown" {
		what = "poweroff"
		for _, a := range c.args {
			switch a {
			case "-r", "--reboot":
				what = "reboot"
			case "-H", "--halt":
				what = "halt"
			}
		}
	}
	return end(c, what)
}

func end(c *call, what string) int {
	if c.sys.Power == nil {
		return c.fail("not allowed here")
	}
	if c.sys.UID != 0 {
		return c.fail("must be root: use sudo")
	}
	c.sys.Power(what)
	return 0
}

func cloudInit(c *call) int {
	if len(c.args) > 0 && c.args[0] == "status" {
		fmt.Fprintln(c.out, "status: done")
		return 0
	}
	return pretend(c)
}
