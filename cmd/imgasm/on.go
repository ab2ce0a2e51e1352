// --on: another host does what a verb is asked, and what it makes comes home.

package main

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/publish"
)

// onFlags are those of verbs that another host can do.
func onFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "on", Category: groupWhere, Usage: "do it on `HOST`, and bring home what it makes"},
		&cli.BoolFlag{Name: "nice", Category: groupWhere + rare, Usage: "let it give way to what else HOST does"},
	}, binaryFlag())
}

// here is the host that nobody needs to go to.
const here = "here"

// isAway reports whether another host is to do it.
func isAway(c *cli.Context) bool { return c.IsSet("on") && c.String("on") != here }

func binaryFlag() cli.Flag {
	return &cli.StringFlag{Name: "remote-binary", Category: groupWhere + rare, Usage: "copy the imgasm in `FILE` to HOST if that has none of this version", DefaultText: "this one, or imgasm-OS-ARCH beside it or in the cache"}
}

// errand is what a verb has another host do.
type errand struct {
	c *cli.Context
	// check looks at what the flags ask for, as far as this host can.
	check func(there remote.Hello) error
	need  remote.Need
	home  homecoming
	// flags have another value there, whether they are set here or not.
	flags map[string]string
	args  []string // the verb's arguments there
	bag   *luggage
	shown ui.Shown
}

// newErrand begins the errand of a verb whose output goes to out.
func (a *app) newErrand(c *cli.Context, out string) (*errand, error) {
	abs, err := filepath.Abs(out)
	cwd, err2 := os.Getwd()
	if err := errors.Join(err, err2); err != nil {
		return nil, err
	}
	if err := sayable(out, filepath.Base(abs)); err != nil {
		return nil, badInput("", err, "give it another name")
	}
	e := &errand{c: c, bag: &luggage{app: a, ctx: c.Context}, check: func(remote.Hello) error { return nil },
		flags: map[string]string{},
		shown: ui.Shown{JSON: c.Bool("json"), Quiet: c.Bool("quiet"), Verbose: c.Bool("verbose")}}
	e.home = homecoming{Host: hostName(), Verb: c.Command.Name, Out: abs, Force: c.Bool("force"), Cwd: cwd}
	e.home.call(imageThere+"/"+filepath.Base(abs), out)
	e.home.call(imageThere, filepath.Dir(out))
	return e, nil
}

func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// installOn has another host do what alma and rehearse are asked.
func (a *app) installOn(c *cli.Context, s alma.Spec) error {
	for _, flag := range []string{"keep", "keep-vm", "iso-only"} {
		if c.Bool(flag) {
			return a.usage("--%s is about what stays on the host that builds: it does not go with --on", flag)
		}
	}
	s.Output = s.WithDefaults(alma.DefaultOut)
	e, err := a.newErrand(c, s.Out)
	if err != nil {
		return err
	}
	e.need = remote.Need{Arch: s.Arch, Machine: true, Accel: s.Machine.Accel, QEMU: s.Machine.QEMU, FreeBytes: 3 << 30}
	e.check = func(there remote.Hello) error {
		h, err := a.host()
		if s.Arch == "" {
			s.Arch = there.Arch
		}
		if err != nil {
			return err
		}
		return s.CheckInput(c.Context, h)
	}
	if err := e.home.builds(s.Output); err != nil {
		return err
	}
	e.flags["out"] = imageThere + "/" + filepath.Base(s.Out)
	e.writes("report", s.Report, reportThere+"/"+filepath.Base(s.Out)+".html")
	e.writes("bundle", s.Bundle, bundleThere+"/"+filepath.Base(s.Bundle))
	if s.Lock || s.Locked {
		if e.flags["lock-file"], err = e.bag.at(lockThere, e.home.Output.LockFile, s.Locked); err != nil {
			return badInput("--lock-file", err, fileHint(err))
		}
		e.home.call(e.flags["lock-file"], s.LockFile)
		e.home.Output.Lock = s.Lock && !s.Locked // what is demanded stays as it is
	}
	return a.elsewhere(e)
}

// convertOn has another host do what convert is asked.
func (a *app) convertOn(c *cli.Context, in, out string) error {
	if err := publish.Check(out); err != nil {
		return err
	}
	e, err := a.newErrand(c, out)
	if err != nil {
		return err
	}
	there, err := e.bag.input(&e.home, in, false)
	if err != nil {
		return ofUser(err)
	}
	e.need.FreeBytes = sizes(e.bag.files) // as much as it may be again
	e.args = []string{there, imageThere + "/" + filepath.Base(out)}
	return a.elsewhere(e)
}

// verifyOn has another host do what verify is asked. The image lies there where a
// failure's bundle comes home from.
func (a *app) verifyOn(c *cli.Context, image string) error {
	e, err := a.newErrand(c, image)
	if err != nil {
		return err
	}
	name, err := e.bag.at(imageThere, e.home.Out, true)
	if err != nil {
		return ofUser(err)
	}
	if about := assemble.Description(e.home.Out); canRead(about) == nil {
		if _, err := e.bag.at(imageThere, about, true); err != nil {
			return err
		}
	}
	e.args = []string{name}
	e.need = remote.Need{Arch: c.String("arch"), Machine: true, Accel: c.String("accel"), QEMU: c.String("qemu"), FreeBytes: 3 << 30}
	if e.shown.JSON {
		e.shown = ui.Shown{Quiet: true} // its events are for people alone
	}
	if err := checkWritten(c, image); err != nil {
		return err
	}
	for _, f := range []struct {
		flag, there string
		home        *string
	}{
		{"bundle", bundleThere + "/" + filepath.Base(c.String("bundle")), &e.home.Bundle},
		{"junit", junitThere + "/" + filepath.Base(c.String("junit")), &e.home.JUnit},
		{"report", reportThere + "/" + filepath.Base(image) + ".html", &e.home.Report},
	} {
		path := c.String(f.flag)
		if path == "" {
			continue
		}
		if *f.home, err = filepath.Abs(path); err != nil {
			return err
		}
		e.writes(f.flag, path, f.there)
	}
	return a.elsewhere(e)
}

// writes says that what a flag names, "" for nothing, is written there under another name.
func (e *errand) writes(flag, path, there string) {
	if path != "" {
		e.flags[flag] = there
		e.home.call(there, path)
	}
}

// me is this user, for others.
func me() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return name + "@" + hostName()
}

// title is how a list calls a job.
func (e *errand) title() string {
	return strings.Join([]string{e.c.Command.Name, filepath.Base(e.home.Out)}, " ")
}
