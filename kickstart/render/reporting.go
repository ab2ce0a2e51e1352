// Our sections in a user's kickstart file: they tell the host how the
// installation goes, over a virtio-serial port.

package render

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// ProgressPort is the name of the virtio-serial port on which the sections
// that AddReporting adds speak.
const ProgressPort = "org.imgasm.progress.0"

// Reporting says how the added sections report.
type Reporting struct {
	// Port is the port's name, or an absolute path in the guest. Empty:
	// ProgressPort.
	Port string
	// Nonce stands in every line, so that the reader knows the lines of this
	// installation: 16 hexadecimal digits in lower case.
	Nonce string
	// Packages adds a line for every installed package.
	Packages bool

	// For tests:
	ticks int    // tenths of a second to wait for the port; 0: as the sections say
	logs  string // the installer's folder of logs; empty: /tmp
}

// Instrumented is a kickstart file with our sections at its end.
type Instrumented struct {
	// Bytes is the file. It begins with the user's file, unchanged.
	Bytes []byte
	// Ending is the command that says what happens after the installation:
	// "poweroff", "shutdown", "reboot" or "halt", the last one where there are
	// several. Empty: there is none, and the installer waits for ENTER.
	Ending string
	// Includes says that the file takes in other files, which may hold an
	// ending command too.
	Includes bool
}

// nonce is what Reporting.Nonce must look like.
var nonceForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// AddReporting appends sections to f that send progress lines to a port:
// %pre, %pre-install, %post and %onerror. Each line is ASCII, ends with LF and
// begins with "imgasm1 NONCE ":
//
//	phase pre | pre-install | post
//	fact KEY=VALUE        release, kernel, arch, hostname, packages (their number)
//	package NEVRA         from rpm -qa
//	log NAME BASE64       a piece of the end of /tmp/NAME; pieces in order, each decodable by itself
//	end                   that was all of the logs
//	error TEXT            the installer gave up
//	done                  the last script of the installation has run
//
// The sections never fail and never hold the installation up: where the port
// is missing they do nothing, and where nobody reads it they give up after a
// bounded time. They are POSIX shell.
//
// The user's bytes stay as they are; a last line without line end gets one.
func AddReporting(f *kickstart.File, r Reporting) (*Instrumented, error) {
	if !nonceForm.MatchString(r.Nonce) {
		return nil, fmt.Errorf("kickstart: nonce %q is not 16 hexadecimal digits", r.Nonce)
	}
	r.Port = cmp.Or(r.Port, ProgressPort)
	if !strings.HasPrefix(r.Port, "/") {
		r.Port = "/dev/virtio-ports/" + r.Port
	}
	if err := oneLine(r.Port); err != nil {
		return nil, fmt.Errorf("kickstart: port %q: %w", r.Port, err)
	}
	var b bytes.Buffer
	b.Write(f.Bytes())
	out := &Instrumented{}
	if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
		b.WriteByte('\n')
	}
	b.WriteString("\n" + addedBelow + "\n")
	for _, s := range reports(r) {
		b.WriteString("\n" + s.header + "\n")
		b.WriteString(script(r, s))
		b.WriteString("%end\n")
	}
	out.Bytes = b.Bytes()

	for _, n := range f.Nodes {
		out.note(n)
		if s, ok := n.(*kickstart.Section); ok {
			for _, n := range s.Body {
				out.note(n)
			}
		}
	}
	return out, nil
}

// note remembers what a node of the user's file means for the whole of it.
func (i *Instrumented) note(n kickstart.Node) {
	switch n := n.(type) {
	case *kickstart.Command:
		switch n.Name() {
		case "poweroff", "shutdown", "reboot", "halt":
			i.Ending = n.Name()
		}
	case *kickstart.Include, *kickstart.Append:
		i.Includes = true
	}
}

// addedBelow is the comment above the sections that AddReporting adds.
const addedBelow = "# What follows was added by imgasm: it tells the host how the installation goes."

// UserLines returns how many lines of f, counted from its first, are the user's
// and have the same number in the guest: those above what AddReporting has
// added, and none behind the first %ksappend, in whose place the installer puts
// the other file.
func UserLines(f *kickstart.File) int {
	lines := f.LineCount()
	for _, n := range f.Nodes {
		switch n := n.(type) {
		case *kickstart.Append:
			return min(lines, n.Pos().Line)
		case *kickstart.Comment:
			if n.Text() == addedBelow {
				return n.Pos().Line - 2 // a blank line is between
			}
		}
	}
	return lines
}
