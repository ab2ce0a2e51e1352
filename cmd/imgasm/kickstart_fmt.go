// imgasm kickstart fmt: one layout for kickstart files.

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/kickstart"
)

func kickstartFmtCommand(app *app) *cli.Command {
	return &cli.Command{
		Name:      "fmt",
		Usage:     "lay out, with the same meaning, kickstart files",
		ArgsUsage: "KICKSTART…",
		UsageText: "imgasm kickstart fmt ks.cfg >formatted.cfg\n" +
			"imgasm kickstart fmt -w *.ks\n" +
			"imgasm kickstart fmt --check --diff *.ks",
		Description: "Without a flag the formatted file is printed. With --check or --diff the exit code\n" +
			"is 3 when a file is not formatted.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "write", Aliases: []string{"w"}, Usage: "write the files that change, each whole or not at all"},
			&cli.BoolFlag{Name: "check", Usage: "print the names of the files that would change"},
			&cli.BoolFlag{Name: "diff", Aliases: []string{"d"}, Usage: "print what would change, as a unified diff"},
		},
		Action: func(c *cli.Context) error {
			o := fmtOptions{files: c.Args().Slice(), write: c.Bool("write"), check: c.Bool("check"), diff: c.Bool("diff")}
			return app.kickstartFmt(c.Context, o)
		},
	}
}

type fmtOptions struct {
	files              []string
	write, check, diff bool
}

// kickstartFmt formats each file by itself: one that cannot be formatted does
// not keep the others from it.
func (a *app) kickstartFmt(ctx context.Context, o fmtOptions) error {
	files, err := a.kickstartFiles(o.files)
	if err != nil {
		return err
	}
	if len(files) > 1 && !o.write && !o.check && !o.diff {
		return a.usage("several files: choose --write, --check or --diff")
	}
	changed := 0
	var failed []error
	for _, f := range files {
		if f.path == "" && o.write {
			return badInput("--write", errors.New("- is standard input, which cannot be written"), "without --write it is printed")
		}
		if err := f.staysBelow(""); err != nil {
			failed = append(failed, err)
			continue
		}
		src, err := a.readKickstart(ctx, f)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		out, err := formatted(f.name, src)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if !bytes.Equal(src, out) {
			changed++
		}
		if err := a.showFormatted(f, src, out, o); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return errors.Join(failed...)
	}
	if (o.check || o.diff) && changed > 0 {
		return fmt.Errorf("%w: %w", errReported, errFindings)
	}
	return nil
}

func formatted(name string, src []byte) ([]byte, error) {
	if isProject(name, src) {
		return project.Format(name, src)
	}
	tree, err := kickstart.Parse(name, src)
	if err != nil {
		return nil, err
	}
	return kickstart.Format(tree)
}

// showFormatted does with a formatted file what was asked for.
func (a *app) showFormatted(f kickstartFile, src, out []byte, o fmtOptions) error {
	same := bytes.Equal(src, out)
	switch {
	case !o.write && !o.check && !o.diff:
		_, err := a.Product.Write(out)
		return err
	case same:
		return nil
	case o.write:
		if err := replaceFile(f.path, out); err != nil {
			return err
		}
		_, err := fmt.Fprintf(a.Err, "imgasm: formatted %s\n", ui.Line(f.name))
		return err
	}
	if o.check {
		if _, err := fmt.Fprintln(a.Product, f.name); err != nil {
			return err
		}
	}
	if o.diff {
		_, err := a.Product.Write(diff.Diff(f.name, src, f.name+" (formatted)", out))
		return err
	}
	return nil
}

// replaceFile gives the file at path other contents, the same mode, and no
// moment in which it is incomplete. A symbolic link stays one.
func replaceFile(path string, contents []byte) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ofUser(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return ofUser(err)
	}
	return publish.File(path, func(f *os.File) error {
		_, err := f.Write(contents)
		return errors.Join(err, f.Chmod(info.Mode().Perm()))
	})
}
