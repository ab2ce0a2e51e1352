// imgasm cache: what imgasm keeps because making it again takes time.

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/source"
	"github.com/imgasm/imgasm/internal/size"
)

// cacheCommand is the verb cache.
func cacheCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "cache", Category: verbHost,
		Usage:       "list and remove downloads and what else is kept to save time",
		UsageText:   "imgasm cache list\nimgasm cache clean --all --older-than 720h",
		Subcommands: []*cli.Command{cacheListCommand(a), cacheCleanCommand(a), cacheDirCommand(a)},
	}
}

func cacheDirCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "dir", Usage: "print the cache's folder, which the variable IMGASM_CACHE may name",
		UsageText: "du -sh \"$(imgasm cache dir)\"",
		Action: func(c *cli.Context) error {
			if err := a.noArgs(c); err != nil {
				return err
			}
			h, err := host.This(a.getenv, version)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(a.Product, h.CacheDir)
			return err
		},
	}
}

func cacheListCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the caches and their sizes",
		UsageText: "imgasm cache list",
		Flags:     []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if err := a.noArgs(c); err != nil {
				return err
			}
			_, all, err := a.caches(nil)
			if err != nil {
				return err
			}
			if c.Bool("json") {
				return a.printList(len(all), all)
			}
			table := a.Table()
			table.Row("CACHE", "SIZE", "WRITTEN", "WHAT")
			for _, k := range all {
				table.Row(k.Name, size.Text(k.SizeBytes), day(k.Written), k.What)
			}
			return table.Flush()
		},
	}
}

// day is a time for people.
func day(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.DateOnly)
}

// caches are the caches with these names; none: all there are.
func (a *app) caches(names []string) (h host.Host, found []host.Cache, err error) {
	if h, err = host.This(a.getenv, version); err != nil {
		return h, nil, err
	}
	all, err := h.Caches()
	if err != nil {
		return h, nil, err
	}
	known := host.CacheNames()
	for _, k := range all {
		known = append(known, k.Name)
		if len(names) == 0 || slices.Contains(names, k.Name) {
			found = append(found, k)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return h, nil, badInput("", fmt.Errorf("there is no cache %s", name), "the caches are "+strings.Join(host.CacheNames(), ", "))
		}
	}
	return h, found, nil
}

func cacheCleanCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "clean", Usage: "remove partial and rejected downloads, or everything", ArgsUsage: "[CACHE…]",
		UsageText: "imgasm cache clean\nimgasm cache clean --all --older-than 720h --dry-run\nimgasm cache clean --all rehearsal firmware",
		Description: "Without --all only downloads that were left unfinished or failed verification go.\n" +
			"Whatever goes is made or downloaded again when it is needed.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "remove what is whole too"},
			&cli.DurationFlag{Name: "older-than", Usage: "remove only what was not written for `TIME`, such as 720h", DefaultText: "any age"},
			&cli.BoolFlag{Name: "dry-run", Usage: "only say what would be removed"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return a.cleanCaches(c) },
	}
}

func (a *app) cleanCaches(c *cli.Context) error {
	h, caches, err := a.caches(c.Args().Slice())
	if err != nil {
		return err
	}
	var gone []host.CachePart
	var failed []error
	for _, k := range caches {
		parts, err := a.cleanCache(c, h, k)
		if errors.Is(err, host.ErrInUse) {
			a.Problem("warning", "the cache "+k.Name+" is left as it is: "+err.Error(), "")
			err = nil
		}
		gone = append(gone, parts...)
		failed = append(failed, err)
	}
	if c.Bool("json") {
		return errors.Join(append(failed, a.printList(len(gone), gone))...)
	}
	table := a.Table()
	var bytes int64
	for _, p := range gone {
		bytes += p.SizeBytes
		table.Row(size.Text(p.SizeBytes), p.Path)
	}
	switch {
	case len(gone) == 0:
		fmt.Fprintf(a.Err, "imgasm: nothing to remove from %s\n", h.CacheDir)
	case c.Bool("dry-run"):
		fmt.Fprintf(a.Err, "imgasm: would remove %s\n", size.Text(bytes))
	default:
		fmt.Fprintf(a.Err, "imgasm: removed %s\n", size.Text(bytes))
	}
	return errors.Join(append(failed, table.Flush())...)
}

func (a *app) cleanCache(c *cli.Context, h host.Host, k host.Cache) ([]host.CachePart, error) {
	if k.Name != host.ISOCache {
		if !c.Bool("all") {
			return nil, nil
		}
		return k.Clean(c.Duration("older-than"), h.Now(), c.Bool("dry-run"))
	}
	f := &source.Fetcher{Cache: k.Path}
	items, err := f.Clean(source.CleanOptions{All: c.Bool("all"), OlderThan: c.Duration("older-than"), DryRun: c.Bool("dry-run")})
	var gone []host.CachePart
	for _, i := range items {
		gone = append(gone, host.CachePart{Path: i.Path, SizeBytes: i.SizeBytes, Written: i.Fetched})
	}
	return gone, err
}
