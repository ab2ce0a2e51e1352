// imgasm build: the images of a project's file, each in a process of its own.

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/lock"
	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/assemble/remote"
	"github.com/imgasm/imgasm/assemble/report"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/internal/junit"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// buildCommand is the verb build.
func buildCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "build", Category: verbBuild,
		Usage:     "build the images of imgasm.yaml whose inputs have changed",
		ArgsUsage: "[TARGET…]",
		UsageText: "imgasm build\n" +
			"imgasm build -f ci/imgasm.yaml --jobs 2 web-x86_64-10\n" +
			"imgasm build --shard 1/4 --junit results.xml\n" +
			"imgasm build --list --json\n\n" +
			"imgasm build --force --report pages --quiet\n" +
			"imgasm build --schema >imgasm.schema.json",
		Description: "The file lists images: a kind (alma, nixos or rehearse), its flags without dashes, and\n" +
			"a matrix of which each combination is a target: docs/build.md. A target is skipped when\n" +
			"its image is there and was made of the same inputs. One failure stops no other target.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Category: groupSource, Usage: "`PROJECT` file", Value: project.FileName},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Category: groupHow, Usage: "build `NUMBER` targets at once, on each host", DefaultText: "by processors and memory"},
			&cli.BoolFlag{Name: "force", Category: groupHow, Usage: "build what is up to date too, and replace existing files that imgasm did not make"},
			&cli.StringFlag{Name: "shard", Category: groupHow, Usage: "take part `I/N` of the targets: each is in one of N parts"},
			&cli.BoolFlag{Name: "list", Category: groupHow, Usage: "list the targets, the keys of their inputs and what they need, and build nothing"},
			&cli.BoolFlag{Name: "schema", Category: groupSource, Usage: "print the JSON Schema of the file, for editors"},
			&cli.StringFlag{Name: "junit", Category: groupRecords, Usage: "write a report for build servers to `FILE`"},
			&cli.StringFlag{Name: "report", Category: groupRecords, Usage: "write a page for each target, and an index, into the folder `DIR`"},
			&cli.BoolFlag{Name: "json", Category: groupTalk, Usage: "print events and results as JSON, one object a line"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: groupTalk, Usage: "print problems and the result only"},
		},
		Action: func(c *cli.Context) error { return a.buildProject(c) },
	}
}

// keyFlag tells a build, in an image's description, which target it is of.
const keyFlag = "target-key"

// kinds are the verbs that a project's file may name, with their flags: all but
// those that say how a build is shown, or of which one is sat by.
func (a *app) kinds() (all []project.Kind) {
	for _, c := range []*cli.Command{almaCommand(a), rehearseCommand(a), nixosCommand(a)} {
		all = append(all, kindOf(c, []string{"dry-run", "json", "quiet", "verbose", "keep", "keep-vm", "iso-only", "force", keyFlag}))
	}
	return all
}

// kindOf is a verb with its flags, but those that are left out.
func kindOf(c *cli.Command, without []string) project.Kind {
	k := project.Kind{Name: c.Name, Ending: func(format string) string {
		f, err := convert.FormatOf(format)
		if err != nil {
			return ".qcow2" // the build refuses the format
		}
		return f.Endings[0]
	}, Writes: targetWrites}
	for _, f := range c.Flags {
		flag := project.Flag{Name: f.Names()[0], Type: project.Text}
		flag.Takes, flag.Usage = flagText(f)
		if slices.Contains(without, flag.Name) {
			continue
		}
		switch f.(type) {
		case *cli.BoolFlag:
			flag.Type = project.Bool
		case *cli.StringSliceFlag, *cli.GenericFlag: // --copy and --post are in an order of their own
			flag.Type = project.List
		}
		if calls := filesOf(f); calls != nil {
			flag.Modes = modesCount(flag.Name)
			flag.Files = func(value string) (all []string) {
				calls(value, func(file string) string { all = append(all, file); return file })
				return all
			}
		}
		k.Flags = append(k.Flags, flag)
	}
	return k
}

// targetWrites are the files that only one target may write.
func targetWrites(t project.Target) (files []string) {
	images, err := assemble.Targets(t.Get("out"), t.All("format"))
	if err != nil {
		images = []assemble.Target{{Path: t.Get("out")}} // the build refuses the format
	}
	for _, i := range images {
		files = append(files, i.Path, assemble.Description(i.Path))
	}
	if bundle := t.Get("bundle"); bundle != "" {
		files = append(files, bundle)
	}
	if t.Get("lock") == "true" { // which has an entry by the name of the image
		files = append(files, filepath.Join(cmp.Or(t.Get("lock-file"), lock.FileName), filepath.Base(t.Get("out"))))
	}
	if page := t.Get("report"); page != "" {
		files = append(files, report.PageFile(page, filepath.Base(t.Get("out"))))
	}
	return files
}

// aTarget is a target with what is known of it here.
type aTarget struct {
	project.Target
	Key string
	dir string // of the file
	on  string // "here", "nix", or the host that builds it
}

// away reports whether another host builds the target, with its processors and memory.
func (t aTarget) away() bool { return t.Kind != nixosVerb && t.on != here }

// nix says that Nix builds a target, by its own builders.
const nix = "nix"

// placed is a target without what says where it is built, and that. The value that a
// verb takes stays.
func placed(t project.Target) (_ project.Target, on string, err error) {
	i := slices.IndexFunc(t.Args, func(a project.Arg) bool { return a.Flag.Name == "on" })
	a := project.Arg{Values: []string{here}}
	switch {
	case i >= 0:
		a = t.Args[i]
	case t.Kind == nixosVerb:
		a.Values = []string{nix}
	}
	switch on = a.Values[0]; {
	case on == nix && t.Kind != nixosVerb:
		return t, "", badInput("", fmt.Errorf("%s: on: nix is for images of the kind %s, and %s is of the kind %s", a.From, nixosVerb, t.Name, t.Kind), "on: here, or on: ssh://USER@HOST")
	case on == nix, on == here:
		t.Args = withoutFlags(t.Args, onlyHere)
	default:
		var wrong *fault.Error
		if _, err := remote.ParseAddress(on); errors.As(err, &wrong) {
			return t, "", badInput("", fmt.Errorf("%s: on: %w", a.From, wrong.Err), "on: here, on: ssh://USER@HOST, or of images of the kind nixos on: nix")
		}
	}
	return t, on, nil
}

func withoutFlags(args []project.Arg, flags []string) []project.Arg {
	return slices.DeleteFunc(slices.Clone(args), func(a project.Arg) bool { return slices.Contains(flags, a.Flag.Name) })
}

// targetLine is a target in --list --json.
type targetLine struct {
	Name  string      `json:"name"`
	Kind  string      `json:"kind"`
	Out   string      `json:"out"`
	Key   string      `json:"key"`
	Fresh bool        `json:"upToDate"`
	On    string      `json:"on"` // "here", "nix", or the host that builds it
	Needs targetNeeds `json:"needs"`
}

// targetNeeds is what a machine must have that is to build a target.
type targetNeeds struct {
	Arch        string `json:"arch"`
	KVM         bool   `json:"kvm"` // for it to take minutes, not hours
	MemoryBytes int64  `json:"memoryBytes"`
	DiskBytes   int64  `json:"diskBytes"`
}

// guestMemory is what a target is taken to need that does not say.
const guestMemory = 4 << 30

func (t aTarget) needs() targetNeeds {
	n := targetNeeds{Arch: t.Get("arch"), MemoryBytes: guestMemory, DiskBytes: 10 << 30, KVM: t.Get("accel") != "tcg"}
	if one, err := wishedArch(strings.TrimSuffix(n.Arch, "_v2")); err == nil { // AlmaLinux's x86_64_v2 is for the same machine
		n.Arch = one.Name
	} else {
		n.Arch = arch.Host().Name
	}
	for flag, bytes := range map[string]*int64{"memory": &n.MemoryBytes, "disk-size": &n.DiskBytes} {
		if given, err := size.Parse(t.Get(flag)); err == nil && given > 0 {
			*bytes = given
		}
	}
	return n
}

// out is the path of the target's image.
func (t aTarget) out() string {
	if filepath.IsAbs(t.Get("out")) {
		return t.Get("out")
	}
	return filepath.Join(t.dir, t.Get("out"))
}

// fresh reports whether the image of a target is there in all its formats, made of the
// same inputs. One that was written to after its description is read: machines may have
// run on it.
func (a *app) fresh(ctx context.Context, t aTarget) bool {
	images, err := assemble.Targets(t.out(), t.All("format"))
	for _, i := range images {
		described, err := os.Stat(assemble.Description(i.Path))
		if err != nil {
			return false
		}
		about, err := assemble.ReadDescription(assemble.Description(i.Path))
		if err != nil || about.Key != t.Key {
			return false
		}
		// Without arch it is that of who builds, of which the key knows nothing.
		if t.on == here && t.Kind != nixosVerb && about.Arch != t.needs().Arch {
			return false
		}
		info, err := os.Stat(i.Path)
		if err != nil || info.Size() != about.Output.Size {
			return false
		}
		if info.ModTime().After(described.ModTime()) {
			if sum, _, err := a.sum(ctx, i.Path, info); err != nil || sum != about.Output.SHA256 {
				return false
			}
		}
	}
	return err == nil
}

func (a *app) buildProject(c *cli.Context) error {
	if c.Bool("schema") {
		text, err := project.Schema(a.kinds())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.Product, "%s\n", text)
		return err
	}
	targets, err := a.targets(c)
	if err != nil {
		return err
	}
	if c.Bool("list") {
		return a.listTargets(c, targets)
	}
	return a.buildTargets(c, targets)
}

// targets are those of the file that the arguments and the shard leave.
func (a *app) targets(c *cli.Context) ([]aTarget, error) {
	file := c.String("file")
	text, err := smallfile.Read(c.Context, file, project.MaxSize)
	if errors.Is(err, fs.ErrNotExist) && !c.IsSet("file") {
		name := "FILE"
		if arg := c.Args().First(); isProject(arg, nil) {
			name = arg
		}
		return nil, badInput("", fmt.Errorf("there is no %s here", file), "write one, as docs/build.md shows, or name it: --file "+name)
	}
	if err != nil {
		return nil, err
	}
	all, err := project.Parse(file, text, a.kinds())
	if err != nil {
		return nil, err
	}
	if all, err = namedTargets(all, c.Args().Slice()); err != nil {
		return nil, err
	}
	if s := c.String("shard"); s != "" {
		var n, count int
		if _, err := fmt.Sscanf(s+"\n", "%d/%d\n", &n, &count); err != nil || n < 1 || count < n {
			return nil, badInput("--shard", fmt.Errorf("%q is no part of so many", s), "the first of four is --shard 1/4")
		}
		all = project.Shard(all, n, count)
	}
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	settings, err := a.settings(c, configurable(a.commands(), ""))
	if err != nil {
		return nil, err
	}
	keys := project.Keys{Version: version, Dir: dir, Sum: a.sum}
	var targets []aTarget
	for _, t := range all {
		for _, arg := range t.Args {
			a.atHome(arg)
		}
		t, on, err := placed(completed(t, a.kinds(), settings))
		if err != nil {
			return nil, err
		}
		var pins []string
		if t.Get("locked") == "true" {
			pins = []string{cmp.Or(t.Get("lock-file"), lock.FileName)}
		}
		made := t // where it is made changes nothing in it
		made.Args = withoutFlags(t.Args, onlyHere)
		key, err := keys.Of(c.Context, made, pins...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Name, err)
		}
		targets = append(targets, aTarget{t, key, dir, on})
	}
	return targets, nil
}

// namedTargets are the targets that names name; no names: all.
func namedTargets(all []project.Target, names []string) (found []project.Target, err error) {
	if len(names) == 0 {
		return all, nil
	}
	var known []string
	for _, t := range all {
		known = append(known, t.Name)
		if slices.Contains(names, t.Name) {
			found = append(found, t)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, badInput("", fmt.Errorf("there is no target %s", name), "there are "+strings.Join(known, ", "))
		}
	}
	return found, nil
}

func (a *app) listTargets(c *cli.Context, targets []aTarget) error {
	lines := json.NewEncoder(a.Product)
	table := a.Table()
	table.Row("TARGET", "KIND", "ON", "ARCH", "MEMORY", "DISK", "IMAGE", "")
	for _, t := range targets {
		line := targetLine{t.Name, t.Kind, t.Get("out"), t.Key, a.fresh(c.Context, t), t.on, t.needs()}
		if c.Bool("json") {
			if err := lines.Encode(line); err != nil {
				return err
			}
			continue
		}
		state := "to be built"
		if line.Fresh {
			state = "up to date"
		}
		table.Row(t.Name, t.Kind, t.on, line.Needs.Arch, size.Format(line.Needs.MemoryBytes), size.Format(line.Needs.DiskBytes), line.Out, state)
	}
	if c.Bool("json") {
		return nil
	}
	return table.Flush()
}

// errTargets is targets that were not built: the table says which.
var errTargets = fmt.Errorf("targets failed: %w", errReported)

func (a *app) buildTargets(c *cli.Context, targets []aTarget) error {
	n, err := jobs(c, targets)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if path := c.String("junit"); path != "" {
		if err := junit.Check(path); err != nil {
			return badInput("--junit", err, hintOf(err))
		}
	}
	r := &projectRun{app: a, c: c, self: self, results: make([]targetResult, len(targets))}
	if err := r.makePages(); err != nil {
		return err
	}
	r.run(c.Context, targets, n)
	if err := r.tell(); err != nil {
		return err
	}
	if err := context.Cause(c.Context); err != nil {
		return err
	}
	if slices.ContainsFunc(r.results, func(t targetResult) bool { return t.State == targetFailed }) {
		return errTargets
	}
	return nil
}
