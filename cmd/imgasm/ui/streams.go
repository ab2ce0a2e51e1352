// The outputs of the process: the only way to a terminal.

package ui

import (
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"github.com/imgasm/imgasm/internal/redact"
)

// Streams are a process's outputs. What they are given for people is cleaned
// of everything that could command a terminal, and of credentials in addresses.
type Streams struct {
	// Out and Err are for people.
	Out, Err io.Writer
	// Product is for what a program or a file may be given: bytes stay as they
	// are, unless standard output is a terminal.
	Product io.Writer
	// Events, if it is not nil, takes all events as JSON, one a line, however they are
	// to be shown: somebody else shows them.
	Events io.Writer

	stdout, stderr io.Writer
	getenv         func(string) string
}

// NewStreams takes the outputs of a process and its environment.
func NewStreams(stdout, stderr io.Writer, getenv func(string) string) *Streams {
	s := &Streams{Out: &cleaner{w: stdout}, Err: &cleaner{w: stderr}, Product: stdout, stdout: stdout, stderr: stderr, getenv: getenv}
	if isTerminal(stdout) {
		s.Product = &cleaner{w: stdout, product: true}
	}
	return s
}

// GuestConsole is standard output as it is, for a guest's console: the terminal
// belongs to the guest then.
func (s *Streams) GuestConsole() io.Writer { return s.stdout }

// Coloured is Out for a text that has colours if the second result is true
// (https://no-color.org).
func (s *Streams) Coloured() (io.Writer, bool) {
	if !isTerminal(s.stdout) || s.getenv("NO_COLOR") != "" || s.getenv("TERM") == "dumb" {
		return s.Out, false
	}
	return &cleaner{w: s.stdout, colours: true}, true
}

// Problem says what is wrong, and what to do about it, on standard error. Kind
// is "error" or "warning".
func (s *Streams) Problem(kind, text, hint string) { s.say(problem(kind, text, hint)) }

// Note says something that is no problem.
func (s *Streams) Note(text string) { s.say("imgasm: " + printable(text)) }

// say writes lines on standard error, on a terminal broken between words.
func (s *Streams) say(lines string) {
	if view := s.view(Shown{}); view.Style == Live {
		view.Colour = false // which Err takes out
		lines = newLiveView(nil, view).problem("", lines)
	}
	io.WriteString(s.Err, lines+"\n")
}

// problem is what people read of an error or a warning. Further lines of its
// text are indented: nobody's words look like imgasm's own.
func problem(kind, text, hint string) string {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		switch {
		case i == 0:
			b.WriteString("imgasm: " + kind + ": " + printable(line))
		case strings.HasPrefix(line, " "):
			b.WriteString("\n" + printable(line))
		default:
			b.WriteString("\n  " + printable(line))
		}
	}
	for line := range strings.SplitSeq(hint, "\n") {
		if line != "" {
			b.WriteString("\nimgasm: hint: " + printable(line))
		}
	}
	return b.String()
}

// Shown says how the events of a verb are shown.
type Shown struct {
	JSON           bool // on standard output, for programs
	Quiet, Verbose bool
}

// Display shows events: to people on standard error, in the way that it allows.
func (s *Streams) Display(o Shown) *UI {
	if s.Events != nil {
		return New(s.Events, Options{Style: JSON})
	}
	if o.JSON {
		return New(s.Product, Options{Style: JSON})
	}
	return New(s.stderr, s.view(o))
}

// view is how people are shown something on standard error.
func (s *Streams) view(o Shown) Options {
	view := Options{Quiet: o.Quiet, Verbose: o.Verbose}
	if f, ok := s.stderr.(*os.File); ok && isTerminal(f) && canMove(s.getenv("TERM")) {
		view.Style = Live
		view.Colour = s.getenv("NO_COLOR") == ""
		view.ASCII = !s.utf8()
		view.Width = func() int { return columnsOf(f) }
	}
	return view
}

// Width is how many columns a text on standard output should have: what COLUMNS
// says, or those of the terminal, or 80.
func (s *Streams) Width() int {
	if n, err := strconv.Atoi(s.getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := s.stdout.(*os.File); ok {
		return columnsOf(f)
	}
	return 80
}

// columnsOf is the width of a terminal; 80 where f is none.
func columnsOf(f *os.File) int {
	if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
		return w
	}
	return 80
}

// sized reports whether w is a terminal of a known size; one that a build server
// opens may have none, and lines that move need both.
func sized(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	columns, rows, err := term.GetSize(int(f.Fd()))
	return err == nil && columns > 0 && rows > 0
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// utf8 reports whether the terminal's locale can show more than ASCII.
func (s *Streams) utf8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToUpper(s.getenv(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}

// IsStream reports whether a file's name is that of a process's output, as an
// error of writing to it has it.
func IsStream(name string) bool { return name == os.Stdout.Name() || name == os.Stderr.Name() }

// Stopping tells a user who has asked twice that it takes a moment.
func Stopping() { io.WriteString(os.Stderr, "imgasm: stopping; once more to leave at once\n") }

// Table writes rows whose cells are aligned. Flush ends it.
type Table struct{ w *tabwriter.Writer }

// Table is one on standard output.
func (s *Streams) Table() *Table {
	return &Table{tabwriter.NewWriter(s.Out, 0, 8, 2, ' ', 0)}
}

// Row adds a row. A cell is one line, whoever wrote it.
func (t *Table) Row(cells ...string) {
	for i, c := range cells {
		if i > 0 {
			io.WriteString(t.w, "\t")
		}
		io.WriteString(t.w, redact.Text(Line(c)))
	}
	io.WriteString(t.w, "\n")
}

// Flush writes the rows.
func (t *Table) Flush() error { return t.w.Flush() }
