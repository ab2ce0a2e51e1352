// imgasm remote: what other hosts do for us, and what is left of it there.

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/publish"
)

// remoteCommand is the verb remote.
func remoteCommand(a *app) *cli.Command {
	out := &cli.StringFlag{Name: "out", Aliases: []string{"o"}, Usage: "put what comes home into the folder `DIR`", DefaultText: "where it was to go, if this host has asked for it, else this folder"}
	return &cli.Command{
		Name: "remote", Category: verbHost + rare,
		Usage: "see, follow and fetch what other hosts build",
		UsageText: `imgasm remote list build.example.org
imgasm remote attach build.example.org
imgasm remote fetch build.example.org --out images`,
		Description: "HOST is [ssh://][user@]host[:port], as the system's ssh and its configuration have it.",
		Subcommands: []*cli.Command{
			{
				Name: "list", Usage: "list the jobs on a host", ArgsUsage: "HOST", UsageText: "imgasm remote list build.example.org",
				Flags: []cli.Flag{binaryFlag(), jsonFlag()}, Action: func(c *cli.Context) error { return a.remoteList(c) },
			}, {
				Name: "attach", Usage: "follow a job and bring home what it makes", ArgsUsage: "HOST [JOB]", UsageText: "imgasm remote attach build.example.org",
				Flags: append([]cli.Flag{out, binaryFlag()}, talkFlags()...), Action: func(c *cli.Context) error { return a.remoteAttach(c, false) },
			}, {
				Name: "fetch", Usage: "bring home what jobs have made that have ended", ArgsUsage: "HOST [JOB]", UsageText: "imgasm remote fetch build.example.org --out images",
				Flags: append([]cli.Flag{out, binaryFlag()}, talkFlags()...), Action: func(c *cli.Context) error { return a.remoteAttach(c, true) },
			}, {
				Name: "clean", Usage: "remove jobs, which are stopped if they run, and what no job needs", ArgsUsage: "HOST [JOB…]", UsageText: "imgasm remote clean build.example.org",
				Description: "Without JOB only what was killed goes, and inputs and programs that are not in use.",
				Flags:       []cli.Flag{binaryFlag(), jsonFlag()}, Action: func(c *cli.Context) error { return a.remoteClean(c) },
			},
		},
	}
}

// asked does something with the host that the first argument names.
func (a *app) asked(c *cli.Context, most int, do func(t *trip, args []string) error) error {
	args := c.Args().Slice()
	if len(args) == 0 || most > 0 && len(args) > most {
		return a.usage("%s takes %s, got %d", "remote "+c.Command.Name, c.Command.ArgsUsage, len(args))
	}
	t := a.newTrip(c, args[0], ui.Shown{JSON: c.Bool("json"), Quiet: c.Bool("quiet")})
	defer t.close()
	if err := do(t, args[1:]); err != nil {
		return t.fail(err)
	}
	return nil
}

// state is how far a job is, for people.
func state(j remote.Job) string {
	switch {
	case j.End == nil:
		return "runs"
	case j.End.Killed:
		return "was killed"
	case j.End.Code == exitDone:
		return "done"
	case j.End.Code == exitInterrupted:
		return "stopped"
	}
	return fmt.Sprintf("failed (%d)", j.End.Code)
}

// ago is how long something is past, for people.
func ago(t time.Time) string { return ui.Duration(time.Since(t).Round(time.Second)) + " ago" }

// printJobs prints jobs, by the clock of a host that ours is ahead of.
func (a *app) printJobs(c *cli.Context, jobs []remote.Job, ahead time.Duration) error {
	if c.Bool("json") {
		if jobs == nil {
			jobs = []remote.Job{}
		}
		return a.printJSON(jobs)
	}
	table := a.Table()
	table.Row("JOB", "STATE", "BEGUN", "WHAT", "FOR")
	for _, j := range jobs {
		table.Row(j.ID, state(j), ago(j.Started.Add(ahead)), j.Title, j.From)
	}
	return table.Flush()
}

func (a *app) remoteList(c *cli.Context) error {
	return a.asked(c, 1, func(t *trip, _ []string) error {
		return t.do(func(ctx context.Context, there *remote.Client) error {
			jobs, err := there.List(ctx)
			if err != nil {
				return err
			}
			return a.printJobs(c, jobs, there.Ahead)
		})
	})
}

func (a *app) remoteClean(c *cli.Context) error {
	return a.asked(c, 0, func(t *trip, ids []string) error {
		return t.do(func(ctx context.Context, there *remote.Client) error {
			gone, err := there.Clean(ctx, ids)
			if err != nil {
				return err
			}
			return a.printJobs(c, gone, there.Ahead)
		})
	})
}

// remoteAttach follows jobs to their ends and fetches what they have made. ended: only
// those that have ended, all of them unless one is named.
func (a *app) remoteAttach(c *cli.Context, ended bool) error {
	return a.asked(c, 2, func(t *trip, ids []string) error {
		var jobs []remote.Job
		err := t.do(func(ctx context.Context, there *remote.Client) (err error) {
			jobs, err = there.List(ctx)
			return err
		})
		if err != nil {
			return err
		}
		name := ""
		if len(ids) > 0 {
			name = ids[0]
		}
		chosen := meant(jobs, name, ended)
		list := "imgasm remote list " + t.host + " shows those that there are"
		switch {
		case len(chosen) == 0:
			return badInput("", fmt.Errorf("%s has no such job", t.host), list)
		case ended && chosen[0].End == nil:
			return badInput("", fmt.Errorf("job %s still runs", chosen[0].ID), "imgasm remote attach "+t.host+" "+chosen[0].ID+" follows it")
		case !ended && len(chosen) > 1:
			return badInput("", fmt.Errorf("%s has %d jobs", t.host, len(chosen)), "name one: "+list)
		}
		dir, err := folderOf(c.String("out"))
		if err != nil {
			return err
		}
		homes, by := make([]*homecoming, len(chosen)), map[string]string{}
		for i, j := range chosen {
			if homes[i], err = t.homeOf(j, dir); err != nil {
				return fmt.Errorf("job %s (%s): %w", j.ID, j.Title, err)
			}
			out := homes[i].Out
			if other := by[out]; other != "" {
				return badInput("", fmt.Errorf("jobs %s and %s both make %s", other, j.ID, out), "fetch one after the other into different folders: imgasm remote fetch "+t.host+" "+j.ID+" --out DIR")
			}
			by[out] = j.ID
		}
		for i, j := range chosen {
			if err := t.bring(j, homes[i]); err != nil {
				return fmt.Errorf("job %s (%s): %w", j.ID, j.Title, err)
			}
		}
		return nil
	})
}

// meant are the jobs of a name; of none those that have ended and made something, or
// else those that run, or all.
func meant(jobs []remote.Job, name string, ended bool) []remote.Job {
	runs := slices.ContainsFunc(jobs, func(j remote.Job) bool { return j.End == nil })
	return slices.DeleteFunc(slices.Clone(jobs), func(j remote.Job) bool {
		switch {
		case name != "":
			return j.ID != name
		case ended:
			return j.End == nil || len(j.End.Files) == 0
		}
		return runs && j.End != nil
	})
}

// folderOf is the absolute path of the folder that a user has named, if he has.
func folderOf(dir string) (string, error) {
	if dir == "" {
		return "", nil
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", badInput("--out", errors.Join(fmt.Errorf("%s is no folder", dir), err), "files keep their names: give the folder that they go to, as in --out "+filepath.Dir(dir))
	}
	return filepath.Abs(dir)
}

// homeOf says where things go that a job makes: into the folder dir, "" for where they
// were to go. What the host says of that is believed for no other folder than that or
// the current one.
func (t *trip) homeOf(j remote.Job, dir string) (*homecoming, error) {
	h := &homecoming{}
	if err := json.Unmarshal(j.Home, h); err != nil || h.Out == "" {
		return nil, errors.Join(err, errors.New("it does not say what it makes"))
	}
	ours, err := t.isOurs(j.ID, h)
	if err != nil {
		return nil, err
	}
	if ours {
		if dir != "" {
			h.begun = h.folder()
			h.to(dir)
		}
		return h, nil
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	return h, h.foreign(dir)
}

// isOurs reports whether this host has asked for a job, and takes what its record says
// of where things go.
func (t *trip) isOurs(id string, h *homecoming) (bool, error) {
	if _, err := os.Lstat(h.folder()); !filepath.IsAbs(h.Out) || err != nil {
		return false, nil
	}
	record, err := remote.OpenRecord(t.ctx, h.folder())
	if err != nil {
		return false, err
	}
	defer record.Close()
	if record.ID != id || len(record.Home) == 0 {
		return false, nil
	}
	*h = homecoming{}
	return true, json.Unmarshal(record.Home, h)
}

// bring follows a job, which may have ended, and brings home what it has made.
func (t *trip) bring(j remote.Job, h *homecoming) error {
	if h.begun != "" {
		_ = publish.Rename(h.begun, h.folder()) // on another file system all comes anew
	}
	record, err := remote.OpenRecord(t.ctx, h.folder())
	if err != nil {
		return err
	}
	defer record.Close()
	if record.ID != j.ID {
		record.Host, record.ID, record.Request, record.Home = t.host, j.ID, "", nil
		if err := record.Write(t.ctx); err != nil {
			return err
		}
	}
	return t.home(j.ID, h, record)
}

// dial connects to a host, where the same imgasm then serves.
func (a *app) dial(ctx context.Context, c *cli.Context, to string, again bool, note func(string)) (*remote.Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	h, err := host.This(a.getenv, version)
	if err != nil {
		return nil, err
	}
	ssh := strings.Fields(a.getenv("IMGASM_SSH"))
	conn, err := remote.Dial(ctx, remote.Options{
		Host: to, SSH: ssh, Version: version, Serve: []string{remoteServeVerb}, Binary: c.String("remote-binary"),
		Self: self, Cache: h.CacheDir, Batch: again || a.batch, Note: note, Stderr: a.Err,
	})
	if errors.Is(err, exec.ErrNotFound) {
		_, missing := program(append(ssh, "ssh")[0])
		err = cmp.Or(missing, err)
	}
	if err != nil {
		return nil, err
	}
	return remote.NewClient(ctx, conn, version)
}
