// imgasm replay: what a recorded console proves.

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/alma"
	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/assemble/anaconda/replay"
	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/kickstart"
)

// replayCommand is the verb replay.
func replayCommand(app *app) *cli.Command {
	return &cli.Command{
		Name: "replay", Category: verbLook + rare,
		Usage:     "say what a recorded installation proves",
		ArgsUsage: "SERIAL.LOG|BUNDLE",
		UsageText: "imgasm replay alma.qcow2.failed\n" +
			"imgasm replay serial.log --log anaconda.log --log packaging.log\n" +
			"imgasm replay --json serial.log | tail -n 1\n\n" +
			"imgasm replay serial.log --progress progress.log --kickstart ks.cfg\n" +
			"imgasm replay serial.log --arch aarch64 --accel tcg --verbose",
		Description: "Reads a guest's serial console (- is standard input) as imgasm alma does while it\n" +
			"builds, and prints what it would have said, and when. Of the folder of a failure\n" +
			"bundle it takes all the logs, the kickstart and what the machine was; of a console NAME.raw or NAME.log\n" +
			"those beside it that are named NAME.*.log and NAME.ks. The last line of --json\n" +
			"carries verdict (success, failure or running), phase, rule, line and hint.\n" +
			"The exit code is 0 whatever the verdict.",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "log", Usage: "`FILE` of Anaconda's own log: of the virtio port, /tmp/anaconda.log, or beside it /tmp/packaging.log and others"},
			&cli.StringFlag{Name: "kickstart", Usage: "`KICKSTART` that the guest read, or the user's: a failure is then told with its place in it"},
			&cli.StringFlag{Name: "progress", Usage: "`FILE` of what came on imgasm's progress port"},
			&cli.StringFlag{Name: "arch", Usage: "`ARCH` of the guest, for the hints: " + arch.Names()},
			&cli.StringFlag{Name: "accel", Usage: "`kvm|hvf|whpx|tcg` QEMU's accelerator, for the hints"},
			&cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print one JSON object a line"},
			&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: groupTalk, Usage: "show each package and what other rules saw"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return app.usage("replay takes one serial log, got %d", c.NArg())
			}
			of := c.String("arch")
			if of != "" {
				one, err := wishedArch(of)
				if err != nil {
					return err
				}
				of = one.Name
			}
			return app.replay(c.Context, replayOptions{
				console: c.Args().First(), logs: c.StringSlice("log"), progress: c.String("progress"), kickstart: c.String("kickstart"),
				arch: of, accel: c.String("accel"), json: c.Bool("json"), verbose: c.Bool("verbose"),
			})
		},
	}
}

type replayOptions struct {
	console, progress, kickstart string   // paths; "-" is standard input, "" none
	logs                         []string // paths
	arch, accel                  string
	json, verbose                bool
}

func (a *app) replay(ctx context.Context, o replayOptions) error {
	if o.console == "" {
		return badInput("", errors.New("the serial log's name is empty"), "is a variable not set?")
	}
	o.findMore(ctx)
	in := recording{ctx: ctx, stdin: a.stdin}
	defer in.close()
	source, err := in.source(o)
	if err != nil {
		return err
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
		return ofUser(fmt.Errorf("replay %s: %w", o.console, err))
	}
	if err := end(result); err != nil {
		return err
	}
	return out.Flush()
}

// recording is the files of a recorded guest, open.
type recording struct {
	ctx   context.Context
	stdin io.Reader
	files []io.Closer
}

func (r *recording) close() {
	for _, f := range r.files {
		f.Close()
	}
}

// open opens a file, or standard input.
func (r *recording) open(path string) (io.Reader, error) {
	in := smallfile.Stream(r.ctx, r.stdin)
	if path != "-" {
		f, err := smallfile.OpenStream(r.ctx, path)
		if err != nil {
			return nil, err
		}
		r.files = append(r.files, f)
		in = f
	}
	begin := bufio.NewReader(in)
	if unpack := packed(begin); unpack != "" {
		return nil, badInput(path, errors.New("this file is compressed"), unpack+" "+path+" | imgasm replay -")
	}
	return begin, nil
}

// source opens all that the options name.
func (r *recording) source(o replayOptions) (replay.Source, error) {
	s := replay.Source{Arch: o.arch, Accel: o.accel, Field: flagOf}
	if o.kickstart != "" {
		text, err := smallfile.Read(r.ctx, o.kickstart, kickstart.MaxSize)
		if err != nil {
			return s, err
		}
		s.Kickstart = anaconda.Kickstart{Name: o.kickstart, Text: text}
	}
	var err error
	if s.Console, err = r.open(o.console); err != nil {
		return s, err
	}
	if o.progress != "" {
		if s.Progress, err = r.open(o.progress); err != nil {
			return s, err
		}
	}
	main := max(0, slices.IndexFunc(o.logs, func(path string) bool { return strings.HasSuffix(path, "anaconda.log") }))
	for i, path := range o.logs {
		in, err := r.open(path)
		if err != nil {
			return s, err
		}
		if i == main { // tells how far the installation came; the others explain
			s.Log = in
		} else {
			s.Others = append(s.Others, replay.Log{Name: filepath.Base(path), In: in})
		}
	}
	return s, nil
}

// findMore takes what belongs to a console and was not given: of a failure
// bundle's folder its files, of another console what is named as it is.
func (o *replayOptions) findMore(ctx context.Context) {
	if o.console == "-" {
		return
	}
	ks, progress := "", ""
	var logs []string
	folder := o.console
	if _, err := os.Stat(filepath.Join(folder, "serial.log")); err == nil {
		o.console = filepath.Join(folder, "serial.log")
		ks, progress = filepath.Join(folder, "ks.cfg"), filepath.Join(folder, "progress.log")
		logs = append(existing(filepath.Join(folder, "anaconda.log")), existing(filepath.Join(folder, "installer", "*"))...)
		var plan alma.PlanView
		if text, err := smallfile.Read(ctx, filepath.Join(folder, report.PlanFile), 32<<20); err == nil && json.Unmarshal(text, &plan) == nil {
			o.arch, o.accel = cmp.Or(o.arch, plan.Arch), cmp.Or(o.accel, plan.Accel.Accel)
		}
	} else if name := strings.TrimSuffix(o.console, filepath.Ext(o.console)); name != "" {
		ks, logs = name+".ks", existing(name+".*.log")
	}
	if len(o.logs) == 0 {
		o.logs = logs
	}
	for _, part := range []struct {
		given *string
		found string
	}{{&o.kickstart, ks}, {&o.progress, progress}} {
		if *part.given == "" && len(existing(part.found)) > 0 {
			*part.given = part.found
		}
	}
}

// existing returns the regular files that a pattern matches, in order. A path
// with characters of a pattern in its folder's name matches nothing.
func existing(pattern string) (paths []string) {
	found, _ := filepath.Glob(pattern)
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			paths = append(paths, path)
		}
	}
	return paths
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
