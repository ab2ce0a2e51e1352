// imgasm replay: what a recorded console proves.

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/anaconda/replay"
	"github.com/imgasm/imgasm/internal/arch"
)

// replayCommand is the verb replay.
func replayCommand(app *app) *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "say what a recorded installation proves: success, failure and why, or neither",
		ArgsUsage: "SERIAL.LOG|BUNDLE",
		UsageText: "imgasm replay alma.failed\n" +
			"imgasm replay alma.failed/serial.log --log alma.failed/anaconda.log\n" +
			"imgasm replay --json serial.log | tail -n 1",
		Description: "Reads a guest's serial console (- is standard input) as imgasm alma does while it\n" +
			"builds, and prints what it would have said, and when. Of the folder of a failure\n" +
			"bundle it takes all the logs. The last line of --json carries verdict (success,\n" +
			"failure or running), phase, rule, line and hint.\n" +
			"The exit code is 0 whatever the verdict.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "log", Usage: "Anaconda's own log: `FILE` of the virtio port or /tmp/anaconda.log"},
			&cli.StringFlag{Name: "progress", Usage: "what came on imgasm's progress port: `FILE`"},
			&cli.StringFlag{Name: "arch", Usage: "`NAME` of the guest's architecture, for the hints: " + arch.Names()},
			&cli.StringFlag{Name: "accel", Usage: "`NAME` of QEMU's accelerator, for the hints, such as kvm or tcg"},
			&cli.BoolFlag{Name: "json", Usage: "one JSON object a line"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "show each package and what other rules saw"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return app.usage("replay takes one serial log, got %d arguments", c.NArg())
			}
			of := c.String("arch")
			if of != "" {
				one, err := wishedArch(of)
				if err != nil {
					return err
				}
				of = one.Name
			}
			return app.replay(replayOptions{
				console: c.Args().First(), log: c.String("log"), progress: c.String("progress"),
				arch: of, accel: c.String("accel"), json: c.Bool("json"), verbose: c.Bool("verbose"),
			})
		},
	}
}

type replayOptions struct {
	console, log, progress string // paths; "-" is standard input, "" none
	arch, accel            string
	json, verbose          bool
}

func (a *app) replay(o replayOptions) (err error) {
	if o.console == "" {
		return a.usage("replay takes a serial log; the argument is empty")
	}
	o.openBundle()
	source := replay.Source{Arch: o.arch, Accel: o.accel}
	for _, part := range []struct {
		path string
		in   *io.Reader
	}{{o.console, &source.Console}, {o.log, &source.Log}, {o.progress, &source.Progress}} {
		switch part.path {
		case "":
			continue
		case "-":
			*part.in = a.stdin
		default:
			f, err := os.Open(part.path)
			if err != nil {
				return err
			}
			defer f.Close()
			*part.in = f
		}
		begin := bufio.NewReader(*part.in)
		if unpack := packed(begin); unpack != "" {
			return &assemble.InputError{What: part.path, Err: errors.New("this file is compressed"), Do: unpack + " " + part.path + " | imgasm replay -"}
		}
		*part.in = begin
	}
	out := bufio.NewWriter(a.Out)
	if o.json {
		out = bufio.NewWriter(a.Product)
	}
	say, end := replay.Text(out, o.verbose)
	if o.json {
		say, end = replay.JSON(out)
	}
	result, err := replay.Run(source, say)
	if err != nil {
		return fmt.Errorf("replay %s: %w", o.console, err)
	}
	if err := end(result); err != nil {
		return err
	}
	return out.Flush()
}

// openBundle takes the logs of a failure bundle where its folder was given.
func (o *replayOptions) openBundle() {
	folder := o.console
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return
	}
	if _, err := os.Stat(filepath.Join(folder, "serial.log")); err != nil {
		return
	}
	o.console = filepath.Join(folder, "serial.log")
	for name, path := range map[string]*string{"anaconda.log": &o.log, "progress.log": &o.progress} {
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil && *path == "" {
			*path = filepath.Join(folder, name)
		}
	}
}

// packed returns the command that unpacks a file that begins so, "" if it is
// not compressed. The reader loses nothing.
func packed(r *bufio.Reader) string {
	begin, _ := r.Peek(6)
	for magic, command := range map[string]string{
		"\x1f\x8b": "gzip -dc", "\x28\xb5\x2f\xfd": "zstd -dc", "\xfd7zXZ\x00": "xz -dc", "BZh": "bzip2 -dc",
	} {
		if strings.HasPrefix(string(begin), magic) {
			return command
		}
	}
	return ""
}
