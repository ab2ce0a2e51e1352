// The checks that every image gets.

package verify

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// need is what a check needs to be asked at all.
type need int

const (
	ofFiles      need = iota // the image's files
	ofMachine                // a machine
	ofSignal                 // one that runs
	ofLogin                  // one where somebody is logged in
	ofTwins                  // two that run
	ofTwinLogins             // two where somebody is logged in
)

// check is one thing that is asked of an image.
type check struct {
	name, text string
	needs      need
	run        func(ctx context.Context, r *run) verdict
}

// verdict is how a check ended.
type verdict struct {
	status Status
	why    string
	said   []string
}

func passed(format string, args ...any) verdict {
	return verdict{status: Passed, why: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) verdict {
	return verdict{status: Skipped, why: fmt.Sprintf(format, args...)}
}

func failed(said []string, format string, args ...any) verdict {
	return verdict{Failed, fmt.Sprintf(format, args...), said}
}

// builtIn are the checks that every image gets, in the order in which they are made.
var builtIn = []check{
	{"leftovers", "the image has no traces of its installation and no identity", ofFiles, checkLeftovers},
	{"boot", "the image comes up by itself", ofMachine, checkBoot},
	{"ssh", "somebody can log in over ssh by a key", ofSignal, checkSSH},
	{"console", "a login prompt is on the serial console", ofSignal, checkConsole},
	{"cloud-init", "the seed was read, without an error", ofLogin, checkCloudInit},
	{"grow", "the root file system grows with the disk", ofLogin, checkGrow},
	{"units", "no unit of systemd has failed", ofLogin, checkUnits},
	{"time", "a time service runs, and the clock is right", ofLogin, checkTime},
	{"selinux", "SELinux is in the mode that is configured", ofLogin, checkSELinux},
	{"host-keys", "two machines have different ssh host keys", ofTwins, checkHostKeys},
	{"machine-id", "two machines have different machine-ids", ofTwinLogins, checkMachineID},
}

// Names are the names of the checks that every image gets.
func Names() (names []string) {
	for _, c := range builtIn {
		names = append(names, c.name)
	}
	return names
}

// Describe lists name and text of the checks that every image gets.
func Describe() (all [][2]string) {
	for _, c := range builtIn {
		all = append(all, [2]string{c.name, c.text})
	}
	return all
}

// checks are all of a run: the built-in ones and the user's.
func (r *run) checks() []check {
	all := append([]check(nil), builtIn...)
	for _, own := range r.Own {
		script, _, _ := strings.Cut(own.Script, "\n")
		all = append(all, check{own.Name, "$ " + script, ofLogin, func(ctx context.Context, r *run) verdict { return own.run(ctx, r) }})
	}
	return all
}

// installerLeft are what an installer leaves that does no harm to one machine:
// "/root/anaconda-ks.cfg", "/var/log/anaconda".
var installerLeft = regexp.MustCompile(`^/root/[a-z-]+-ks\.cfg$|^/root/install\.log|^/var/log/(anaconda|installer)$`)

// checkLeftovers looks at the image before anything has booted.
func checkLeftovers(_ context.Context, r *run) verdict {
	var said, installers []string
	for _, l := range r.Inside.Left {
		if installerLeft.MatchString(l.Path) {
			installers = append(installers, l.Path)
		}
		said = append(said, l.Path+": "+l.Why)
	}
	switch {
	case len(said) > 0 && len(said) == len(installers) && !r.Inside.CloudInit:
		return skipped("the image has no cloud-init, and may be of one machine: there are %s", strings.Join(installers, ", "))
	case len(said) > 0:
		return failed(said, "%s left behind", count(len(said), "file"))
	}
	if len(r.Inside.Unread) > 0 {
		return skipped("a part of the image cannot be read: %s", r.Inside.Unread[0])
	}
	return passed("nothing left behind")
}

func checkBoot(ctx context.Context, r *run) verdict {
	c := r.clones[0]
	locked, over := c.locked, (<-chan time.Time)(nil)
	for {
		select {
		case <-c.prompted:
		case <-c.banner:
		case <-locked: // another disk's, perhaps, without which it comes up
			locked, over = nil, time.After(r.Grace)
			continue
		case <-over:
			return skipped("it waits for the passphrase of its disk, which nobody gives")
		case <-c.ended:
			if c.failure == nil && c.err != nil {
				return failed(nil, "%v", c.err)
			}
			return failed(c.words(), "before anybody could log in: %s", c.fate())
		case <-ctx.Done():
		}
		return passed("up %.1f s after power-on", c.upAt.Seconds())
	}
}

func checkSSH(ctx context.Context, r *run) verdict {
	c := r.clones[0]
	known := r.Login.Name != "" || r.Account.Name != ""
	if !known && !r.reads() {
		return skipped("nothing in the image reads a seed (no cloud-init), and no account is known: {Login} and {Identity} name one")
	}
	late := c.awaitLogin(ctx, r.Grace)
	switch {
	case late != "" && !known && r.Inside == nil && !c.down():
		return skipped("%s; whether the image reads a seed is not known: %v", late, r.Unread)
	case late != "":
		return failed(c.words(), "%s", late)
	case c.login != nil && c.login.proofOnly:
		return skipped("by a key: nothing in the image reads a seed (no cloud-init); %s could log in by %s (%s)", c.login.user, c.login.how, c.greeting)
	case c.login != nil:
		return passed("as %s by %s, %s", c.login.user, c.login.how, c.greeting)
	case r.Login.Name == "" && !r.reads() && r.Account.Password != "" && !r.asked.Load() && c.hostKeys.fingerprint() != "": // a script of the user's may have seen to that
		return skipped("the ssh server did not ask for %s's password, and nothing else is known: %v", r.Account.Name, c.noLogin)
	case !known && r.Inside == nil:
		return skipped("%v; whether the image reads a seed is not known: %v", c.noLogin, r.Unread)
	}
	return failed(nil, "%v", c.noLogin)
}

// awaitLogin waits until it is decided whether somebody can log in: for as long as
// it takes once the server has answered, and else for grace after the login
// prompt. late is why it was not waited for any longer.
func (c *clone) awaitLogin(ctx context.Context, grace time.Duration) (late string) {
	var over <-chan time.Time
	prompted, banner := c.prompted, c.banner
	for {
		select {
		case <-c.answered:
			return ""
		case <-c.ended:
			return "before anybody could log in: " + c.fate()
		case <-ctx.Done():
			return "interrupted"
		case <-prompted:
			prompted = nil
			if !is(c.banner) {
				over = time.After(grace)
			}
		case <-banner:
			banner, over = nil, nil
		case <-over:
			return fmt.Sprintf("no ssh server answered on port %d within %s of the login prompt", SSHPort, grace)
		}
	}
}

// checkConsole waits for a prompt. A message of the kernel may have spoilt one
// that was there: getty writes another when somebody presses ENTER.
func checkConsole(ctx context.Context, r *run) verdict {
	c := r.clones[0]
	over := time.After(r.Grace)
	press := time.NewTicker(5 * time.Second)
	defer press.Stop()
	for {
		select {
		case <-c.prompted:
			return passed("%q on %s", c.prompt, r.Image.Console)
		case <-press.C:
			if is(c.answered) { // no boot loader listens any more
				_, _ = c.vm.Serial.Write([]byte("\r"))
			}
		case <-c.ended:
			return failed(c.words(), "before a login prompt came: %s", c.fate())
		case <-ctx.Done():
			return failed(nil, "interrupted")
		case <-over:
			return failed(nil, "no login prompt on %s within %s: the kernel's console= names the ports on which systemd starts one", r.Image.Console, r.Grace)
		}
	}
}
