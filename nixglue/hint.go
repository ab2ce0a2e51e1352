package nixglue

// What to do about what nix says, in commands that any nix takes as it is
// configured by default. USER@HOST is the reader's to fill in.

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/internal/proc"
)

// answers shows whether a machine can be reached, and has nix.
const answers = "see whether the machine answers: ssh USER@HOST nix-store --version"

// restart has nix's daemon read its configuration, on that daemon's machine.
const restart = "sudo systemctl restart nix-daemon   # macOS: sudo launchctl kickstart -k system/org.nixos.nix-daemon"

// hint is what to do about a failure.
func (n Nix) hint(class error, f *Failure) string {
	features := cmp.Or(strings.Join(f.Features, ","), "-")
	machine := fmt.Sprintf("{Builders} 'ssh-ng://USER@HOST %s - 4 1 %s'", cmp.Or(f.System, "SYSTEM"), features)
	switch {
	case errors.Is(class, ErrPlatform):
		name := "name a machine of that system: " + machine
		if n.Store != "" {
			name = "build in the store of a machine of that system: {Store} ssh-ng://USER@HOST, {EvalStore} auto"
		}
		return name + "\nsee which system a machine is: ssh USER@HOST nix-instantiate --eval -E builtins.currentSystem"
	case errors.Is(class, ErrMachine):
		return answers + "\nname it with all that is needed: " + machine
	case errors.Is(class, ErrStore):
		return answers + "\nif the store is this machine's: " + restart
	case errors.Is(class, ErrDownload):
		return "see whether this machine reaches the address; nix and its daemon take a proxy from https_proxy in their environment\nif it was downloaded before: {Offline}"
	case errors.Is(class, ErrFeature):
		return "name a machine that has it: " + machine + "\nif the machine that was to build has it, tell its nix, there:\n" + setting("system-features", strings.Join(f.Features, " "))
	case errors.Is(class, ErrUntrusted):
		return "on the machine of the store or builder:\n" + setting("trusted-users", "USER")
	case errors.Is(class, ErrAttribute):
		return "see what it has: " + n.command("flake", "show", f.Flake)
	case errors.Is(class, ErrAbsent):
		return "build the flake's attribute that it comes from: " + n.command("build", "FLAKE#ATTRIBUTE")
	case errors.Is(class, ErrBuilder):
		return n.readLog(f.Derivation)
	}
	return ""
}

// command is a command of nix, which need not be enabled.
func (n Nix) command(words ...string) string {
	return proc.Quote(append([]string{n.path(), "--extra-experimental-features", "nix-command flakes"}, words...))
}

// setting adds to a setting of nix.conf(5), which is NixOS's own file there.
func setting(name, value string) string {
	return fmt.Sprintf("echo 'extra-%s = %s' | sudo tee -a /etc/nix/nix.conf\n%s\non NixOS instead: nix.settings.%[1]s", name, value, restart)
}

// "ssh-ng://user@host:22?compress=true"
var sshStore = regexp.MustCompile(`^ssh(?:-ng)?://([^/?]+)`)

// readLog shows a derivation's log. Stores that are reached by ssh serve none.
func (n Nix) readLog(drv string) string {
	m := sshStore.FindStringSubmatch(n.Store)
	if m == nil {
		return proc.Quote(slices.Concat([]string{"nix-store"}, flag("--store", n.Store), []string{"--read-log", drv}))
	}
	host := m[1]
	if strings.Contains(host, ":") { // a port, or IPv6: ssh takes it in an address
		host = "ssh://" + host
	}
	return proc.Quote([]string{"ssh", host, proc.Quote([]string{"nix-store", "--read-log", drv})}) // a shell there reads it too
}
