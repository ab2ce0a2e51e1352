// What is done in the new system at the end of an installation: scripts, which a
// copy of files and folders is too.

package render

import (
	"bytes"
	_ "embed" // of copy.sh
	"fmt"
	"path"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// Copied is a file or folder of the OEMDRV volume that is copied into the new system.
type Copied struct {
	From   string // where it is on the volume, relative: "copy/1"
	Name   string // what its owner calls it: "motd"
	To     string // absolute path in the new system; see Script
	Folder bool   // it is a folder
	// Links are symbolic links in the folder, path and target, which the volume has not.
	Links [][2]string
}

// Script is the script that copies c. A file becomes To, or lies in To under its
// name where To ends in a slash or is a folder there; what is in a folder lies in
// To. Permission bits are kept, the owner is root, SELinux labels are those of the
// place. Missing folders are made; folders that are there keep their mode, and files
// are replaced. It is ErrOption if To is no such path.
func (c Copied) Script() (Script, error) {
	switch {
	case !strings.HasPrefix(c.To, "/") || oneLine(c.To) != nil:
		return Script{}, refuse("copy of "+c.Name+" to", c.To, "write an absolute path, as in \"/etc/motd\"")
	case path.Clean(c.To) != strings.TrimSuffix(c.To, "/") && c.To != "/":
		return Script{}, refuse("copy of "+c.Name+" to", c.To, "write it without \".\", \"..\" and double slashes")
	}
	s := Script{Name: "copy of " + c.Name + " to " + c.To}
	to, name := c.To, ""
	if !c.Folder {
		if name = c.Name; strings.HasSuffix(to, "/") {
			to += name
		}
	}
	s.Text = fmt.Sprintf("on=%s to=%s name=%s\n", shellQuote(c.From), shellQuote(path.Clean(to)), shellQuote(name)) + copyScript
	for _, l := range c.Links {
		s.Text += fmt.Sprintf("link %s %s\n", shellQuote(l[0]), shellQuote(l[1]))
	}
	return s, s.check()
}

//go:embed copy.sh
var copyScript string

// from begins the comment above a script's section, which names it.
const from = "# From "

// ScriptName is the name of the script in whose section's first line the comment
// stands, "" for any other line.
func ScriptName(line string) string {
	name, ok := strings.CutPrefix(line, from)
	if !ok || !strings.HasSuffix(name, ".") {
		return ""
	}
	return strings.TrimSuffix(name, ".")
}

// AddScripts appends scripts to a user's kickstart, in sections that end the installation
// if they fail. The user's bytes stay as they are; a last line without
// line end gets one. A script that would not arrive as it is written is ErrOption.
func AddScripts(f *kickstart.File, scripts []Script) ([]byte, error) {
	if err := checkScripts(scripts); err != nil {
		return nil, err
	}
	w := &writer{}
	for _, s := range scripts {
		s.write(w)
	}
	added, err := w.bytes()
	if err != nil {
		return nil, err
	}
	own := f.Bytes()
	if len(own) > 0 && len(added) > 0 && !bytes.HasSuffix(own, []byte("\n")) {
		own = append(bytes.Clone(own), '\n')
	}
	return append(bytes.Clone(own), added...), nil
}
