// imgasm cp: files out of a disk image.

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/size"
)

// cpCommand copies files out of a disk image.
func cpCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "cp", Category: verbLook,
		Usage:     "copy files out of a disk image, without mounting it",
		ArgsUsage: "IMAGE:PATH DEST",
		UsageText: `imgasm cp alma.qcow2:/etc/ssh/sshd_config .
imgasm cp alma.qcow2:/var/log logs`,
		Description: "A file, or a folder with all that is in it; into DEST if that is a folder, else as\n" +
			"DEST. Permissions and times are kept; owners, and bits that let a program run as its\n" +
			"owner, are not. Links are copied as they are, and nothing is written but below DEST.\n" +
			"Devices, pipes and sockets are left out. See imgasm inspect for what is read.",
		Flags: append([]cli.Flag{
			partitionFlag(),
			&cli.BoolFlag{Name: "force", Usage: "replace files that exist"},
		}, talkFlags()...),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return a.usage("cp takes IMAGE:PATH and DEST, got %d", c.NArg())
			}
			image, name, err := imageAndPath(c.Args().Get(0))
			if err != nil {
				return err
			}
			return a.copyOut(c, image, name, c.Args().Get(1))
		},
	}
}

// imageAndPath divides IMAGE:PATH at the first colon with a file before it: a
// path may have colons, and so may the name of an image. Where there is no file
// the first divides, but for that of a volume on Windows.
func imageAndPath(arg string) (image, name string, err error) {
	for i := len(filepath.VolumeName(arg)); i < len(arg); i++ {
		if arg[i] != ':' {
			continue
		}
		if in, err := os.Stat(arg[:i]); err == nil && !in.IsDir() {
			return arg[:i], arg[i+1:], nil
		}
		if image == "" {
			image, name = arg[:i], arg[i+1:]
		}
	}
	if name == "" {
		return "", "", badInput("", fmt.Errorf("%q is not IMAGE:PATH", arg), "write the image, a colon, and a path in it: imgasm cp alma.qcow2:/etc/fstab .")
	}
	_, err = os.Stat(image)
	return image, name, ofUser(err) // a folder is refused when it is opened
}

// destination is the path that what is at name becomes.
func destination(name, dest string, isDir bool) (string, error) {
	in, err := os.Stat(dest)
	switch {
	case errors.Is(err, fs.ErrNotExist) && (isDir || dest == "" || !os.IsPathSeparator(dest[len(dest)-1])):
		dest = filepath.Clean(dest)
		_, err := os.Stat(filepath.Dir(dest))
		return dest, ofUser(err)
	case err != nil:
		return "", ofUser(err)
	case !in.IsDir():
		return dest, nil
	case name == ".": // the root has no name
		return filepath.EvalSymlinks(dest)
	}
	return filepath.Join(dest, path.Base(name)), nil
}

func (a *app) copyOut(c *cli.Context, image, name, dest string) error {
	_, err := shown(a, c, func(sink event.Sink) (struct{}, error) {
		show := timed(sink, "copy")
		show(event.Event{Kind: event.StepStart, Text: "copy " + name + " out of " + image})
		o := inspect.CopyOptions{Force: c.Bool("force"), Progress: func(n int64) { show(event.Event{Kind: event.Progress, Done: n, Unit: "B"}) }}
		warn := func(text string) { show(event.Event{Kind: event.Warning, Text: text}) }
		dst, done, err := copyFiles(c, image, name, dest, o, warn)
		if err != nil {
			return struct{}{}, err
		}
		text := fmt.Sprintf("%s: %s, %s", dst, cmp.Or(counts(done.Files, "file", 0, ""), "no file"), size.Text(done.Bytes))
		if done.Special > 0 {
			text += fmt.Sprintf("; %d devices, pipes or sockets were left out", done.Special)
		}
		show(event.Event{Kind: event.StepDone, Text: text})
		if c.Bool("json") {
			show(event.Event{Kind: event.Result, Text: dst, Path: dst})
		}
		return struct{}{}, nil
	})
	return err
}

func copyFiles(c *cli.Context, image, name, dest string, o inspect.CopyOptions, warn func(string)) (string, inspect.Copied, error) {
	opened, err := openImage(c, image, warn)
	if err != nil {
		return "", inspect.Copied{}, err
	}
	defer opened.disk.Close()
	t, err := opened.tree()
	if err != nil {
		return "", inspect.Copied{}, err
	}
	at := inImage(name)
	in, err := t.Lstat(at)
	if err != nil {
		return "", inspect.Copied{}, notInImage(t, image, name, err)
	}
	dst, err := destination(at, dest, in.IsDir())
	if err != nil {
		return "", inspect.Copied{}, err
	}
	if o.Keep, err = os.Stat(image); err != nil {
		return "", inspect.Copied{}, ofUser(err)
	}
	done, err := inspect.Copy(c.Context, t, at, dst, o)
	if errors.Is(err, fs.ErrPermission) {
		err = badInput("", fmt.Errorf("%s: %w", dst, err), "see who may write there: ls -ld "+filepath.Dir(dst))
	}
	return dst, done, err
}
