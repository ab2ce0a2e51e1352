// imgasm man, hidden: the manual pages that make install places, of the same
// texts as --help-all.

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/imgasm/imgasm/assemble/host"
	"github.com/imgasm/imgasm/internal/publish"
)

func manCommand(a *app) *cli.Command {
	return &cli.Command{
		Name: "man", Hidden: true, Usage: "write the manual pages into a folder", ArgsUsage: "FOLDER",
		Action: func(c *cli.Context) error {
			if c.NArg() != 1 {
				return a.usage("man takes one folder, got %d arguments", c.NArg())
			}
			date, given, err := host.Host{Getenv: a.getenv}.SourceDate()
			if err != nil {
				return err
			}
			if !given {
				date = time.Now()
			}
			return a.writePages(c.Args().First(), date)
		},
	}
}

func (a *app) writePages(folder string, date time.Time) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	var walk func(string, *cli.Command) error
	walk = func(name string, c *cli.Command) error {
		path := filepath.Join(folder, strings.ReplaceAll(name, " ", "-")+".1")
		text := manPage(name, c, date)
		if err := publish.File(path, func(f *os.File) error { _, err := io.WriteString(f, text); return err }); err != nil {
			return err
		}
		for _, sub := range shownCommandsOf(c) {
			if err := walk(name+" "+sub.Name, sub); err != nil {
				return err
			}
		}
		return nil
	}
	return walk("imgasm", a.top())
}

// roff is a page in the macros of man(7).
type roff struct{ strings.Builder }

func (r *roff) line(s string) { r.WriteString(s + "\n") }

// text writes words in lines that are short, with a sentence at most in each:
// where one ends, formatters leave more room.
func (r *roff) text(s string) {
	line := ""
	flush := func() {
		if line != "" {
			r.line(guarded(escapedText(line)))
		}
		line = ""
	}
	for word := range strings.FieldsSeq(s) {
		if len(line)+len(word) > 60 {
			flush()
		}
		if line != "" {
			line += " "
		}
		line += word
		if strings.HasSuffix(strings.TrimRight(word, `)"'`), ".") || strings.HasSuffix(word, "?") || strings.HasSuffix(word, "!") {
			flush()
		}
	}
	flush()
}

// rows writes a table as a list of tagged paragraphs.
func (r *roff) rows(rows []row) {
	for _, one := range rows {
		r.line(".TP")
		r.line(tag(one.left))
		r.text(cmp.Or(one.right, one.left))
	}
}

// tag writes names in bold, and what stands for a flag's value in italics.
func tag(left string) string {
	words := strings.Fields(left)
	for i, w := range words {
		font := `\fB`
		if strings.HasPrefix(left, "-") && !strings.HasPrefix(w, "-") {
			font = `\fI`
		}
		words[i] = font + escapedText(w) + `\fR`
	}
	return strings.Join(words, " ")
}

// escapedText is a text of which roff reads nothing as its own (groff_char(7)).
func escapedText(s string) string {
	var b strings.Builder
	for _, c := range s {
		switch {
		case c == '\\':
			b.WriteString(`\e`)
		case c == '-':
			b.WriteString(`\-`)
		case c == '\'':
			b.WriteString(`\(aq`)
		case c == '`':
			b.WriteString(`\(ga`)
		case c == '^':
			b.WriteString(`\(ha`)
		case c == '~':
			b.WriteString(`\(ti`)
		case c > '~':
			fmt.Fprintf(&b, `\[u%04X]`, c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

// guarded keeps a line from being taken for a request.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") {
		return `\&` + line
	}
	return line
}

// manPage is the page of a command that people call name.
func manPage(name string, c *cli.Command, date time.Time) string {
	r := &roff{}
	title := escapedText(strings.ReplaceAll(name, " ", "-"))
	r.line(fmt.Sprintf(`.TH "%s" "1" "%s" "imgasm %s" "imgasm"`, strings.ToUpper(title), date.UTC().Format(time.DateOnly), escapedText(version)))
	r.line(".SH NAME")
	r.text(strings.ReplaceAll(name, " ", "-") + " - " + c.Usage)
	r.line(".SH SYNOPSIS")
	r.line(".B " + escapedText(name))
	if len(c.Subcommands) > 0 {
		r.line(`[\fIVERB\fR]`)
	}
	r.line(`[\fIFLAGS\fR]`)
	if c.ArgsUsage != "" {
		r.line(`\fI` + escapedText(c.ArgsUsage) + `\fR`)
	}
	if c.Description != "" {
		r.line(".SH DESCRIPTION")
	}
	for i, text := range paragraphsOf(c) {
		words, rows := paragraphParts(text)
		if i > 0 && words != "" {
			r.line(".PP")
		}
		r.text(words)
		r.rows(rows)
	}
	r.line(".SH EXAMPLES")
	r.line(".EX")
	for line := range strings.Lines(strings.ReplaceAll(c.UsageText, "\n\n", "\n")) {
		r.line(guarded(escapedText(strings.TrimSuffix(line, "\n"))))
	}
	r.line(".EE")
	r.sections("VERBS", verbSections(shownCommandsOf(c), true))
	r.sections("OPTIONS", flagSections(flagsOf(c), true))
	r.ending(name, c)
	return r.String()
}

func (r *roff) sections(heading string, all []section) {
	if len(all) > 0 {
		r.line(".SH " + heading)
	}
	for _, s := range all {
		if s.heading != "" {
			r.line(`.SS "` + escapedText(s.heading) + `"`)
		}
		r.rows(s.rows)
	}
}

// ending has what all commands share in the page of imgasm, and a reference to it
// in the others.
func (r *roff) ending(name string, c *cli.Command) {
	parent, _, _ := cutLast(name)
	var also []string
	if parent == "" {
		r.line(".SH EXIT STATUS")
		r.rows(exitRows())
		r.line(".SH ENVIRONMENT")
		r.rows(environment)
		r.line(".SH FILES")
		r.rows(files)
	} else {
		r.line(".SH EXIT STATUS")
		r.text("0 when it is done; the other codes, the variables of the environment and the files are those of imgasm(1).")
		also = append(also, parent)
	}
	for _, sub := range shownCommandsOf(c) {
		also = append(also, name+" "+sub.Name)
	}
	r.line(".SH SEE ALSO")
	r.line(".nh")
	r.line(".ad l")
	for i, page := range also {
		end := ","
		if i == len(also)-1 {
			end = ""
		}
		r.line(".BR " + escapedText(strings.ReplaceAll(page, " ", "-")) + " (1)" + end)
	}
}

func cutLast(name string) (before, after string, found bool) {
	at := strings.LastIndex(name, " ")
	if at < 0 {
		return "", name, false
	}
	return name[:at], name[at+1:], true
}

// exitRows are the exit codes, for people.
func exitRows() (rows []row) {
	for _, e := range []struct {
		code int
		text string
	}{
		{exitDone, "Done."},
		{exitOther, "Something else went wrong; or what differs or could not be compared, of diff and image compare."},
		{exitUsage, "The flags or arguments are the wrong ones: unknown, missing, too many, or two that exclude each other."},
		{exitInput, "They are the right ones, and what one of them says or names cannot be used; or findings of lint."},
		{exitHost, "This host lacks something."},
		{exitInstall, "The guest's installation failed."},
		{exitTimeout, "Timed out or stalled."},
		{exitInterrupted, "Interrupted by a signal."},
		{exitUnread, "Nobody reads the output any more."},
	} {
		rows = append(rows, row{strconv.Itoa(e.code), e.text})
	}
	return rows
}

// environment are the variables that imgasm reads.
var environment = []row{
	{"IMGASM_SSH", "The ssh command by which other hosts are reached, with arguments: in place of ssh."},
	{"IMGASM_CACHE", "The folder of what is downloaded and kept, in place of that of the user's caches."},
	{"IMGASM_FLAG", "The value of a flag that is not given: IMGASM_DISK_SIZE is that of --disk-size."},
	{"XDG_STATE_HOME", "The folder of the machines that run, in place of ~/.local/state."},
	{"SOURCE_DATE_EPOCH", "The date, in seconds since 1970-01-01 UTC, of all that is written."},
	{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "How servers are reached; also in small letters."},
	{"QEMU_FIRMWARE, QEMU_FIRMWARE_ARCH, QEMU_EFI_ARCH", "UEFI firmware, CODE[:VARS]; ARCH is X86_64 or AARCH64."},
	{"XDG_CONFIG_HOME, XDG_DATA_DIRS, HOME, AppData", "Where imgasm's and ssh's configuration and descriptions of firmware are."},
	{"NO_COLOR, TERM, COLUMNS", "How a terminal is written to."},
	{"LC_ALL, LC_CTYPE, LANG", "Whether the terminal shows more than ASCII."},
}

// files are those that imgasm finds or leaves by itself.
var files = []row{
	{"imgasm.yaml", "The images of a project, for imgasm build."},
	{"imgasm.lock", "The inputs of a build that was told to --lock."},
	{"OUT.json", "The description of the image OUT: its inputs, hashes, and who may log in."},
	{"OUT.failed", "The logs of a build that failed, for imgasm replay and report."},
	{".OUT.imgasm", "The working folder of a build."},
	{"~/.config/imgasm/config.yaml", "Flags that need not be typed; imgasm config show lists them."},
	{"~/.cache/imgasm", "Installers, packages and firmware; imgasm cache lists them."},
	{"~/.local/state/imgasm/vm", "The machines that run; imgasm ps lists them."},
}
