// imgasm run: an image boots in a virtual machine.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/internal/guard"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/instance"
)

// runCommand is the verb run.
func runCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "run", Category: verbRun,
		Usage:     "boot an image in a virtual machine",
		ArgsUsage: "IMAGE",
		UsageText: `imgasm run alma.qcow2
imgasm run alma.qcow2 --detach && imgasm ssh alma
imgasm run debian-12-genericcloud-amd64.qcow2 --port 8080:80
imgasm run alma.qcow2 --persist --memory 4G --cpus 4

imgasm run cloud.qcow2 --name web --user-data user-data.yaml --gui
imgasm run cloud.qcow2 --user ops --ssh-key ops.pub`,
		Description: `IMAGE is a qcow2 or raw disk, of imgasm's or anybody's. Its architecture and firmware
are those of its description, IMAGE.json, or else what is found on it. It stays as it
is: what the guest writes goes to a layer that is removed when it ends (--persist
writes the image).

The guest's console is this terminal, until Ctrl-], or with --detach it runs on its
own: imgasm ps lists what runs.

An image with cloud-init is given a seed: a key that imgasm ssh uses, or your own.
The guest reaches the network; nothing reaches the guest but by ports of this host's
loopback: for ssh 2222 (2223 for NixOS) or the next that is free, and those of --port.`,
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "name", Category: groupRun, Usage: "call the machine `NAME`, for imgasm ssh and others", DefaultText: "the image's name"},
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Category: groupRun, Usage: "return when the machine runs, and leave it running"},
			&cli.BoolFlag{Name: "persist", Category: groupRun, Usage: "write to the image itself"},
			&cli.StringSliceFlag{Name: "port", Aliases: []string{"p"}, Category: groupRun, Usage: "lead the host's port to the guest's: `HOST:GUEST`, as 8080:80"},
			&cli.BoolFlag{Name: "gui", Category: groupRun + rare, Usage: "show the machine's display in a window too"},
			&cli.StringSliceFlag{Name: "ssh-key", Category: groupLogin, Usage: "public ssh `KEY`, or a file of them, for the image's cloud-init"},
			&cli.StringFlag{Name: "user", Category: groupLogin, Usage: "`NAME` of the user that gets the key and sudo", DefaultText: "admin"},
			&cli.StringFlag{Name: "user-data", Category: groupLogin, Usage: "user-data `FILE` for the image's cloud-init, in place of --user"},
		}, wishFlags(), []cli.Flag{jsonFlag()}),
		Action: func(c *cli.Context) error {
			switch {
			case c.NArg() != 1:
				return a.usage("run takes one image, got %d", c.NArg())
			case c.Bool("json") && !c.Bool("detach"):
				return a.usage("--json describes a machine that is left running: add --detach")
			}
			return a.run(c, c.Args().First())
		},
	}
}

// ownCommand runs this program again, as another verb.
func ownCommand(verb string) ([]string, error) {
	self, err := os.Executable()
	return []string{self, verb}, err
}

// noState is what to do where machines can have no folder.
const noState = "name a folder for the state of machines in the variable XDG_STATE_HOME"

// instances is where this user's machines are known.
func (a *app) instances() (instance.Store, error) {
	base := a.getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) { // as the XDG base directory specification has it
		home, err := os.UserHomeDir()
		if err != nil {
			return instance.Store{}, lackingHost(err, noState)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return instance.Store{Dir: filepath.Join(base, "imgasm", "vm")}, nil
}

func (a *app) run(c *cli.Context, path string) error {
	store, err := a.instances()
	if err != nil {
		return err
	}
	if name := c.String("name"); name != "" {
		if err := instance.CheckName(name); err != nil {
			return err
		}
	}
	forwards, err := portFlags(c.StringSlice("port"))
	if err != nil {
		return err
	}
	h, err := host.This(a.getenv, version)
	if err != nil {
		return err
	}
	w, err := wish(c)
	if err != nil {
		return err
	}
	image, err := machine.Open(c.Context, path, c.String("arch"))
	if err != nil {
		return ofUser(err)
	}
	access, err := a.access(c, image)
	if err != nil {
		return err
	}
	m, err := machine.Resolve(c.Context, h, image, w)
	if err != nil {
		return err
	}
	for _, note := range append(m.Notes, access.notes...) {
		a.note("%s", note)
	}
	create := store.CreateAny
	name := c.String("name")
	if name == "" {
		name = instance.NameOf(path)
	} else {
		create = store.Create
	}
	folder, err := create(c.Context, name)
	switch {
	case unmade(err) != nil:
		return lackingHost(err, noState)
	case err != nil:
		return err
	}
	spec, err := a.furnish(c, folder, image, m, access)
	if err != nil {
		return errors.Join(err, folder.Remove())
	}
	spec.VM.Net = &qemu.Net{Forwards: forwards}
	for _, f := range forwards {
		if f.GuestPort == instance.GuestPort {
			spec.SSH.Port = f.HostPort
		}
	}
	if c.Bool("detach") {
		return a.runDetached(c, folder, spec)
	}
	return a.runForeground(c.Context, folder, spec)
}

// note tells people something that is no problem.
func (a *app) note(format string, args ...any) { a.Note(fmt.Sprintf(format, args...)) }

// portFlags reads HOST:GUEST.
func portFlags(values []string) (all []qemu.Forward, err error) {
	for _, v := range values {
		from, to, ok := strings.Cut(v, ":")
		h, err1 := strconv.ParseUint(from, 10, 16)
		g, err2 := strconv.ParseUint(to, 10, 16)
		if !ok || err1 != nil || err2 != nil || h == 0 || g == 0 {
			return nil, badInput("--port", fmt.Errorf("%q is not HOST:GUEST, two ports from 1 to 65535", v), "such as --port 8080:80")
		}
		all = append(all, qemu.Forward{HostPort: int(h), GuestPort: int(g)})
	}
	return all, nil
}

func (a *app) runDetached(c *cli.Context, f *instance.Folder, spec instance.Spec) error {
	argv, err := ownCommand(superviseVerb)
	if err != nil {
		return errors.Join(err, f.Remove())
	}
	want := spec.SSH.Port
	i, err := f.Detach(c.Context, spec, argv)
	if err != nil {
		return err
	}
	a.announce(i, want)
	if c.Bool("json") {
		return a.printJSON(described(i))
	}
	a.note("imgasm ssh %s logs in, imgasm console %[1]s shows its console, imgasm stop %[1]s ends it", i.Name)
	return nil
}

// announce says what runs, and how to reach it.
func (a *app) announce(i *instance.Instance, wanted int) {
	a.note("%s runs: %s, %s, %d MiB of memory, processors: %d", i.Name, i.VM.Arch, i.VM.Accel, i.VM.MemoryMiB, i.VM.CPUs)
	if i.Kept {
		a.note("what the guest writes is written to %s", i.Image)
	} else {
		a.note("%s stays as it is: what the guest writes is forgotten when it ends (--persist keeps it)", i.Image)
	}
	if i.SSH.Port == 0 {
		return
	}
	taken := ""
	if wanted != i.SSH.Port && wanted != 0 {
		taken = fmt.Sprintf(" (%d is taken)", wanted)
	}
	a.note("ssh on port %d of this host%s", i.SSH.Port, taken)
}

// errLeft ends a machine whose terminal was left.
var errLeft = errors.New("left by Ctrl-]")

// runForeground supervises the machine itself, with its console on the terminal.
func (a *app) runForeground(ctx context.Context, f *instance.Folder, spec instance.Spec) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	shown := make(chan struct{})
	watching := false
	end, err := f.Run(ctx, spec, func(i *instance.Instance) {
		a.announce(i, spec.SSH.Port)
		watching = true
		t := terminal{
			hello: "the guest's console; Ctrl-] leaves and ends the guest",
			dial:  func(ctx context.Context) (net.Conn, error) { return i.Console(ctx) },
			alive: i.Alive,
		}
		go guard.Func(func() {
			defer close(shown)
			left, err := a.attach(ctx, t)
			if left {
				err = errLeft
			}
			if left && spec.Kept {
				a.note("the guest is asked to power off")
			}
			if err != nil {
				cancel(err)
			}
		}, cancel)()
	})
	cancel(nil)
	if watching {
		<-shown // the terminal is as it was
	}
	switch {
	case err != nil && !errors.Is(err, errLeft):
		return err
	case end == instance.PoweredOff:
		a.note("the guest has powered off")
	case spec.Kept:
		a.note("the guest was ended before it powered off: its file systems were not unmounted")
	default:
		a.note("the guest was ended")
	}
	return nil
}
