// The words that stand for values in the texts of flags and verbs, FILE and
// ARCH, and what may stand in their place.

package main

import (
	"strings"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/assemble/rehearsal/failures"
	"github.com/imgasm/imgasm/assemble/verify"
	"github.com/imgasm/imgasm/internal/arch"
	"github.com/imgasm/imgasm/kickstart"
)

// valueKind says what a word stands for. The zero value is a text of the user's.
type valueKind struct {
	file    bool     // a file's name, with one of the endings if there are any
	endings []string // ".iso"
	folder  bool     // a folder's name
	after   string   // what follows the name: ":" of SRC:DEST
	list    func(*completion) []candidate
}

// valueKinds has every word that a flag or a verb takes.
func valueKinds() map[string]valueKind {
	knownKinds.once.Do(func() { knownKinds.all = makeKinds() })
	return knownKinds.all
}

var knownKinds struct {
	once sync.Once
	all  map[string]valueKind
}

func makeKinds() map[string]valueKind {
	kinds := map[string]valueKind{
		"SRC:DEST":        {file: true, after: ":"},
		"IMAGE:PATH":      {file: true, endings: imageEndings(), after: ":"},
		"CODE[:VARS]":     {file: true, endings: []string{".fd"}},
		"FILE.tar.zst":    {file: true, endings: []string{".tar.zst"}},
		"BUNDLE":          {file: true, endings: []string{".tar.zst"}},
		"ISO":             {file: true, endings: []string{".iso"}},
		"KEY":             {file: true, endings: []string{".pub"}},
		"KICKSTART":       {file: true, endings: []string{".ks", ".cfg"}},
		"PROJECT":         {file: true, endings: []string{".yaml", ".yml"}},
		"RPM":             {file: true, endings: []string{".rpm"}},
		"ARCH":            {list: func(*completion) []candidate { return architectures() }},
		"CACHE":           {list: func(*completion) []candidate { return plain(host.CacheNames()) }},
		"CHECK":           {list: func(*completion) []candidate { return checks() }},
		"FAILURE":         {list: func(*completion) []candidate { return plain(failures.Names()) }},
		"FORMAT":          {list: func(*completion) []candidate { return imageFormats() }},
		"HOST":            {list: func(c *completion) []candidate { return c.hosts("") }},
		"MACHINE":         {list: func(c *completion) []candidate { return c.machines("") }},
		"MACHINE:PATH":    {list: func(c *completion) []candidate { return c.machines(":") }},
		"PLATFORM":        {list: func(*completion) []candidate { return plain(convert.Targets()) }},
		"RELEASE":         {list: func(*completion) []candidate { return plain(dialects()) }},
		"SCHEMA":          {list: func(*completion) []candidate { return plain(schemaNames()) }},
		"TARGET":          {list: func(c *completion) []candidate { return c.targets() }},
		"TOPIC":           {list: func(*completion) []candidate { return topics() }},
		"VERB":            {list: func(c *completion) []candidate { return verbs(c.top()) }},
		"ssh://USER@HOST": {list: func(c *completion) []candidate { return c.hosts("ssh://") }},
	}
	for kind, words := range map[*valueKind]string{
		{file: true}:                          "DEST FILE FILE.html KEYRING OUT PATH SERIAL.LOG [NAME=]PATH",
		{file: true, endings: imageEndings()}: "A B IMAGE IN",
		{folder: true}:                        "DIR REF",
		{}: "ARGUMENT BUILDER COMMAND DEVICE DISK HEX HOST:GUEST I/N JOB KEYMAP LOCALE MODEL N NAME NAME=FLAKE NAME=URL NUMBER " +
			"OPTION PACKAGE PARTITIONS PASSWORD SHA256 SIZE TIME URL VERSION WORD ZONE",
	} {
		for word := range strings.FieldsSeq(words) {
			kinds[word] = *kind
		}
	}
	return kinds
}

// kindsOf are what a value stands for that may be one of several: "auto|FILE".
// A word in small letters stands for itself.
func kindsOf(value string) (kinds []valueKind, literals []string) {
	all := valueKinds()
	for word := range strings.SplitSeq(value, "|") {
		if kind, ok := all[word]; ok {
			kinds = append(kinds, kind)
		} else {
			literals = append(literals, word)
		}
	}
	return kinds, literals
}

// namesFile reports whether a value may be the name of a file.
func namesFile(value string) bool {
	kinds, _ := kindsOf(value)
	for _, k := range kinds {
		if k.file {
			return true
		}
	}
	return false
}

// candidate is what may be typed, and what it is or "".
type candidate struct{ value, text string }

func plain(values []string) (all []candidate) {
	for _, v := range values {
		all = append(all, candidate{value: v})
	}
	return all
}

func architectures() (all []candidate) {
	for _, a := range arch.All() {
		all = append(all, candidate{value: a.Name})
	}
	return all
}

func verbs(of *cli.Command) (all []candidate) {
	for _, c := range shownCommandsOf(of) {
		all = append(all, candidate{c.Name, c.Usage})
	}
	return all
}

func checks() (all []candidate) {
	for _, c := range verify.Describe() {
		all = append(all, candidate{c[0], c[1]})
	}
	return all
}

func imageFormats() (all []candidate) {
	for _, f := range convert.Formats() {
		all = append(all, candidate{f.Name, f.Text})
	}
	return all
}

func imageEndings() (all []string) {
	for _, f := range convert.Formats() {
		all = append(all, f.Endings...)
	}
	return all
}

// topics are the commands and sections that are explained.
func topics() (all []candidate) {
	for _, c := range kickstart.Commands() {
		all = append(all, candidate{value: c.Name})
	}
	for _, s := range kickstart.Sections() {
		all = append(all, candidate{value: s.Name})
	}
	return all
}
