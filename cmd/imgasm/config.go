// Flags that nobody typed: of the environment and of config.yaml.

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/proc"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/kickstart"
)

// noConfigFlag leaves them out.
const noConfigFlag = "no-config"

// perCommand are the flags that belong to one command, and are no habit: that say
// what it writes over or removes, or make another of it.
var perCommand = []string{"out", "force", "all", "dry-run", "json", "available", "cat", "iso-only", "list", "ls", "schema", "help", "help-all", noConfigFlag, keyFlag}

// hasHabits reports whether a verb has flags that can be set.
func hasHabits(c *cli.Command) bool {
	return !c.SkipFlagParsing && slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return !slices.Contains(perCommand, f.Names()[0]) })
}

// configurable are the verbs with the flags that can be set, by the words one types.
func configurable(commands []*cli.Command, before string) (all []project.Kind) {
	for _, c := range commands {
		if c.Hidden {
			continue
		}
		if hasHabits(c) {
			k := kindOf(c, perCommand)
			k.Name = before + c.Name
			all = append(all, k)
		}
		all = append(all, configurable(c.Subcommands, before+c.Name+" ")...)
	}
	return all
}

// configFile is where config.yaml is; "": nowhere.
func (a *app) configFile() string {
	base := a.getenv("XDG_CONFIG_HOME")
	if base == "" && runtime.GOOS == "windows" {
		base = a.getenv("AppData")
	}
	if home := a.getenv("HOME"); base == "" && home != "" {
		base = filepath.Join(home, ".config")
	}
	if base == "" {
		return ""
	}
	return filepath.Join(base, "imgasm", "config.yaml")
}

// atHome puts the user's home for ~/ into what names files, as a shell does.
func (a *app) atHome(arg project.Arg) {
	home := a.getenv("HOME")
	if home == "" || arg.Flag.Files == nil && !slices.Contains(written, arg.Flag.Name) {
		return
	}
	for i, value := range arg.Values {
		if rest, ok := strings.CutPrefix(value, "~/"); ok {
			arg.Values[i] = filepath.Join(home, rest)
		}
	}
}

// settings are what config.yaml and the environment set of the flags of verbs, the
// environment last; nil where the command leaves them out.
func (a *app) settings(c *cli.Context, verbs []project.Kind) ([]project.Setting, error) {
	if c.Bool(noConfigFlag) || c.Command.Hidden {
		return nil, nil
	}
	var all []project.Setting
	file := a.configFile()
	if file != "" {
		text, err := smallfile.Read(c.Context, file, project.MaxSize)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			if c.Context.Err() != nil {
				return nil, err
			}
			return nil, badInput("", err, "--no-config leaves it out")
		}
		if all, err = project.ParseSettings(file, text, verbs); err != nil {
			return nil, err
		}
	}
	for _, s := range all {
		a.atHome(s.Arg)
	}
	first := map[string]project.Flag{}
	for _, v := range verbs {
		for _, f := range v.Flags {
			if _, ok := first[f.Name]; !ok {
				first[f.Name] = f
			}
			name := variable(f.Name)
			if value := a.getenv(name); value != "" && f.Like(first[f.Name]) {
				all = append(all, project.Setting{Kind: v.Name, Arg: project.Arg{Flag: f, Values: []string{value}, From: name}})
			}
		}
	}
	return all, nil
}

// variable is the environment's name of a flag.
func variable(flag string) string {
	return "IMGASM_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// warnOfVariables tells of what looks like the variable of a flag of verbs, misspelt.
func (a *app) warnOfVariables(verbs func() []project.Kind) {
	noFlags := []string{"cache", "ssh"}
	var names []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		flag, ours := strings.CutPrefix(name, variable(""))
		flag = strings.ToLower(strings.ReplaceAll(flag, "_", "-"))
		if !ours || a.getenv(name) == "" || slices.Contains(noFlags, flag) {
			continue
		}
		if names == nil {
			names = noFlags
			for _, verb := range verbs() {
				for _, f := range verb.Flags {
					names = append(names, f.Name)
				}
			}
		}
		if near := kickstart.Nearest(flag, names); near != "" && near != flag {
			a.Problem("warning", name+" sets nothing", "did you mean "+variable(near)+"?")
		}
	}
}

// called is an action that first sets the flags that were not given, then refuses
// flags without a value, and tells who calls it wrongly where an example is.
func (a *app) called(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		err := a.configure(c)
		has := func(f cli.Flag) bool { return f.Names()[0] == "on" }
		if err == nil && !isAway(c) && slices.ContainsFunc(c.Command.Flags, has) {
			err = a.unused(c, "is about another host: add --on HOST", aboutOther...)
		}
		if err == nil {
			err = a.together(c)
		}
		if err == nil {
			err = refuseUnusable(c)
		}
		if err == nil {
			err = action(c)
		}
		var wrong *usageError
		if errors.As(err, &wrong) && wrong.hint == "" {
			wrong.hint = c.Command.HelpName + " --help shows an example"
		}
		return err
	}
}

// typed reports whether a flag was given, and not set as the environment or
// config.yaml has it.
func (a *app) typed(c *cli.Context, flag string) bool {
	return c.IsSet(flag) && !slices.ContainsFunc(a.defaults, func(d host.Default) bool { return d.Flag == flag })
}

// configure sets the flags of a verb that were not given as the environment has
// them, or else config.yaml.
func (a *app) configure(c *cli.Context) error {
	if !slices.ContainsFunc(c.Command.Flags, func(f cli.Flag) bool { return f.Names()[0] == noConfigFlag }) {
		return nil // it has none
	}
	verbs := sync.OnceValue(func() []project.Kind { return configurable(a.commands(), "") })
	if !c.Bool(noConfigFlag) {
		a.warnOfVariables(verbs)
	}
	isSet := func(f cli.Flag) bool { return a.getenv(variable(f.Names()[0])) != "" }
	if _, err := os.Lstat(a.configFile()); errors.Is(err, fs.ErrNotExist) && !slices.ContainsFunc(c.Command.Flags, isSet) {
		return nil // which saves every start the look at all verbs
	}
	settings, err := a.settings(c, verbs())
	if err != nil {
		return err
	}
	given := wanted(c)
	for _, s := range slices.Backward(settings) {
		name := s.Flag.Name
		if "imgasm "+s.Kind != c.Command.HelpName || c.IsSet(name) || excluded(name, given) {
			continue
		}
		for _, value := range s.Values {
			if err := c.Set(name, value); err != nil {
				return badInput("", fmt.Errorf("%s: %s: %q: %s", s.From, dashed(name), value, wantedValue(c.Command, name)), "")
			}
		}
		a.defaults = append(a.defaults, host.Default{Flag: name, Values: s.Values, From: s.From})
	}
	return nil
}

// completed is a target of a kind with what the environment and config.yaml set
// besides, or the environment instead.
func completed(t project.Target, kinds []project.Kind, settings []project.Setting) project.Target {
	t.Args = slices.Clone(t.Args)
	for _, s := range settings {
		has := func(k project.Kind) bool {
			return k.Name == t.Kind && slices.ContainsFunc(k.Flags, func(f project.Flag) bool { return f.Name == s.Flag.Name })
		}
		given := func(flag string) bool { return t.Get(flag) != "" && t.Get(flag) != "false" }
		if s.Kind != t.Kind || !slices.ContainsFunc(kinds, has) || excluded(s.Flag.Name, given) {
			continue
		}
		i := slices.IndexFunc(t.Args, func(a project.Arg) bool { return a.Flag.Name == s.Flag.Name })
		switch fromEnvironment := s.From == variable(s.Flag.Name); {
		case i < 0:
			t.Args = append(t.Args, s.Arg)
		case fromEnvironment:
			t.Args[i] = s.Arg
		}
	}
	slices.SortFunc(t.Args, func(a, b project.Arg) int { return strings.Compare(a.Flag.Name, b.Flag.Name) })
	return t
}

// printDefaults lists what a plan has without being told.
func printDefaults(w io.Writer, defaults []host.Default) {
	for _, d := range defaults {
		fmt.Fprintf(w, "set          %s %s, in %s\n", dashed(d.Flag), ui.Line(proc.Quote(d.Values)), ui.Line(d.From))
	}
}

// host describes this host, for a build of this command.
func (a *app) host() (host.Host, error) {
	h, err := host.This(a.getenv, version)
	h.Command, h.Field, h.Defaults = a.args, flagOf, a.defaults
	return h, err
}

// configCommand is the verb config.
func configCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "config", Category: verbHost + rare,
		Usage:     "show the flags that are set without being typed, and where",
		UsageText: "imgasm config show\nimgasm config show alma",
		Subcommands: []*cli.Command{{
			Name: "show", Usage: "list the flags that config.yaml and the environment set", ArgsUsage: "[VERB|TARGET…]",
			UsageText: "imgasm config show\nimgasm config show alma --json\nimgasm config show -f imgasm.yaml",
			Description: "Flags win, then the environment (IMGASM_DISK_SIZE is --disk-size), then a project's\n" +
				"imgasm.yaml, then config.yaml: docs/config.md. --no-config of a verb leaves all but\nflags out.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "list what the targets of the `PROJECT` are made with; arguments are targets"},
				jsonFlag(),
			},
			Action: func(c *cli.Context) error {
				if c.IsSet("file") {
					return a.showProject(c)
				}
				return a.showConfig(c)
			},
		}},
	}
}

// configLine is a flag in config show --json.
type configLine struct {
	Of string `json:"of"` // a verb, or a target
	host.Default
}

// hidden is the line without a password.
func (l configLine) hidden() configLine {
	if strings.Contains(l.Flag, "password") && !strings.HasSuffix(l.Flag, "-file") {
		l.Values = []string{"REDACTED"}
	}
	return l
}

func (a *app) showLines(c *cli.Context, lines []configLine) error {
	table := a.Table()
	for i, l := range lines {
		lines[i] = l.hidden()
		table.Row(l.Of, dashed(l.Flag), strings.Join(lines[i].Values, ", "), l.From)
	}
	if c.Bool("json") {
		return a.printList(len(lines), lines)
	}
	return table.Flush()
}

func (a *app) showProject(c *cli.Context) error {
	targets, err := a.targets(c)
	if err != nil {
		return err
	}
	var lines []configLine
	for _, t := range targets {
		for _, arg := range t.Args {
			lines = append(lines, configLine{t.Name, host.Default{Flag: arg.Flag.Name, Values: arg.Values, From: cmp.Or(arg.From, "by default")}})
		}
	}
	return a.showLines(c, lines)
}

func (a *app) showConfig(c *cli.Context) error {
	verbs := configurable(a.commands(), "")
	var names []string
	for _, k := range verbs {
		names = append(names, k.Name)
	}
	for _, name := range c.Args().Slice() {
		if !slices.ContainsFunc(names, func(k string) bool { return k == name || strings.HasPrefix(k, name+" ") }) {
			return badInput("", fmt.Errorf("no flag can be set of a verb %q", name), nearest(name, names)+"imgasm --help lists the verbs")
		}
	}
	settings, err := a.settings(c, verbs)
	if err != nil {
		return err
	}
	var lines []configLine
	for i, s := range settings {
		verb, _, _ := strings.Cut(s.Kind, " ")
		if c.NArg() > 0 && !slices.Contains(c.Args().Slice(), s.Kind) && !slices.Contains(c.Args().Slice(), verb) {
			continue
		}
		if slices.ContainsFunc(settings[i+1:], func(later project.Setting) bool { return later.Kind == s.Kind && later.Flag.Name == s.Flag.Name }) {
			continue // the environment's wins
		}
		lines = append(lines, configLine{s.Kind, host.Default{Flag: s.Flag.Name, Values: s.Values, From: s.From}})
	}
	if len(lines) == 0 && !c.Bool("json") {
		fmt.Fprintf(a.Err, "imgasm: nothing is set: neither in %s nor by variables such as %s\n", a.configFile(), variable("accel"))
	}
	return a.showLines(c, lines)
}
