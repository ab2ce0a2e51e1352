// imgasm complete, hidden: what may follow on a command line that is being
// typed. The shells' scripts of imgasm completion ask it.

package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/project"
	"github.com/imgasm/imgasm/cmd/imgasm/ui"
	"github.com/imgasm/imgasm/internal/smallfile"
)

// completeVerb is the verb that the scripts call.
const completeVerb = "complete"

func completeCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: completeVerb, Hidden: true, SkipFlagParsing: true, Usage: "say what may be the last of the words", ArgsUsage: "imgasm WORD… WORD",
		Action: func(c *cli.Context) error {
			for _, one := range a.completed(c.Context, c.Args().Slice()) {
				if line := one.value + one.text; ui.Line(line) == line {
					fmt.Fprintf(a.Product, "%s\t%s\n", one.value, one.text)
				}
			}
			return nil
		},
	}
}

// completion is a command line that is being typed.
type completion struct {
	*app
	ctx     context.Context
	command *cli.Command
	given   map[string]string // values of flags, by their last name
	pending *flagInfo         // the flag whose value is next
	args    int               // how many are before the word
	word    string            // that is being typed
}

// completed are the candidates for the last of words, of which the first is the program.
func (a *app) completed(ctx context.Context, words []string) []candidate {
	if len(words) < 2 {
		return nil
	}
	c := &completion{
		app: a, ctx: ctx, given: map[string]string{}, word: words[len(words)-1],
		command: a.top(),
	}
	for _, w := range words[1 : len(words)-1] {
		if w == "--" {
			return nil // what follows is another program's
		}
		c.pass(w)
	}
	found := c.candidates()
	return slices.DeleteFunc(found, func(one candidate) bool { return !strings.HasPrefix(one.value, c.word) })
}

// pass takes a word that is complete.
func (c *completion) pass(w string) {
	if c.pending != nil {
		c.given[c.pending.names[len(c.pending.names)-1]] = w
		c.pending = nil
		return
	}
	if strings.HasPrefix(w, "-") {
		name, value, has := strings.Cut(w, "=")
		if f := c.flag(name); f != nil && has {
			c.given[f.names[len(f.names)-1]] = value
		} else if f != nil && f.value != "" {
			c.pending = f
		}
		return
	}
	sub := named(c.command.Subcommands, w)
	switch {
	case sub != nil && c.args == 0:
		c.command = sub
	case w != "help" || c.command.Name != "": // imgasm help VERB
		c.args++
	}
}

func (c *completion) flag(name string) *flagInfo {
	for _, f := range flagsOf(c.command) {
		if slices.Contains(f.names, name) {
			return &f
		}
	}
	return nil
}

func (c *completion) candidates() (all []candidate) {
	if c.pending != nil {
		return c.values(c.pending.value)
	}
	if name, value, has := strings.Cut(c.word, "="); has && strings.HasPrefix(name, "-") {
		f := c.flag(name)
		if f == nil {
			return nil
		}
		whole := c.word
		c.word = value
		all = c.values(f.value)
		c.word = whole
		for i := range all {
			all[i].value = name + "=" + all[i].value
		}
		return all
	}
	if strings.HasPrefix(c.word, "-") {
		for _, f := range flagsOf(c.command) {
			all = append(all, candidate{f.names[len(f.names)-1], f.text})
		}
		return all
	}
	if c.args == 0 {
		all = verbs(c.command)
	}
	return append(all, c.values(argument(c.command.ArgsUsage, c.args))...)
}

// argument is the word in a verb's usage that stands for its nth argument, from 0.
func argument(usage string, n int) string {
	before, _, _ := strings.Cut(usage, "[--")
	words := strings.Fields(before)
	for i, w := range words {
		many := strings.Contains(w, "…")
		w = strings.ReplaceAll(w, "…", "")
		if strings.HasPrefix(w, "[") && strings.HasSuffix(w, "]") {
			w = w[1 : len(w)-1]
		}
		if i == n || many {
			return w
		}
	}
	return ""
}

// values are those of what a word of valueKinds stands for.
func (c *completion) values(value string) []candidate {
	kinds, literals := kindsOf(value)
	all := plain(slices.DeleteFunc(literals, func(w string) bool { return w == "" }))
	for _, k := range kinds {
		if k.list != nil {
			all = append(all, k.list(c)...)
		}
		if k.file || k.folder {
			all = append(all, c.files(k)...)
		}
	}
	return all
}

// files are those of a kind that the word may be the beginning of, and folders,
// with a slash, in which they may be. Where none has a fitting ending, all fit.
func (c *completion) files(k valueKind) (all []candidate) {
	dir, base := filepath.Split(c.word)
	place := cmp.Or(dir, ".")
	if rest, ok := strings.CutPrefix(place, "~/"); ok {
		place = filepath.Join(c.getenv("HOME"), rest)
	}
	list, _ := os.ReadDir(place) // one that cannot be read has none
	var others []candidate
	fits := false
	for _, e := range list {
		name := e.Name()
		if !strings.HasPrefix(name, base) || strings.HasPrefix(name, ".") && base == "" {
			continue
		}
		info, err := os.Stat(filepath.Join(place, name))
		switch {
		case err != nil:
		case info.IsDir():
			all = append(all, candidate{value: dir + name + "/"})
		case !k.file:
		case len(k.endings) == 0 || slices.ContainsFunc(k.endings, func(end string) bool { return strings.HasSuffix(name, end) }):
			fits = true
			all = append(all, candidate{value: dir + name + k.after})
		default:
			others = append(others, candidate{value: dir + name + k.after})
		}
	}
	if !fits {
		all = append(all, others...)
	}
	return all
}

// machines are those that run.
func (c *completion) machines(after string) (all []candidate) {
	store, err := c.instances()
	if err != nil {
		return nil
	}
	running, _ := store.List(c.ctx)
	for _, i := range running {
		all = append(all, candidate{i.Name + after, i.Image})
	}
	return all
}

// targets are those of the project's file.
func (c *completion) targets() (all []candidate) {
	file := cmp.Or(c.given["--file"], project.FileName)
	text, err := smallfile.Read(c.ctx, file, project.MaxSize)
	if err != nil {
		return nil
	}
	targets, _ := project.Parse(file, text, c.kinds())
	for _, t := range targets {
		all = append(all, candidate{t.Name, t.Kind})
	}
	return all
}

// hosts are those that ssh's configuration and list of known hosts name
// (ssh_config(5), "Host"; sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"). Patterns and
// hashed names are none.
func (c *completion) hosts(before string) []candidate {
	var names []string
	for _, file := range []string{"config", "known_hosts"} {
		text, _ := smallfile.Read(c.ctx, filepath.Join(c.getenv("HOME"), ".ssh", file), 1<<20)
		for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
			words := strings.Fields(lines.Text())
			switch {
			case len(words) < 2:
			case file == "config" && strings.EqualFold(words[0], "Host"):
				names = append(names, words[1:]...)
			case file == "known_hosts" && !strings.HasPrefix(words[0], "@"):
				for name := range strings.SplitSeq(words[0], ",") {
					name, _, _ = strings.Cut(strings.TrimPrefix(name, "["), "]")
					names = append(names, name)
				}
			}
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(n string) bool { return strings.ContainsAny(n, "*?!|#") })
	for i := range names {
		names[i] = before + names[i]
	}
	return plain(names)
}
