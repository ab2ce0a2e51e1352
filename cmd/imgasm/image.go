// imgasm image: what a disk image is, whether it is whole, and whether two hold
// the same disk.

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/internal/event"
	"github.com/imgasm/imgasm/internal/freespace"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// imageCommand is the verb image.
func imageCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "image", Category: verbLook,
		Usage: "describe, check and compare disk images",
		UsageText: "imgasm image info alma.qcow2\n" +
			"imgasm image check alma.qcow2\n" +
			"imgasm image compare alma.raw alma.qcow2",
		Description: "What is on the disk, imgasm inspect says.",
		Subcommands: []*cli.Command{imageInfoCommand(a), imageCheckCommand(a), imageCompareCommand(a)},
	}
}

func imageInfoCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "info", Usage: "say what an image's header says", ArgsUsage: "IMAGE",
		UsageText: "imgasm image info alma.qcow2\nimgasm image info --json alma.qcow2",
		Flags:     []cli.Flag{jsonFlag()},
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return a.usage("image info takes one image, got %d", c.NArg())
			}
			return a.imageInfo(c.Args().First(), c.Bool("json"))
		},
	}
}

// imageFacts are what image info says.
type imageFacts struct {
	File      string        `json:"file"`
	Format    string        `json:"format"`
	DiskBytes int64         `json:"diskBytes"`
	UsedBytes int64         `json:"usedBytes"` // of the file system, for the file
	Qcow2     *qcow2.Header `json:"qcow2,omitempty"`
}

func (a *app) imageInfo(path string, asJSON bool) error {
	facts, err := factsOf(path)
	if err != nil {
		return ofUser(err)
	}
	if asJSON {
		return a.printJSON(facts)
	}
	t := a.Table()
	t.Row("file", path)
	t.Row("format", facts.Format)
	t.Row("disk", fmt.Sprintf("%s (%d bytes)", size.Text(facts.DiskBytes), facts.DiskBytes))
	t.Row("takes", size.Text(facts.UsedBytes)+" here")
	if h := facts.Qcow2; h != nil {
		t.Row("version", fmt.Sprint(h.Version))
		t.Row("clusters", fmt.Sprintf("%s, compressed by %s where they are", size.Format(h.ClusterSize), h.Compression))
		for _, row := range headerRows(h) {
			t.Row(row[0], row[1])
		}
	}
	return t.Flush()
}

// headerRows are what an image has that most have not.
func headerRows(h *qcow2.Header) (rows [][2]string) {
	for _, row := range []struct {
		there      bool
		name, text string
	}{
		{h.BackingFile != "", "backing file", fmt.Sprintf("%s (%s): this image holds only what differs from it", h.BackingFile, cmp.Or(h.BackingFormat, "of no said format"))},
		{h.DataFile != "", "data file", h.DataFile + ": this file holds the tables only"},
		{h.Snapshots > 0, "snapshots", fmt.Sprint(h.Snapshots)},
		{h.Encrypted, "encrypted", "yes"},
		{h.ExtendedL2, "extended L2", "yes"},
		{h.RefcountBits != 16, "refcounts", fmt.Sprint(h.RefcountBits, " bits")},
		{h.Dirty, "dirty", "it was not closed: imgasm image check tells whether its refcounts are right"},
		{h.Corrupt, "corrupt", "QEMU has found damage in it"},
	} {
		if row.there {
			rows = append(rows, [2]string{row.name, row.text})
		}
	}
	return rows
}

func factsOf(path string) (f imageFacts, err error) {
	f = imageFacts{File: path, Format: "qcow2"}
	h, err := readHeader(path)
	switch {
	case err == nil:
		f.DiskBytes, f.Qcow2 = h.Size, &h
	case errors.Is(err, qcow2.ErrNotQcow2):
		d, err := convert.Open(path)
		if err != nil {
			return f, err
		}
		defer d.Close()
		f.Format, f.DiskBytes = d.Format, d.Size()
	default:
		return f, err
	}
	f.UsedBytes, err = freespace.Used(path)
	return f, err
}

func readHeader(path string) (qcow2.Header, error) {
	file, err := smallfile.Open(path)
	if err != nil {
		return qcow2.Header{}, err
	}
	defer file.Close()
	raw, err := qcow2.Raw(file)
	if err != nil {
		return qcow2.Header{}, err
	}
	h, err := qcow2.ReadHeader(raw, raw.Size())
	if err != nil {
		return h, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

func imageCheckCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "look for damage in a qcow2", ArgsUsage: "IMAGE",
		UsageText: "imgasm image check alma.qcow2\nimgasm image check --json alma.qcow2",
		Description: "Its tables are held against its refcounts, and its whole disk is read, so that\n" +
			"compressed data that are damaged show too. Leaked clusters cost room and harm\n" +
			"nothing: they are a warning. Damage is exit code 3.",
		Flags: talkFlags(),
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return a.usage("image check takes one image, got %d", c.NArg())
			}
			return a.imageCheck(c, c.Args().First())
		},
	}
}

func (a *app) imageCheck(c *cli.Context, path string) error {
	file, err := smallfile.Open(path)
	if err != nil {
		return ofUser(err)
	}
	defer file.Close()
	raw, err := qcow2.Raw(file)
	if err != nil {
		return ofUser(err)
	}
	result, err := qcow2.Check(c.Context, raw, raw.Size())
	switch {
	case errors.Is(err, qcow2.ErrNotQcow2):
		return badInput("", fmt.Errorf("%s: only a qcow2 can be checked", path), "imgasm image info "+path+" says what it is")
	case errors.Is(err, qcow2.ErrUnchecked):
		a.Problem("warning", path+": "+err.Error(), "qemu-img check counts them")
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	readErr := a.readDisk(c, path, raw)
	if c.Context.Err() != nil {
		return readErr
	}
	if c.Bool("json") {
		report := struct {
			qcow2.CheckResult
			Unreadable string `json:"unreadable,omitempty"`
		}{CheckResult: result}
		if readErr != nil {
			report.Unreadable = readErr.Error()
		}
		if err := a.printJSON(report); err != nil {
			return err
		}
	} else {
		if err == nil {
			fmt.Fprintf(a.Out, "%s: %s, %d of %d clusters allocated, %d of them compressed\n", path, checkVerdict(result, readErr), result.Allocated, result.Clusters, result.Compressed)
		}
		for _, text := range result.Findings {
			a.Problem("error", path+": "+text, "")
		}
		if result.Leaks > 0 {
			a.Problem("warning", fmt.Sprintf("%s: %d clusters of the file are of no use", path, result.Leaks), "imgasm convert writes an image without them")
		}
	}
	switch {
	case readErr != nil:
		return badInput("", fmt.Errorf("%s: %w", path, readErr), "")
	case result.Errors > 0:
		return fmt.Errorf("%w: %w", errReported, errFindings)
	}
	return nil
}

func checkVerdict(r qcow2.CheckResult, readErr error) string {
	switch {
	case r.Errors > 0:
		return fmt.Sprintf("%d errors", r.Errors)
	case readErr != nil:
		return "unreadable"
	}
	return "no errors"
}

// nowhere is a disk that is written to and forgotten.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nowhere) Truncate(int64) error                   { return nil }

// readDisk reads all of an image's disk.
func (a *app) readDisk(c *cli.Context, path string, raw *qcow2.RawFile) error {
	image, err := qcow2.New(raw, raw.Size(), qcow2.OpenOptions{
		Backing: func(string, string) (qcow2.Source, error) { return bytes.NewReader(nil), nil }, // is not asked about
	})
	if err != nil {
		return err
	}
	return a.progressing(c, "check", "read "+path, func(ctx context.Context, tell func(done, total int64)) error {
		return qcow2.WriteRaw(ctx, nowhere{}, image, qcow2.CopyOptions{Progress: tell})
	})
}

// progressing does something that takes long, and shows how far it is.
func (a *app) progressing(c *cli.Context, step, text string, do func(ctx context.Context, tell func(done, total int64)) error) error {
	d := a.display(c)
	defer d.Close()
	if c.Bool("json") { // the result is what programs want
		return do(c.Context, nil)
	}
	show := timed(d.Event, step)
	show(event.Event{Kind: event.StepStart, Text: text})
	return do(c.Context, func(done, total int64) { show(progressEvent(done, total)) })
}

func imageCompareCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "compare", Usage: "say whether two images hold the same disk, whatever their formats", ArgsUsage: "A B",
		UsageText: "imgasm image compare alma.raw alma.qcow2\nimgasm image compare --json a.qcow2 b.qcow2",
		Description: "The shorter disk counts as one that goes on with zeros, which is warned of. The\n" +
			"exit code is 1 if they differ. imgasm diff says in which files.",
		Flags: talkFlags(),
		Action: func(c *cli.Context) error {
			if c.NArg() != 2 {
				return a.usage("image compare takes two images, got %d", c.NArg())
			}
			return a.imageCompare(c, c.Args().Get(0), c.Args().Get(1))
		},
	}
}

func (a *app) imageCompare(c *cli.Context, one, two string) error {
	var disks [2]*convert.Disk
	for i, path := range []string{one, two} {
		d, err := convert.Open(path)
		if err != nil {
			return ofUser(err)
		}
		defer d.Close()
		disks[i] = d
	}
	if n, m := disks[0].Size(), disks[1].Size(); n != m && !c.Bool("json") {
		a.Problem("warning", fmt.Sprintf("a disk of %d bytes and one of %d are compared: the shorter goes on with zeros", n, m), "")
	}
	err := a.progressing(c, "compare", "compare "+one+" and "+two, func(ctx context.Context, tell func(done, total int64)) error {
		return qcow2.Compare(ctx, disks[0], disks[1], qcow2.CopyOptions{Progress: tell})
	})
	var difference *qcow2.DifferenceError
	if err != nil && !errors.As(err, &difference) {
		return err
	}
	if c.Bool("json") {
		result := struct {
			Equal  bool   `json:"equal"`
			Offset *int64 `json:"offset,omitempty"` // of the first byte that differs
		}{Equal: difference == nil}
		if difference != nil {
			result.Offset = &difference.Offset
		}
		if err := a.printJSON(result); err != nil {
			return err
		}
	} else if difference == nil {
		fmt.Fprintf(a.Out, "%s and %s hold the same disk\n", one, two)
	}
	if difference != nil {
		return fmt.Errorf("%s and %s differ at byte %d", one, two, difference.Offset)
	}
	return nil
}
