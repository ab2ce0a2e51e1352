// imgasm lima: images as machines of Lima.

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/lima"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/publish"
)

func limaCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "lima", Category: verbRun + rare,
		Usage: "run images as machines of Lima",
		UsageText: "imgasm lima start cloud.qcow2\n" +
			"imgasm lima shell cloud -- uname -a\n" +
			"imgasm lima template cloud.qcow2 --out cloud.yaml",
		Description: "All but template become limactl, whose exit status is theirs; what follows -- is\nlimactl's, or the command of shell.",
		Subcommands: []*cli.Command{
			limaTemplateCommand(a), limaStartCommand(a),
			limaDoes(a, "shell", "open a shell in a machine, or run a command there", "imgasm lima shell cloud\nimgasm lima shell cloud -- uname -a"),
			limaDoes(a, "stop", "shut a machine down", "imgasm lima stop cloud\nimgasm lima stop cloud -- --force"),
			limaDoes(a, "delete", "remove a machine that is stopped", "imgasm lima delete cloud\nimgasm lima delete cloud -- --force"),
		},
	}
}

// limaDoes is a verb of limactl's for a machine of Lima's.
func limaDoes(a *app, verb, usage, examples string) *cli.Command {
	return &cli.Command{
		Name: verb, Usage: usage, ArgsUsage: "NAME [-- WORD…]", UsageText: examples,
		Action: func(c *cli.Context) error {
			before, after := a.divided(c)
			if len(before) != 1 {
				return a.usage("lima %s takes the name of one machine, got %d", verb, len(before))
			}
			if verb == "shell" {
				return a.become("limactl", slices.Concat([]string{verb}, before, after))
			}
			return a.become("limactl", slices.Concat([]string{verb}, after, before))
		},
	}
}

func limaStartCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "start", Usage: "make a machine of an image and start it, or start one that there is", ArgsUsage: "IMAGE|NAME [-- WORD…]",
		UsageText: "imgasm lima start cloud.qcow2\nimgasm lima start cloud.qcow2 --name web -- --cpus 2\nimgasm lima start cloud",
		Description: "Of an image it writes the template, as imgasm lima template does, and gives it to\n" +
			"limactl create. The WORDs are flags of limactl create, for a machine that there is of\n" +
			"limactl start.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "name", Usage: "`NAME` of the machine", DefaultText: "the image's, without its ending"},
		}, limaFlags()...),
		Action: func(c *cli.Context) error {
			before, after := a.divided(c)
			if len(before) != 1 {
				return a.usage("lima start takes one image or name, got %d", len(before))
			}
			name := before[0]
			// limactl makes a machine of its own choice for a name that it does not
			// know: a file's name that is mistyped is none.
			if !isFile(name) && convert.Ending(name) == "" && filepath.Base(name) == name {
				return a.become("limactl", slices.Concat([]string{"start"}, after, before))
			}
			limactl, err := program("limactl")
			if err != nil {
				return err
			}
			text, err := limaTemplate(c, name)
			if err != nil {
				return err
			}
			if name = c.String("name"); name == "" {
				name = strings.TrimSuffix(filepath.Base(before[0]), filepath.Ext(before[0]))
			}
			create := proc.Cmd{
				Path: limactl, Args: slices.Concat([]string{"create", "--name=" + name, "--tty=false"}, after, []string{"-"}),
				Stdin: bytes.NewReader(text), Stdout: a.Err, Stderr: a.Err,
			}
			var failed *proc.Error
			if err := create.Run(c.Context); errors.As(err, &failed) && failed.Code > 0 {
				return &statusError{failed.Code}
			} else if err != nil {
				return err
			}
			return a.become("limactl", []string{"start", name})
		},
	}
}

func limaTemplateCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "template", Usage: "write the template of an image", ArgsUsage: "IMAGE",
		UsageText: "imgasm lima template cloud.qcow2 --out cloud.yaml && limactl start cloud.yaml\nimgasm lima template --vm-type vz cloud.qcow2",
		Description: "Looks into the image, a qcow2 or raw disk, and refuses it where Lima could not use\n" +
			"it: without cloud-init, or compressed by zstd. The fields are those that Lima 1.0\n" +
			"and 2 share; the image's path is absolute, and its SHA-256 is in the template.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write to `FILE`, which must not be there", DefaultText: "standard output"},
			&cli.BoolFlag{Name: "force", Usage: "replace the file"},
		}, limaFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return a.usage("lima template takes one image, got %d", c.NArg())
			}
			image, out := c.Args().First(), c.String("out")
			if out != "" {
				if err := free(image, out, c.Bool("force")); err != nil {
					return err
				}
			}
			text, err := limaTemplate(c, image)
			if err != nil {
				return err
			}
			if out == "" {
				_, err = a.Product.Write(text)
				return err
			}
			return publish.FileContext(c.Context, out, func(f *os.File) error {
				_, err := f.Write(text)
				return err
			})
		},
	}
}

// limaFlags are those of a template.
func limaFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "arch", Usage: "`ARCH` of the image", DefaultText: "seen on it"},
		&cli.StringFlag{Name: "vm-type", Usage: "`qemu|vz` kind of machine; vz is macOS' own", Value: lima.VMTypes[0]},
	}
}

// limaTemplate is the template of an image.
func limaTemplate(c *cli.Context, image string) ([]byte, error) {
	i, err := lima.Open(c.Context, image, c.String("arch"))
	if err != nil {
		return nil, ofUser(err)
	}
	text, err := i.Template(c.String("vm-type"))
	if errors.Is(err, lima.ErrVMType) {
		return nil, badInput("--vm-type", err, "leave it out: the default is --vm-type "+lima.VMTypes[0])
	}
	return text, err
}
