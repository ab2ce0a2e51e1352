// imgasm ps, stop, kill, logs and screenshot: the machines that run.

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/qemu/instance"
)

// superviseVerb is the verb by which imgasm starts itself as a supervisor.
const superviseVerb = "supervise"

func superviseCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: superviseVerb, Hidden: true, Usage: "own a machine that imgasm run has left running", ArgsUsage: "FOLDER",
		Action: func(c *cli.Context) error {
			unheard() // once it has said its word
			return instance.Supervise(c.Context, c.Args().First(), a.Product)
		},
	}
}

// psCommand lists.
func psCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "ps", Category: verbRun, Usage: "list the machines that run",
		UsageText: "imgasm ps\nimgasm ps --json",
		Flags:     []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := a.noArgs(c); err != nil {
				return err
			}
			store, err := a.instances()
			if err != nil {
				return err
			}
			all, err := store.List(c.Context)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				var list []machineJSON
				for _, i := range all {
					list = append(list, described(i))
				}
				return a.printList(len(list), list)
			}
			t := a.Table()
			t.Row("NAME", "ARCH", "ACCEL", "SSH", "UP", "IMAGE")
			for _, i := range all {
				ssh := "-"
				if i.SSH.Port != 0 {
					ssh = strconv.Itoa(i.SSH.Port)
				}
				t.Row(i.Name, i.VM.Arch, i.VM.Accel, ssh, ui.Duration(time.Since(i.Began)), i.Image)
			}
			return t.Flush()
		},
	}
}

// machineJSON is a machine as --json has it.
type machineJSON struct {
	Name      string    `json:"name"`
	Image     string    `json:"image"`
	Arch      string    `json:"arch"`
	Accel     string    `json:"accelerator"`
	CPUs      int       `json:"cpus"`
	MemoryMiB int       `json:"memoryMiB"`
	Persist   bool      `json:"persist"`
	SSHPort   int       `json:"sshPort,omitempty"`
	SSHUser   string    `json:"sshUser,omitempty"`
	SSHKey    string    `json:"sshKey,omitempty"` // file of the private key
	Ports     []string  `json:"ports,omitempty"`  // HOST:GUEST
	Folder    string    `json:"folder"`
	Pid       int       `json:"pid"` // of the supervisor
	Began     time.Time `json:"began"`
}

func described(i *instance.Instance) machineJSON {
	d := machineJSON{
		Name: i.Name, Image: i.Image, Arch: i.VM.Arch, Accel: i.VM.Accel, CPUs: i.VM.CPUs, MemoryMiB: i.VM.MemoryMiB, Persist: i.Kept,
		SSHPort: i.SSH.Port, SSHUser: i.SSH.User, SSHKey: i.SSH.Key, Folder: i.Dir, Pid: i.Supervisor, Began: i.Began,
	}
	if i.VM.Net != nil {
		for _, f := range i.VM.Net.Forwards {
			d.Ports = append(d.Ports, fmt.Sprintf("%d:%d", f.HostPort, f.GuestPort))
		}
	}
	return d
}

// instance is the machine that a verb's argument names; none stands for the only one.
func (a *app) instance(c *cli.Context) (*instance.Instance, error) {
	if c.NArg() > 1 {
		return nil, a.usage("%s takes one name, got %d", c.Command.Name, c.NArg())
	}
	return a.findInstance(c.Context, c.Args().First())
}

func (a *app) findInstance(ctx context.Context, name string) (*instance.Instance, error) {
	store, err := a.instances()
	if err != nil {
		return nil, err
	}
	return store.Find(ctx, name)
}

func stopCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "stop", Category: verbRun, Usage: "have a machine power off", ArgsUsage: "[MACHINE]",
		UsageText:   "imgasm stop alma\nimgasm stop alma --wait 5m",
		Description: "Presses the machine's power button (ACPI) and waits. A guest that does not power off\nin time is ended, and that is said. Nothing is left of the machine but what --persist\nhas written to its image.",
		Flags:       []cli.Flag{&cli.DurationFlag{Name: "wait", Usage: "wait `TIME` for the guest", Value: time.Minute}},
		Action: func(c *cli.Context) error {
			i, err := a.instance(c)
			if err != nil {
				return err
			}
			off, err := i.Stop(c.Context, c.Duration("wait"))
			switch {
			case err != nil:
				return err
			case off:
				a.note("%s has powered off", i.Name)
			default:
				a.note("%s did not power off within %v, and was ended", i.Name, c.Duration("wait"))
			}
			return nil
		},
	}
}

func killCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "kill", Category: verbRun + rare, Usage: "end a machine at once, as by pulling the plug", ArgsUsage: "[MACHINE]",
		UsageText: "imgasm kill alma",
		Action: func(c *cli.Context) error {
			i, err := a.instance(c)
			if err != nil {
				return err
			}
			if err := i.Kill(c.Context); err != nil {
				return err
			}
			a.note("%s was ended", i.Name)
			return nil
		},
	}
}

func logsCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "logs", Category: verbRun + rare, Usage: "print what a machine has said on its console", ArgsUsage: "[MACHINE]",
		UsageText:   "imgasm logs alma\nimgasm logs alma --follow",
		Description: "The last 4 to 8 MiB are kept for as long as the machine runs.",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on until the machine ends"}},
		Action: func(c *cli.Context) error {
			i, err := a.instance(c)
			if err != nil {
				return err
			}
			return i.Log(c.Context, a.Product, c.Bool("follow"))
		},
	}
}

func screenshotCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "screenshot", Category: verbRun + rare, Usage: "write what a machine's display shows as a PNG", ArgsUsage: "[MACHINE]",
		UsageText: "imgasm screenshot alma\nimgasm screenshot alma --out screen.png",
		Flags:     []cli.Flag{&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write it to `FILE`, which is replaced", DefaultText: "NAME.png"}},
		Action: func(c *cli.Context) error {
			i, err := a.instance(c)
			if err != nil {
				return err
			}
			picture, err := i.Screenshot(c.Context)
			if err != nil {
				return err
			}
			out := cmp.Or(c.String("out"), i.Name+".png")
			err = publish.FileContext(c.Context, out, func(f *os.File) error {
				_, err := f.Write(picture)
				return err
			})
			if err != nil {
				return err
			}
			a.note("%s", out)
			return nil
		},
	}
}
