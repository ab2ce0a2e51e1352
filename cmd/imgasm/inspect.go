// imgasm inspect: what is on a disk image, without starting or mounting it.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/inspect"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// inspectCommand is the verb inspect.
func inspectCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "inspect", Category: verbLook,
		Usage:     "say what is on a disk image, without mounting it",
		ArgsUsage: "IMAGE",
		UsageText: `imgasm inspect alma.qcow2
imgasm inspect alma.qcow2 --ls /boot
imgasm inspect alma.qcow2 --cat /etc/fstab
imgasm inspect alma.qcow2 --sbom alma.cdx.json

imgasm inspect alma.qcow2 --partition 2 --ls /`,
		Description: "IMAGE is a qcow2, a fixed vhd or a raw disk. XFS, ext2 to ext4 and FAT are read, in\n" +
			"linear LVM too, and joined as the image's fstab says; journals are not replayed. Nothing is\n" +
			"written, no program is run, and no root is needed. Passwords' hashes are never shown.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "ls", Usage: "list the folder or file `PATH` of the image"},
			&cli.StringFlag{Name: "cat", Usage: "write the file `PATH` of the image to standard output"},
			partitionFlag(),
			&cli.StringFlag{Name: "sbom", Usage: "write a bill of materials to `FILE`: CycloneDX to FILE.cdx.json, SPDX to FILE.spdx.json"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error {
			switch {
			case c.NArg() != 1:
				return a.usage("inspect takes one image, got %d", c.NArg())
			case c.IsSet("sbom") && c.IsSet("partition"):
				return a.usage("--sbom is about the whole image: leave out --partition")
			case c.IsSet("cat") && c.Bool("json"):
				return a.usage("--cat writes the file as it is: leave out --json")
			case c.IsSet("sbom") && c.Bool("json"):
				return a.usage("--sbom writes its file only: leave out --json")
			}
			o, err := openImage(c, c.Args().First(), a.warn)
			if err != nil {
				return err
			}
			defer o.disk.Close()
			switch {
			case c.IsSet("ls"):
				return a.inspectList(o, c.String("ls"), c.Bool("json"))
			case c.IsSet("cat"):
				return a.inspectCat(c, o, c.String("cat"))
			case c.IsSet("sbom"):
				return a.inspectBill(c, o, c.String("sbom"))
			}
			return a.inspect(c.Context, o, c.Bool("json"))
		},
	}
}

func partitionFlag() cli.Flag {
	return &cli.IntFlag{Name: "partition", Usage: "look at the file system of partition `N` alone", DefaultText: "those that its fstab mounts"}
}

// openedImage is an image whose partitions were looked at.
type openedImage struct {
	path      string
	disk      *convert.Disk
	partition int // whose files are wished for; 0: all that are mounted
	*inspect.Image
}

func (a *app) warn(text string) { a.Problem("warning", text, "") }

// openImage opens an image. warn is told of file systems of which the last changes
// are not seen.
func openImage(c *cli.Context, file string, warn func(text string)) (*openedImage, error) {
	partition := c.Int("partition")
	if c.IsSet("partition") && partition < 1 {
		return nil, badInput("--partition", errors.New("partitions are counted from 1"), "see which there are: imgasm inspect "+file)
	}
	d, err := convert.Open(file)
	if err != nil {
		return nil, ofUser(err)
	}
	m, err := inspect.Open(inspect.Until(c.Context, d), d.Size())
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for i := range m.Volumes {
		if v := &m.Volumes[i]; v.Unclean && (partition == 0 || partition == v.Number) {
			warn(fmt.Sprintf("%s: %s was not unmounted: its last changes may be missing, since a journal is not read", file, part(v)))
		}
	}
	return &openedImage{file, d, partition, m}, nil
}

// part is what people call a volume.
func part(v *inspect.Volume) string {
	switch {
	case v.LV != "":
		return v.LV + " (" + cmp.Or(v.Kind, "LVM") + ")"
	case v.Number == 0:
		return "the disk's " + v.Kind
	}
	return fmt.Sprintf("partition %d (%s)", v.Number, v.Kind)
}

// tree is the image's files.
func (o *openedImage) tree() (*inspect.Tree, error) {
	look := o.Tree
	if o.partition > 0 {
		look = func() (*inspect.Tree, error) { return o.Partition(o.partition) }
	}
	t, err := look()
	if err != nil && o.partition > 0 {
		return nil, badInput("--partition", fmt.Errorf("%s: %w", o.path, err), "see which there are: imgasm inspect "+o.path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.path, err)
	}
	return t, nil
}

// inspectReport is what --json has.
type inspectReport struct {
	Path   string `json:"path"`
	Format string `json:"format"`
	*inspect.Image
	Mounts map[string]int  `json:"mounts,omitempty"` // numbers of partitions, by where they are mounted
	System *inspect.System `json:"system,omitempty"`
	NoTree string          `json:"noFiles,omitempty"` // why there is no system, or none that can be read
}

func (a *app) inspect(ctx context.Context, o *openedImage, programs bool) error {
	r := inspectReport{Path: o.path, Format: o.disk.Format, Image: o.Image}
	t, err := o.tree()
	if err != nil {
		if o.partition > 0 {
			return err
		}
		r.NoTree = strings.TrimPrefix(err.Error(), o.path+": ")
	} else {
		r.System = o.Look(t)
		r.Mounts = map[string]int{}
		for _, m := range t.Mounts {
			r.Mounts["/"+m.Point] = m.Volume.Number
		}
		if _, err := o.SystemTree(); err != nil && o.partition == 0 {
			r.NoTree = err.Error()
		}
	}
	switch {
	case ctx.Err() != nil: // what was read by then is not what there is
		return context.Cause(ctx)
	case programs:
		return a.printJSON(r)
	}
	return a.report(r, t)
}

// inImage is a path of the user's as fs.FS has it.
func inImage(name string) string {
	if clean := strings.TrimPrefix(path.Clean("/"+name), "/"); clean != "" {
		return clean
	}
	return "."
}

// notInImage is about a path that the user gave.
func notInImage(t *inspect.Tree, image, name string, err error) error {
	hint := ""
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		if target, linkErr := t.ReadLink(inImage(name)); linkErr == nil {
			err = fmt.Errorf("it is a link to %s, which is not in the image", target)
		}
		hint = fmt.Sprintf("see what is there: imgasm inspect %s --ls %s", image, path.Dir("/"+inImage(name)))
	}
	if in, err := t.Stat(inImage(name)); err == nil && in.IsDir() {
		hint = fmt.Sprintf("see what is in it: imgasm inspect %s --ls %s", image, name)
	}
	return badInput("", fmt.Errorf("%s: %s: %w", image, name, err), hint)
}

// listedFile is a file as --ls --json has it.
type listedFile struct {
	Name    string  `json:"name"`
	Mode    string  `json:"mode"`
	UID     *uint32 `json:"uid,omitempty"` // FAT has no owners
	GID     *uint32 `json:"gid,omitempty"`
	Bytes   int64   `json:"bytes"`
	ModTime string  `json:"modTime"` // RFC 3339
	Target  string  `json:"target,omitempty"`
}

func (a *app) inspectList(o *openedImage, name string, programs bool) error {
	t, err := o.tree()
	if err != nil {
		return err
	}
	at := inImage(name)
	in, err := t.Stat(at)
	if err != nil {
		return notInImage(t, o.path, name, err)
	}
	var all []listedFile
	if !in.IsDir() {
		if in, err = t.Lstat(at); err != nil {
			return notInImage(t, o.path, name, err)
		}
		all = append(all, describeFile(t, at, in))
	} else {
		list, err := t.ReadDir(at)
		if err != nil {
			return notInImage(t, o.path, name, err)
		}
		for _, e := range list {
			in, err := e.Info()
			if err != nil {
				return notInImage(t, o.path, path.Join(name, e.Name()), err)
			}
			all = append(all, describeFile(t, path.Join(at, e.Name()), in))
		}
	}
	if programs {
		return a.printList(len(all), all)
	}
	w := a.Table()
	for _, f := range all {
		name, owner := f.Name, "-"
		if f.Target != "" {
			name += " -> " + f.Target
		}
		if f.UID != nil {
			owner = fmt.Sprintf("%d:%d", *f.UID, *f.GID)
		}
		w.Row(f.Mode, owner, fmt.Sprintf("%12d", f.Bytes), f.ModTime[:16], name)
	}
	return w.Flush()
}

func describeFile(t *inspect.Tree, at string, in fs.FileInfo) listedFile {
	f := listedFile{Name: path.Base(at), Mode: inspect.ModeText(in.Mode()), Bytes: in.Size(), ModTime: in.ModTime().UTC().Format("2006-01-02T15:04:05Z")}
	if uid, gid, ok := inspect.Owner(in); ok {
		f.UID, f.GID = &uid, &gid
	}
	if in.Mode().Type() == fs.ModeSymlink {
		f.Target, _ = t.ReadLink(at) // one that is damaged has none
	}
	return f
}

func (a *app) inspectCat(c *cli.Context, o *openedImage, name string) error {
	t, err := o.tree()
	if err != nil {
		return err
	}
	f, err := t.Open(inImage(name))
	if err != nil {
		return notInImage(t, o.path, name, err)
	}
	defer f.Close()
	if _, err := io.Copy(a.Product, smallfile.Stream(c.Context, f)); err != nil {
		if p := new(fs.PathError); errors.As(err, &p) && p.Op == "read" {
			return notInImage(t, o.path, name, err)
		}
		return err
	}
	return nil
}
