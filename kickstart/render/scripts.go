// The %post sections of the default kickstart: its own, and the user's.

package render

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/imgasm/imgasm/kickstart"
)

// scripts writes the %post sections. All of them use --erroronfail: an image
// whose provisioning has failed must not come into being.
func (o *Options) scripts(w *writer) error {
	var sudoers []string
	for _, u := range o.Users {
		if u.Sudo {
			sudoers = append(sudoers, u.Name)
		}
	}
	if len(sudoers) > 0 {
		var b strings.Builder
		b.WriteString("set -e\nmkdir -p /etc/sudoers.d\n")
		b.WriteString("for user in " + strings.Join(sudoers, " ") + "; do\n")
		b.WriteString("  printf '%s ALL=(ALL) NOPASSWD: ALL\\n' \"$user\"\n")
		b.WriteString("done >/etc/sudoers.d/imgasm\n")
		b.WriteString("chmod 0440 /etc/sudoers.d/imgasm\n")
		w.blank()
		w.comment("sudo without password.")
		w.section([]string{"%post", "--erroronfail"}, b.String())
	}
	reach, err := Reach(o.Proxy, o.CA)
	if err != nil {
		return err
	}
	for _, s := range append(reach, o.Scripts...) {
		s.write(w)
	}
	w.blank()
	w.comment("Every copy of the image makes its own identity at its first boot.")
	w.section([]string{"%post", "--erroronfail"}, "set -e\n: >/etc/machine-id\n")
	return nil
}

// write writes the section of a script.
func (s Script) write(w *writer) {
	header := []string{"%post", "--erroronfail"}
	if s.Pre {
		header[0] = "%pre"
	}
	if interpreter, _ := s.interpreter(); interpreter != "" {
		header = append(header, "--interpreter="+interpreter)
	}
	w.blank()
	if s.Name != "" {
		w.comment(strings.TrimPrefix(from, "# ") + s.Name + ".")
	}
	w.section(header, normalize(s.Text))
}

// checkScripts refuses what would not arrive as it is written.
func checkScripts(scripts []Script) error {
	var errs []error
	for i, s := range scripts {
		if err := s.check(); err != nil {
			name := cmp.Or(s.Name, fmt.Sprintf("number %d", i+1))
			errs = append(errs, refuse("script "+name, "", "%w", err))
		}
	}
	return errors.Join(errs...)
}

// normalize gives text the line ends of the guest, the last line included.
func normalize(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// interpreter reads the first line of s: "" when it names none. The installer
// runs the interpreter with the script's path as its only argument, so options
// in that line would be lost.
func (s Script) interpreter() (string, error) {
	first, _, _ := strings.Cut(normalize(s.Text), "\n")
	command, ok := strings.CutPrefix(first, "#!")
	if !ok {
		return "", nil
	}
	words := strings.Fields(command)
	switch {
	case strings.ContainsFunc(strings.Join(words, ""), func(r rune) bool { return !unicode.IsPrint(r) }):
	case len(words) == 1 && strings.HasPrefix(words[0], "/"):
		return words[0], nil
	case len(words) == 2 && words[0] == "/usr/bin/env" && !strings.HasPrefix(words[1], "-") && !strings.ContainsAny(words[1], "=/"):
		return "/usr/bin/" + words[1], nil
	}
	return "", fmt.Errorf("the installer cannot run the interpreter line %q: write \"#!\" and one absolute path, and set options in the script (set -eu)", first)
}

// check refuses a script that would not arrive as it is written.
func (s Script) check() error {
	text := normalize(s.Text)
	if !utf8.ValidString(text) {
		return fmt.Errorf("is not UTF-8 text")
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return fmt.Errorf("contains a NUL byte in line %d", 1+strings.Count(text[:i], "\n"))
	}
	if line, word := kickstart.NotScript([]byte(text)); line > 0 {
		return fmt.Errorf("line %d begins with %s, which the installer would take for its own; write it so that the line begins otherwise", line, word)
	}
	if _, err := s.interpreter(); err != nil {
		return err
	}
	return nil
}
