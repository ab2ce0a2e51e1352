// The other end of --on: hidden verbs by which imgasm serves a client on another host,
// and runs its jobs.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
)

const (
	remoteServeVerb = "remote-serve"
	remoteJobVerb   = "remote-job"
)

// remoteServeCommand answers a client on standard input and output.
func remoteServeCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: remoteServeVerb, Hidden: true, Usage: "serve imgasm on another host",
		Action: func(c *cli.Context) error {
			h, err := host.This(a.getenv, version)
			if err != nil {
				return err
			}
			job, err := ownCommand(remoteJobVerb)
			if err != nil {
				return err
			}
			dir := filepath.Join(h.CacheDir, "remote")
			s := remote.Server{
				Dir: dir, Version: version, Arch: arch.Host().Name, OS: runtime.GOOS, Job: job,
				Check: func(ctx context.Context, n remote.Need) ([]remote.Caution, error) { return suits(ctx, h, dir, n) },
			}
			return s.Serve(c.Context, a.stdin, a.Product)
		},
	}
}

// suits is what this host's doctor says of some work.
func suits(ctx context.Context, h host.Host, dir string, n remote.Need) (cautions []remote.Caution, err error) {
	checkup, err := host.Suits(ctx, h, dir, host.Build{Arch: n.Arch, QEMU: n.QEMU, Accel: n.Accel, FreeBytes: n.FreeBytes, Machine: n.Machine})
	if err != nil {
		return nil, err
	}
	var why *remote.Caution // there is no acceleration
	for _, c := range checkup.Checks {
		text, do := fault.Fill(c.Name+": "+c.Text, flagOf), fault.Fill(c.Do, flagOf)
		accelerator := strings.HasPrefix(c.Name, "accelerator ")
		switch {
		case c.Health == host.Missing:
			return nil, lackingHost(errors.New(text), do)
		case c.Health == host.Unused && accelerator && why == nil:
			why = &remote.Caution{Text: "the guest is emulated, which is slow: " + text, Do: do}
		case c.Health == host.Poor && !accelerator:
			cautions = append(cautions, remote.Caution{Text: text, Do: do})
		case c.Health == host.Poor && why != nil: // the build itself tells what emulation does
			cautions = append(cautions, *why)
		}
	}
	return cautions, nil
}

// remoteJobCommand runs a job, whose request is on standard input.
func remoteJobCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: remoteJobVerb, Hidden: true, Usage: "do what another host has asked for", ArgsUsage: "FOLDER",
		Action: func(c *cli.Context) error {
			unheard() // once it has said that the job runs
			return remote.Run(c.Context, c.Args().First(), a.stdin, a.Product, a.runJob)
		},
	}
}

// runJob runs the command of a request, as it would run by itself; what it says and
// prints goes to lines.
func (a *app) runJob(ctx context.Context, r remote.Request, lines io.Writer) remote.End {
	getenv := func(name string) string {
		if value, ok := r.Env[name]; ok {
			return value
		}
		return a.getenv(name)
	}
	streams := ui.NewStreams(lineWriter{"stdout", lines}, lineWriter{"stderr", lines}, getenv)
	streams.Events = lines
	var of aside
	if err := json.Unmarshal(r.Aside, &of); err != nil {
		return remote.End{Code: exitOther, Text: err.Error()}
	}
	j := &app{stdin: strings.NewReader(""), Streams: streams, getenv: getenv, args: of.Command, defaults: of.Defaults, held: r.Held}
	err := withCause(ctx, j.cli().RunContext(ctx, append([]string{"imgasm"}, r.Args...)))
	end := remote.End{Code: exitCode(err), Told: as[toldError](err)}
	if err != nil && !errors.Is(err, errReported) {
		end.Text, end.Hint = fault.Text(err, wrongFlag), hintOf(err)
	}
	return end
}

// lineWriter makes a line of JSON of each Write: an object with one member.
type lineWriter struct {
	name string
	w    io.Writer
}

func (l lineWriter) Write(b []byte) (int, error) {
	line, err := json.Marshal(map[string]string{l.name: string(b)})
	if err == nil {
		_, err = l.w.Write(append(line, '\n'))
	}
	if err != nil {
		return 0, err
	}
	return len(b), nil
}
