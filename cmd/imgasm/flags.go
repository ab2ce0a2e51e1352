// What help, man pages and completion know of a flag.

package main

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// rare marks, behind a flag's or a verb's category, what --help leaves to --help-all.
const rare = "\trare"

// flagInfo is a flag as people read of it.
type flagInfo struct {
	names []string // with their dashes, short ones first
	value string   // what it takes: FILE, or words of which it takes one, kernel|media; "": nothing
	many  bool     // may be repeated
	text  string   // what it does, with its default
	group string
	rare  bool
}

// left is what one types, as in "-o, --out FILE".
func (i flagInfo) left() string {
	s := strings.Join(i.names, ", ")
	if i.value != "" {
		s += " " + i.value
	}
	if i.many {
		s += "…"
	}
	return s
}

// flagValue is the value in a flag's text: `FILE`, `kernel|media`.
var flagValue = regexp.MustCompile("`([^`]+)` ?")

// flagsOf describes the flags of a command that are shown.
func flagsOf(c *cli.Command) (all []flagInfo) {
	for _, f := range c.Flags {
		if visible, ok := f.(cli.VisibleFlag); ok && visible.IsVisible() {
			all = append(all, describeFlag(f))
		}
	}
	return all
}

func describeFlag(f cli.Flag) flagInfo {
	var i flagInfo
	for _, n := range f.Names() {
		if len(n) == 1 {
			i.names = append([]string{"-" + n}, i.names...)
		} else {
			i.names = append(i.names, "--"+n)
		}
	}
	i.group, i.rare = shownGroup(f.(cli.CategorizableFlag).GetCategory())
	i.value, i.text = flagText(f)
	switch f.(type) {
	case *cli.StringSliceFlag, *cli.GenericFlag:
		i.many = true
	}
	if d := flagDefault(f); d != "" {
		i.text += " (default: " + d + ")"
	}
	return i
}

// flagText divides a flag's text. Words of which the flag takes one are its
// value only; the name of a value stands in the sentence too.
func flagText(f cli.Flag) (value, text string) {
	usage := f.(cli.DocGenerationFlag).GetUsage()
	m := flagValue.FindStringSubmatch(usage)
	switch {
	case m == nil:
		return "", usage
	case strings.Contains(m[1], "|"):
		return m[1], strings.Replace(usage, m[0], "", 1)
	}
	return m[1], strings.ReplaceAll(usage, "`", "")
}

// shownGroup divides a category into the heading and the mark.
func shownGroup(category string) (string, bool) { return strings.CutSuffix(category, rare) }

// flagDefault is what is taken where a flag is not given.
func flagDefault(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.StringFlag:
		if f.DefaultText == "" {
			return f.Value
		}
		return f.DefaultText
	case *cli.IntFlag:
		if f.DefaultText == "" && f.Value != 0 {
			return strconv.Itoa(f.Value)
		}
		return f.DefaultText
	case *cli.DurationFlag:
		if f.DefaultText == "" && f.Value != 0 {
			return shortTime(f.Value)
		}
		return f.DefaultText
	case *cli.BoolFlag:
		return f.DefaultText
	case *cli.StringSliceFlag:
		return f.DefaultText
	}
	return ""
}

// shortTime writes a time as one types it: 10m, not 10m0s.
func shortTime(d time.Duration) string {
	s := d.String()
	for _, end := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, end) {
			s = s[:len(s)-2]
		}
	}
	return s
}
