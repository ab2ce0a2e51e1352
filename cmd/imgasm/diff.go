// imgasm diff: what differs between two disk images.

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/size"
)

// diffCommand compares two disk images.
func diffCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "diff", Category: verbLook,
		Usage:     "say what differs between two images: packages, files",
		ArgsUsage: "A B",
		UsageText: `imgasm diff old.qcow2 new.qcow2
imgasm diff old.qcow2 new.qcow2 --packages`,
		Description: "Files are compared by type, permissions, owner, size, link and SHA-256, not by time;\n" +
			"their number and size are that of both systems, as their fstab mounts them. Exit code 0:\n" +
			"nothing differs, 1: something does or could not be compared (?). See imgasm inspect for what is read.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "packages", Usage: "compare packages only, which is quick"},
			&cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print JSON, one object a line"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return a.usage("diff takes two images, got %d", c.NArg())
			}
			return a.diff(c, c.Args().Get(0), c.Args().Get(1))
		},
	}
}

// side is one of the two images.
type side struct {
	*openedImage
	tree   *inspect.Tree
	system *inspect.System
}

func (a *app) openSide(c *cli.Context, path string) (side, error) {
	o, err := openImage(c, path, a.warn)
	if err != nil {
		return side{}, err
	}
	t, err := o.tree()
	if err != nil {
		o.disk.Close()
		return side{}, err
	}
	s := side{o, t, o.Look(t)}
	if c.Context.Err() != nil { // what was read by then is not what there is
		o.disk.Close()
		return side{}, context.Cause(c.Context)
	}
	return s, nil
}

// diffLine is a line of --json: one of the four.
type diffLine struct {
	Package *inspect.PackageChange `json:"package,omitempty"`
	File    *inspect.FileChange    `json:"file,omitempty"`
	Image   *imageChange           `json:"image,omitempty"`
	Unread  *unreadPart            `json:"unread,omitempty"`
}

// unreadPart is something of an image that could not be read, so that it was not
// compared.
type unreadPart struct {
	Image   string `json:"image"` // its path
	What    string `json:"what"`  // "packages", "system", "partition 2 (btrfs)"
	Problem string `json:"problem"`
}

// imageChange is something about the images as a whole.
type imageChange struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

func (a *app) diff(c *cli.Context, pathA, pathB string) error {
	of, err := a.openSide(c, pathA)
	if err != nil {
		return err
	}
	defer of.disk.Close()
	with, err := a.openSide(c, pathB)
	if err != nil {
		return err
	}
	defer with.disk.Close()

	differs := false
	tell := func(l diffLine) error {
		differs = true
		if c.Bool("json") {
			return a.printJSON(l)
		}
		_, err := fmt.Fprintln(a.Out, l.String())
		return err
	}
	for _, line := range summary(of, with, c.Bool("packages")) {
		if err := tell(line); err != nil {
			return err
		}
	}
	if !c.Bool("packages") {
		if err := inspect.DiffFiles(c.Context, of.tree, with.tree, func(f inspect.FileChange) error { return tell(diffLine{File: &f}) }); err != nil {
			return err
		}
	}
	if differs {
		return errDiffer
	}
	return nil
}

// summary is all that differs but the files.
func summary(a, b side, packagesOnly bool) []diffLine {
	var lines []diffLine
	if !packagesOnly {
		for _, change := range imageChanges(a, b) {
			lines = append(lines, diffLine{Image: &change})
		}
	}
	for _, s := range []side{a, b} {
		for i := range s.Volumes {
			if v := &s.Volumes[i]; v.Unread != "" && !packagesOnly {
				lines = append(lines, diffLine{Unread: &unreadPart{s.path, part(v), v.Unread}})
			}
		}
		for _, text := range s.system.Unread {
			part := unreadPart{s.path, "system", text}
			if err := s.system.PackagesErr; err != nil && err.Error() == text {
				part.What = "packages"
			}
			if part.What == "packages" || !packagesOnly {
				lines = append(lines, diffLine{Unread: &part})
			}
		}
	}
	if a.system.PackagesErr == nil && b.system.PackagesErr == nil {
		for _, change := range inspect.DiffPackages(a.system.Packages, b.system.Packages) {
			lines = append(lines, diffLine{Package: &change})
		}
	}
	return lines
}

// imageChanges compares what is told of the images as a whole.
func imageChanges(a, b side) []imageChange {
	facts := func(s side) []imageChange {
		var kernels, volumes []string
		for _, k := range s.system.Kernels {
			kernels = append(kernels, k.Version)
		}
		for _, v := range s.Volumes {
			volumes = append(volumes, strings.TrimSpace(fmt.Sprintf("%s %s %s", size.Text(v.SizeBytes), v.Kind, v.Label)))
		}
		return []imageChange{
			{What: "system", A: s.system.Name()}, {What: "disk", A: size.Format(s.SizeBytes)},
			{What: "partitions", A: strings.TrimSpace(s.Table + " " + strings.Join(volumes, ", "))}, {What: "kernels", A: strings.Join(kernels, ", ")},
			{What: "boots by", A: strings.Join(s.Boots, ", ")}, {What: "packages", A: packagesLine(s.system)},
		}
	}
	all := facts(a)
	for i, f := range facts(b) {
		all[i].B = f.A
	}
	unread := a.system.PackagesErr != nil || b.system.PackagesErr != nil
	return slices.DeleteFunc(all, func(c imageChange) bool { return c.A == c.B || unread && c.What == "packages" })
}

// signs are how a difference begins, as in a diff.
var signs = map[string]string{inspect.Added: "+", inspect.Removed: "-", inspect.Changed: "~", inspect.Unread: "?"}

// String is what people read.
func (l diffLine) String() string {
	switch {
	case l.Package != nil:
		p := l.Package
		return fmt.Sprintf("%s package %s %s", signs[p.Kind], ui.Line(strings.TrimSuffix(p.Name+"."+p.Arch, ".")), ui.Line(fromTo(p.A, p.B)))
	case l.File != nil:
		return fileLine(l.File)
	case l.Unread != nil:
		u := l.Unread
		return fmt.Sprintf("%s %s of %s: %s; not compared", signs[inspect.Unread], u.What, ui.Line(u.Image), ui.Line(u.Problem))
	}
	return fmt.Sprintf("~ %s: %s", l.Image.What, ui.Line(fromTo(l.Image.A, l.Image.B)))
}

// fileLine tells a file, and what has become of it.
func fileLine(f *inspect.FileChange) string {
	text := signs[f.Kind] + " " + ui.Line(f.Path)
	switch f.Kind {
	case inspect.Unread:
		return text + ": " + ui.Line(f.Problem)
	case inspect.Added:
		return text + sizeOfFile(f.B)
	case inspect.Removed:
		return text + sizeOfFile(f.A)
	}
	var what []string
	for _, w := range f.What {
		switch w {
		case "type", "mode":
			w += " " + fromTo(f.A.Mode, f.B.Mode)
		case "owner":
			w += " " + fromTo(fmt.Sprintf("%d:%d", f.A.UID, f.A.GID), fmt.Sprintf("%d:%d", f.B.UID, f.B.GID))
		case "size":
			w += " " + fromTo(fmt.Sprint(f.A.Bytes), fmt.Sprint(f.B.Bytes))
		case "target":
			w += " " + fromTo(f.A.Target, f.B.Target)
		}
		what = append(what, ui.Line(w))
	}
	return text + ": " + strings.Join(what, ", ")
}

// sizeOfFile is that of a regular file with contents, "" of others.
func sizeOfFile(s *inspect.FileState) string {
	if s.Bytes == 0 {
		return ""
	}
	return ", " + size.Text(s.Bytes)
}

// fromTo is what has become of something, or the one that there is.
func fromTo(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + " -> " + b
}
