// imgasm ssh, scp and ssh-config: the system's ssh, told how to reach a machine.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/qemu/instance"
)

// sshWait is how long a guest may take until its ssh server answers: a first boot
// under emulation takes minutes.
const sshWait = 5 * time.Minute

func sshCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "ssh", Category: verbRun, Usage: "log in to a machine, or run a command there", ArgsUsage: "[MACHINE] [-- COMMAND…]",
		UsageText: "imgasm ssh\nimgasm ssh alma\nimgasm ssh alma -- uname -a\n\nimgasm ssh alma --user root --wait 10m",
		Description: `Waits until the guest's ssh server answers, and becomes the system's ssh: the exit
status is that of the command. The guest's host key is kept with the machine, and so
is the key that imgasm has made for it.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "user", Aliases: []string{"l"}, Usage: "log in as `NAME`", DefaultText: "the one that the image or its seed has"},
			&cli.DurationFlag{Name: "wait", Usage: "wait `TIME` for the ssh server", Value: sshWait},
		},
		Action: func(c *cli.Context) error {
			before, command := a.divided(c)
			if len(before) > 1 {
				return &usageError{fmt.Sprintf("ssh takes one name, got %d; what follows -- is the command", len(before)), proc.Quote(slices.Concat([]string{"imgasm", "ssh", before[0], "--"}, before[1:], command))}
			}
			i, err := a.reachable(c, strings.Join(before, ""), c.String("user"))
			if err != nil {
				return err
			}
			args := append(sshArgs(i), "-p", strconv.Itoa(i.SSH.Port))
			return a.become("ssh", slices.Concat(args, []string{"--", destinationOf(i)}, command))
		},
	}
}

// divided are the arguments before and after "--", which the library leaves out.
func (a *app) divided(c *cli.Context) (before, after []string) {
	all := c.Args().Slice()
	at := slices.Index(a.args, "--")
	if at < 0 {
		return all, nil
	}
	n := len(all) - len(a.args[at+1:])
	return all[:n], all[n:]
}

func scpCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "scp", Category: verbRun + rare, Usage: "copy files to or from a machine", ArgsUsage: "PATH|MACHINE:PATH… PATH|MACHINE:PATH",
		UsageText:   "imgasm scp notes.txt alma:/tmp/\nimgasm scp --recursive alma:/etc/ssh .\nimgasm scp :/etc/os-release .",
		Description: "MACHINE:PATH is a file of a machine, :PATH one of the only machine that runs.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"r"}, Usage: "copy folders with all that is in them"},
			&cli.StringFlag{Name: "user", Aliases: []string{"l"}, Usage: "log in as `NAME`", DefaultText: "the one that the image or its seed has"},
			&cli.DurationFlag{Name: "wait", Usage: "wait `TIME` for the ssh server", Value: sshWait},
		},
		Action: func(c *cli.Context) error {
			paths := c.Args().Slice()
			if len(paths) < 2 {
				return a.usage("scp takes files and where to copy them, got %d", len(paths))
			}
			var machines []string
			for _, p := range paths {
				if name, _, ok := ofMachine(p); ok && !slices.Contains(machines, name) {
					machines = append(machines, name)
				}
			}
			if len(machines) != 1 {
				return a.usage("scp copies to or from one machine, named as MACHINE:PATH; got %d", len(machines))
			}
			i, err := a.reachable(c, machines[0], c.String("user"))
			if err != nil {
				return err
			}
			args := append(sshArgs(i), "-P", strconv.Itoa(i.SSH.Port))
			if c.Bool("recursive") {
				args = append(args, "-r")
			}
			args = append(args, "--")
			for _, p := range paths {
				args = append(args, scpPath(p, destinationOf(i)))
			}
			return a.become("scp", args)
		},
	}
}

// scpPath is a path as scp has it.
func scpPath(p, destination string) string {
	if _, path, ok := ofMachine(p); ok {
		return destination + ":" + path
	}
	if head, _, ok := strings.Cut(p, ":"); ok && !strings.Contains(head, "/") {
		return "./" + p // or scp takes it for a host's
	}
	return p
}

// ofMachine divides NAME:PATH. What has a slash before the colon is a file of this
// host, as with scp, and so is what follows a name that no machine can have.
func ofMachine(arg string) (name, path string, ok bool) {
	name, path, ok = strings.Cut(arg, ":")
	return name, path, ok && (name == "" || instance.CheckName(name) == nil)
}

func sshConfigCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "ssh-config", Category: verbRun + rare, Usage: "print what ssh's configuration says of a machine", ArgsUsage: "[MACHINE]",
		UsageText:   "imgasm ssh-config alma >alma.conf && ssh -F alma.conf alma\nimgasm ssh-config alma >>~/.ssh/config",
		Description: "For rsync, Ansible, an editor: whatever uses ssh.",
		Action: func(c *cli.Context) error {
			i, err := a.instance(c)
			if err != nil {
				return err
			}
			if err := withSSH(i); err != nil {
				return err
			}
			fmt.Fprintf(a.Product, "Host %s\n  HostName 127.0.0.1\n  Port %d\n", i.Name, i.SSH.Port)
			if i.SSH.User != "" {
				fmt.Fprintf(a.Product, "  User %s\n", i.SSH.User)
			}
			for _, o := range sshOptions(i) {
				fmt.Fprintf(a.Product, "  %s %s\n", o[0], o[1])
			}
			return nil
		},
	}
}

// sshOptions are those of ssh_config(5) by which a machine is reached.
func sshOptions(i *instance.Instance) [][2]string {
	all := [][2]string{
		{"HostKeyAlias", "imgasm-" + i.Name},
		{"UserKnownHostsFile", sshPath(i.KnownHosts())},
		{"StrictHostKeyChecking", "accept-new"}, // on this host's loopback, by its first word
		{"LogLevel", "ERROR"},                   // which it tells each time
	}
	if i.SSH.Key != "" {
		all = append(all, [2]string{"IdentityFile", sshPath(i.SSH.Key)}, [2]string{"IdentitiesOnly", "yes"})
	}
	return all
}

// sshPath is a file's name as ssh_config(5) has it: in quotes, with no token.
func sshPath(path string) string { return `"` + strings.ReplaceAll(path, "%", "%%") + `"` }

func sshArgs(i *instance.Instance) (args []string) {
	for _, o := range sshOptions(i) {
		args = append(args, "-o", o[0]+"="+o[1])
	}
	return args
}

// destinationOf is who is called where.
func destinationOf(i *instance.Instance) string {
	if i.SSH.User == "" {
		return "127.0.0.1"
	}
	return i.SSH.User + "@127.0.0.1"
}

func withSSH(i *instance.Instance) error {
	if i.SSH.Port == 0 {
		return badInput("", fmt.Errorf("no port of this host leads to the ssh server of %s", i.Name), "start it with --port 2222:22")
	}
	return nil
}

// reachable is a machine whose ssh server answers. user, if given, is who logs in.
func (a *app) reachable(c *cli.Context, name, user string) (*instance.Instance, error) {
	if user != "" && !validUser(user) {
		return nil, badInput("--user", fmt.Errorf("%q is no name of a user", user), "such as admin")
	}
	if _, err := program(c.Command.Name); err != nil { // which nobody should wait for
		return nil, err
	}
	i, err := a.findInstance(c.Context, name)
	if err != nil {
		return nil, err
	}
	if user != "" {
		i.SSH.User = user
	}
	if err := withSSH(i); err != nil {
		return nil, err
	}
	return i, a.awaitSSH(c.Context, i, c.Duration("wait"))
}

// validUser refuses what ssh might take for something else: an option, another host.
func validUser(name string) bool {
	return name[0] != '-' && !strings.ContainsAny(name, "@:/%\\ \t\r\n")
}

// awaitSSH waits for the server's banner: QEMU takes connections before the guest does.
func (a *app) awaitSSH(ctx context.Context, i *instance.Instance, most time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, &fault.Error{
		Class: errLate, Err: fmt.Errorf("no ssh server of %s has answered within %v", i.Name, most), Do: "see how far the guest is: imgasm logs " + i.Name})
	defer cancel()
	for begun, told := time.Now(), false; ; {
		try, stop := ctx, func() {}
		if !told { // a guest that boots may take a connection and say nothing for long
			try, stop = context.WithTimeout(ctx, time.Second)
		}
		_, err := verify.Banner(try, i.SSH.Port)
		if stop(); err == nil {
			return nil
		}
		if !told && time.Since(begun) > time.Second {
			told = true
			a.note("waiting for the ssh server of %s", i.Name)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
		if !i.Alive() {
			return fmt.Errorf("%s has ended: %w", i.Name, instance.ErrNone)
		}
	}
}

// installs says how one comes by a program that imgasm becomes.
var installs = map[string]string{
	"limactl": "install Lima (macOS: brew install lima; else see lima-vm.io), or boot the image with imgasm run",
	"ssh":     "install the OpenSSH client (Debian, Ubuntu: openssh-client; Fedora, AlmaLinux: openssh-clients)",
}

// program is the path of one that imgasm becomes.
func program(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", lackingHost(fmt.Errorf("%s is not installed: %w", name, errors.Unwrap(err)), cmp.Or(installs[name], installs["ssh"]))
	}
	return path, nil
}

// become puts a program in our place. On a system where that cannot be, its exit
// status becomes ours.
func (a *app) become(name string, args []string) error {
	path, err := program(name)
	if err != nil {
		return err
	}
	code, err := proc.Replace(path, args, nil)
	if err == nil && code != 0 {
		err = &statusError{code}
	}
	return err
}
