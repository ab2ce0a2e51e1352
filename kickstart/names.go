// Names that others make: time zones, locales, keymaps, groups. The tables in
// names/ say where they come from.

package kickstart

import (
	"embed"
	"slices"
	"strings"
	"sync"
)

//go:embed names
var nameFiles embed.FS

// nameTable reads one of the tables when it is first asked for.
func nameTable(file string) func() []string {
	return sync.OnceValue(func() []string {
		text, err := nameFiles.ReadFile("names/" + file)
		if err != nil {
			panic(err) // it is embedded
		}
		var names []string
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				names = append(names, line)
			}
		}
		return names
	})
}

var (
	timezoneNames = nameTable("timezones.txt")
	localeNames   = nameTable("locales.txt")
	keymapNames   = nameTable("keymaps.txt")
	layoutNames   = nameTable("layouts.txt")
	groupNames    = nameTable("groups.txt")
)

// addonNames are the add-ons of EL and Fedora installers that read a section:
// kdump-anaconda-addon, oscap-anaconda-addon and EL 8's own.
var addonNames = []string{"com_redhat_kdump", "com_redhat_oscap", "org_fedora_oscap", "com_redhat_subscription_manager"}

var ruleMisspelt = newRule(Warning, "misspelt-name", "a name that is one letter or two away from a known one")

// misspelt warns of a name that is not in tables and near to one that is. The
// tables need not have every name.
func (l *linter) misspelt(at Word, kind, name string, tables ...[]string) {
	near := ""
	for _, names := range tables {
		if slices.Contains(names, name) {
			return
		}
		if near == "" {
			near = Nearest(strings.ToLower(name), names)
		}
	}
	if near != "" {
		l.warn(problem{rule: ruleMisspelt, pos: at.Pos, end: at.End, text: quoteWord(name) + " is no known " + kind, hint: "did you mean " + near + "?"})
	}
}

func adviseKeyboard(l *linter, s *Statement, a *Args) {
	keymap := func(at Word, name string) {
		if len(name) > 2 { // every two letters are near to some layout
			l.misspelt(at, "keymap", name, keymapNames(), layoutNames())
		}
	}
	if len(a.positionals) > 0 {
		keymap(a.positionals[0], a.argument(0))
	}
	if v := a.value("--vckeymap"); v != nil {
		keymap(*v.at, v.text)
	}
	for _, layout := range a.List("--xlayouts") {
		name, variant, _ := strings.Cut(layout, " (")
		if variant = strings.TrimSuffix(variant, ")"); variant != "" {
			name += "-" + variant
		}
		if len(name) > 2 {
			l.misspelt(*a.value("--xlayouts").at, "layout", name, layoutNames())
		}
	}
}

// groupName checks the name of a group or environment of %packages.
func (l *linter) groupName(e *Entry) {
	if l.options.Dialect.elRelease() != 10 || strings.ContainsAny(e.Name, "*?[:/") {
		return
	}
	kind, name := "group", e.Name
	if e.Kind == EntryEnvironment {
		kind, name = "environment", "^"+e.Name
	}
	l.misspelt(Word{Pos: e.NamePos, End: e.NameEnd}, kind, name, groupNames())
}

// addonName checks the name in the header of %addon.
func (l *linter) addonName(header *Statement) {
	if args := header.Args(); len(args) > 0 {
		l.misspelt(args[0], "add-on", args[0].Value, addonNames)
	}
}
