package main

import (
	"regexp"
	"slices"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/anaconda"
	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/kickstart"
)

var (
	hintFlag    = regexp.MustCompile(`(?:^|[\s(])(--[a-z][a-z-]*)`)
	hintCommand = regexp.MustCompile(`imgasm ([a-z]+)(?: ([a-z]+))?`)
)

// hints are the texts of the table of rules that tell a user what to do.
func hints() map[string]string {
	texts := map[string]string{}
	for _, r := range anaconda.Rules() {
		texts[r.Name] = r.Meaning + " " + r.Hint
	}
	for _, accel := range []string{"", "tcg", "kvm"} { // what {retry} stands for
		m := anaconda.New(anaconda.Config{ConsoleOnly: true, Accel: accel})
		m.Step(anaconda.Input{What: anaconda.Console{Line: 1, Source: "kernel", Text: "Kernel panic - not syncing: Fatal exception"}})
		texts["retry "+accel] = m.Step(anaconda.Input{What: anaconda.End{}}).Failure.Hint
	}
	return texts
}

// Every flag and command that a failure's explanation names is one of imgasm's,
// or an option of a kickstart command.
func TestHintsNameWhatExists(t *testing.T) {
	flags, verbs := map[string]bool{}, map[string][]string{}
	var add func([]*cli.Command)
	add = func(commands []*cli.Command) {
		for _, c := range commands {
			for _, f := range c.Flags {
				for _, name := range f.Names() {
					flags["--"+name] = true
				}
			}
			for _, sub := range c.Subcommands {
				verbs[c.Name] = append(verbs[c.Name], sub.Name)
			}
			add(c.Subcommands)
		}
	}
	add((&app{}).commands())
	options := map[string]bool{}
	for _, c := range kickstart.Commands() {
		for _, o := range c.Options {
			for _, name := range o.Names {
				options[name] = true
			}
		}
	}
	for _, s := range kickstart.Sections() {
		for _, o := range s.Options {
			for _, name := range o.Names {
				options[name] = true
			}
		}
	}
	checked := 0
	for rule, text := range hints() {
		text = fault.Fill(text, func(field string) string {
			if _, ok := fieldFlags[field]; !ok {
				t.Errorf("%s names the field %s, which is no flag: %s", rule, field, text)
			}
			return flagOf(field)
		})
		for _, m := range hintFlag.FindAllStringSubmatch(text, -1) {
			checked++
			if !flags[m[1]] && !options[m[1]] {
				t.Errorf("%s names %s, which neither imgasm nor the kickstart has: %s", rule, m[1], text)
			}
		}
		for _, m := range hintCommand.FindAllStringSubmatch(text, -1) {
			if subs := verbs[m[1]]; len(subs) > 0 && !slices.Contains(subs, m[2]) {
				t.Errorf("%s names imgasm %s %s, which does not exist", rule, m[1], m[2])
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d flags were found", checked)
	}
}
