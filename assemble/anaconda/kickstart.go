package anaconda

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
	ksrender "github.com/imgasm/imgasm/kickstart/render"
)

// The guest speaks of the kickstart by numbers of lines, and does not say of
// which file, nor by whose count. The file itself tells what a number can mean.

// Kickstart is the file that the guest reads. The zero value: it is not known.
type Kickstart struct {
	Name string // of the user's file, for messages
	Text []byte // what the guest reads: the user's file, with or without imgasm's sections
}

// outline is what a kickstart says of itself.
type outline struct {
	name     string
	users    int      // so many lines are the user's, with the same numbers
	lines    []string // all of them
	redacted []string // the same without secrets
	includes []string // what is taken in by %include and %ksappend
	scripts  []script
}

// script is a section with a script.
type script struct {
	name    string // of one that imgasm has put there; else ""
	section string // "%post"
	first   int    // the header's line
	counted int    // the header's line as the installer's runtime module counts
	fatal   bool   // --erroronfail
	text    string
}

// runtimeCommands are the commands that the installer's runtime module reads. It
// runs the scripts, and the numbers that it names count the lines of its own
// commands and sections alone (anaconda rhel-10 since 40.22.3.35:
// pyanaconda/modules/runtime/kickstart.py, modules/boss/kickstart_manager/element.py).
var runtimeCommands = []string{"driverdisk", "mediacheck", "sshpw", "updates", "logging", "rescue", "eula", "graphical", "text", "cmdline", "vnc", "rdp"}

// outlineOf reads a kickstart; nil if there is none.
func outlineOf(k Kickstart) *outline {
	if len(k.Text) == 0 {
		return nil
	}
	file, err := kickstart.Parse(k.Name, k.Text)
	if err != nil {
		return nil
	}
	clean, err := kickstart.Parse(k.Name, kickstart.Redact(k.Text))
	if err != nil {
		return nil
	}
	o := &outline{name: k.Name, users: ksrender.UserLines(file), lines: trimmedLines(file), redacted: trimmedLines(clean)}
	counted := 0
	for _, n := range file.Nodes {
		switch n := n.(type) {
		case *kickstart.Section:
			s := script{section: n.Name(), first: n.Pos().Line, text: string(n.BodyRaw())}
			if s.first > 1 {
				s.name = ksrender.ScriptName(o.redacted[s.first-2])
			}
			for _, inner := range n.Body {
				if include, ok := inner.(*kickstart.Include); ok {
					o.includes = append(o.includes, include.Path())
				}
			}
			for _, w := range n.Header.Args() {
				s.fatal = s.fatal || w.Value == "--erroronfail"
			}
			switch s.section {
			case "%pre":
				o.scripts = append(o.scripts, s)
			case "%pre-install", "%post", "%onerror", "%traceback":
				s.counted = counted + 1
				counted += 2 + len(n.Body)
				o.scripts = append(o.scripts, s)
			}
		case *kickstart.Include:
			o.includes = append(o.includes, n.Path())
		case *kickstart.Append:
			o.includes = append(o.includes, n.URL())
		case *kickstart.Command:
			if slices.Contains(runtimeCommands, n.Name()) {
				counted++
			}
		}
	}
	return o
}

// trimmedLines returns the lines of a file, without blanks around them.
func trimmedLines(f *kickstart.File) (lines []string) {
	for line := range f.Lines() {
		lines = append(lines, strings.TrimSpace(string(line)))
	}
	return lines
}

// at names a line of the user's file: "FILE:LINE", "" if it is none of his.
func (o *outline) at(line int) string {
	if o == nil || line < 1 || line > o.users {
		return ""
	}
	return fmt.Sprintf("%s:%d", o.name, line)
}

// where names a script, or else the line of the user's file where it begins.
func (o *outline) where(s script) string {
	if at := o.at(s.first); at == "" || s.name == "" {
		return at
	}
	return s.name
}

// what is what a script is called in a sentence.
func (s script) what() string {
	if s.name != "" {
		return "script"
	}
	return s.section
}

// included names the files that the kickstart takes in.
func (o *outline) included() string { return strings.Join(o.includes, ", ") }

// writers are the places of the user's %pre sections that name one of the files
// that are taken in.
func (o *outline) writers() []string {
	var all []string
	for _, s := range o.scripts {
		if at := o.at(s.first); s.section == "%pre" && at != "" && slices.ContainsFunc(o.includes, func(path string) bool { return path != "" && strings.Contains(s.text, path) }) {
			all = append(all, at)
		}
	}
	return all
}

// rewritten reports whether a %pre section of the user's may change the file
// before it is read as a whole.
func (o *outline) rewritten() bool {
	return slices.ContainsFunc(o.scripts, func(s script) bool { return s.section == "%pre" && s.name == "" && s.first <= o.users })
}

// fit says whether a line can be the one that an error is about.
type fit int

const (
	mayFit fit = iota // the error's words do not say
	fits
	unfit
)

var (
	saidUnknown = regexp.MustCompile(`^Unknown (?:command|kickstart section): (\S+)`)
	saidOptions = regexp.MustCompile(`unrecognized arguments: (.*)`)
	saidQuoted  = regexp.MustCompile(`"([^"\s]+)"|'([^'\s]+)'|(?:^|\s)(--[a-z][\w-]*)`)
)

// fits holds an error of pykickstart against a line.
func (o *outline) fits(line int, problem string) fit {
	if line < 1 || line > len(o.lines) {
		return unfit
	}
	text := o.lines[line-1]
	if g := saidUnknown.FindStringSubmatch(problem); g != nil {
		if word, _, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " "); strings.Trim(word, `"'`) == g[1] {
			return fits
		}
		return unfit
	}
	var words []string
	if g := saidOptions.FindStringSubmatch(problem); g != nil {
		words = strings.Fields(g[1])
	} else {
		for _, g := range saidQuoted.FindAllStringSubmatch(problem, -1) {
			words = append(words, g[1]+g[2]+g[3])
		}
	}
	if len(words) == 0 {
		return mayFit
	}
	for _, w := range words {
		if strings.Contains(text, w) {
			return fits
		}
	}
	return unfit
}

// only returns the line of the user's that an error's words fit, outside of
// scripts, 0 if there is not exactly one or a part of the file is not known.
func (o *outline) only(problem string) (at int) {
	if o == nil || problem == "" || len(o.includes) > 0 || o.rewritten() {
		return 0
	}
	for n := 1; n <= o.users; n++ {
		inside := slices.ContainsFunc(o.scripts, func(s script) bool { return s.first < n && n <= s.first+strings.Count(s.text, "\n")+1 })
		if inside || o.fits(n, problem) != fits || strings.HasPrefix(o.lines[n-1], "#") {
			continue
		}
		if at > 0 {
			return 0
		}
		at = n
	}
	return at
}

// placeUnnumbered names the one line that a refusal without a number fits. The
// installer's modules name none (pyanaconda/modules/common/base/base.py).
func (o *outline) placeUnnumbered(f *Failure) {
	if at := o.only(f.KickstartText); at > 0 {
		f.KickstartLine, f.Where, f.Source = at, o.at(at), o.source(at)
		f.Meaning = "the installer refuses this line: " + strings.TrimSuffix(f.KickstartText, ".")
	}
}

// source is a line without secrets.
func (o *outline) source(line int) string { return o.redacted[min(line, len(o.redacted))-1] }

// place says of a failure that names a line of the kickstart which file's it is.
func (o *outline) place(f *Failure) {
	n, said := f.KickstartLine, "."
	if n == 0 {
		o.placeUnnumbered(f)
		return
	}
	if f.KickstartText != "" {
		said = ": " + strings.TrimSuffix(f.KickstartText, ".")
	}
	refuses := func(of string) string { return fmt.Sprintf("The installer refuses line %d of %s%s", n, of, said) }
	if o == nil {
		f.Meaning = refuses("the kickstart or of a file that it includes")
		return
	}
	how, included := o.fits(n, f.KickstartText), len(o.includes) > 0
	switch {
	case how == fits || !included && (how == mayFit || !o.rewritten() && n <= len(o.lines)):
		if f.Where = o.at(n); f.Where != "" {
			f.Meaning, f.Source = "the installer refuses this line"+said, o.source(n)
		}
		return
	case !included: // a %pre has made another file of it, or it is no line of it at all
		f.Meaning = refuses("the kickstart, as it is in the guest")
	case how == unfit:
		f.KickstartLine = 0
		f.Meaning = refuses("a file that the kickstart includes (" + o.included() + ")")
		f.Hint = "correct that file; a path is one in the installer, not on the host"
	default:
		f.KickstartLine = 0
		f.Meaning = refuses("the kickstart or of a file that it includes (" + o.included() + ")")
	}
	if writers := o.writers(); len(writers) > 0 {
		f.Hint = "correct what is written by the %pre section at " + strings.Join(writers, " or ")
	}
}
