// imgasm lima: images as machines of Lima.

package main

import (
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/lima"
	"github.com/imgasm/imgasm/internal/publish"
)

func limaCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:        "lima",
		Usage:       "write templates of images for Lima",
		UsageText:   "imgasm lima template cloud.qcow2 --out cloud.yaml",
		Subcommands: []*cli.Command{limaTemplateCommand(a)},
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
			&cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "write to `FILE`, which must not be there (default: standard output)"},
			&cli.BoolFlag{Name: "force", Usage: "replace the file"},
		}, limaFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return a.usage("lima template takes one image, got %d arguments", c.NArg())
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
		&cli.StringFlag{Name: "arch", Usage: "`ARCH` of the image (default: seen on it)"},
		&cli.StringFlag{Name: "vm-type", Usage: "`TYPE` of the machine: qemu, or vz (macOS' own)", Value: lima.VMTypes[0]},
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
