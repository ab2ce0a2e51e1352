// The tree of a kickstart file: every byte of the source is in exactly one
// node, so an unchanged tree prints as the source.

package kickstart

import (
	"bytes"
	"iter"
	"strings"
)

// File is a parsed kickstart file.
type File struct {
	// Name is what the caller calls the file; it appears in findings.
	Name string
	// BOM says that the file begins with a UTF-8 byte order mark. It is in no
	// node: the first node begins behind it.
	BOM bool
	// Nodes are the file's lines and sections in order: *Blank, *Comment,
	// *Command, *Include, *Append and *Section.
	Nodes []Node
}

// A Node is a line, or the lines of a section.
type Node interface {
	// Pos is the place of the node's first byte (of its line, not of its
	// first word).
	Pos() Pos
	// Raw is the node's source, line ends included. Callers do not change it.
	Raw() []byte
}

// Line is the part that all one-line nodes have in common.
type Line struct {
	pos Pos
	raw []byte
}

// Pos is the place of the line's first byte.
func (l *Line) Pos() Pos { return l.pos }

// Raw is the line with its line end.
func (l *Line) Raw() []byte { return l.raw }

// Text is the line without its line end.
func (l *Line) Text() string { return string(l.raw[:len(l.raw)-len(l.EOL())]) }

// EOL is the line's end ("\n", "\r\n", …); empty for a last line without one.
func (l *Line) EOL() string { return string(l.raw[eolStart(l.raw):]) }

func (l *Line) line() *Line { return l }

// lineNode is a Node of one line, statementNode one that was split in words.
type (
	lineNode      interface{ line() *Line }
	statementNode interface{ statement() *Statement }
)

// Blank is a line of white space.
type Blank struct{ Line }

// Comment is a line whose first visible character is '#'.
type Comment struct{ Line }

// Body is the comment's text behind the first '#', blanks around it removed.
func (c *Comment) Body() string {
	_, after, _ := strings.Cut(c.Text(), "#")
	return strings.TrimSpace(after)
}

// Word is one word of a command or header, as the shell would split it.
type Word struct {
	// Value is the word with its quotes and backslashes resolved.
	Value string
	// Raw is the word as written.
	Raw string
	// Pos is the place of its first byte.
	Pos Pos
	// End is the place just behind its last byte.
	End Pos
}

// Statement is a line that was split in words.
type Statement struct {
	Line
	// Words are the line's words, the command's or section's name first.
	// Never empty, except when Err is set.
	Words []Word
	// Trailing is the comment at the line's end with its '#', or "". The
	// installer drops it. TrailingPos is the place of the '#'.
	Trailing    string
	TrailingPos Pos
	// Err is set when the line cannot be split: quotes that do not close. The
	// installer stops at such a line. Words then holds the words before it and
	// the open word as far as it goes.
	Err *ParseError
}

func (s *Statement) statement() *Statement { return s }

// Name is the first word: the command's or the section's name.
func (s *Statement) Name() string {
	if len(s.Words) == 0 {
		return ""
	}
	return s.Words[0].Value
}

// Args are the words behind the name.
func (s *Statement) Args() []Word {
	if len(s.Words) == 0 {
		return nil
	}
	return s.Words[1:]
}

// Command is a line outside of sections that begins with a command's name.
type Command struct{ Statement }

// Include is a %include line, outside of sections or inside any of them.
type Include struct{ Statement }

// Path is the file or URL to include, "" when the line names none.
func (i *Include) Path() string {
	if len(i.Words) < 2 {
		return ""
	}
	return i.Words[1].Value
}

// Append is a %ksappend line: the installer replaces it by the file that it
// names before anything else is read.
type Append struct{ Statement }

// URL is the file or URL to append, "" when the line names none.
func (a *Append) URL() string {
	if len(a.Words) < 2 {
		return ""
	}
	return a.Words[1].Value
}

// Section is a section: its header, its lines and its %end.
type Section struct {
	// Header is the line that opens the section; Header.Name() is the name
	// with its percent sign, as in "%packages".
	Header *Statement
	// Body holds the lines between header and end: *Text and *Include, and in
	// %packages *Entry, *Include, *Blank and *Comment.
	Body []Node
	// End is the %end line, nil when the section does not end: the file, or
	// another section, came first.
	End *Statement
}

// Name is the section's name with its percent sign.
func (s *Section) Name() string { return s.Header.Name() }

// HasEnd reports whether the section is closed by %end.
func (s *Section) HasEnd() bool { return s.End != nil }

// Pos is the place of the header line.
func (s *Section) Pos() Pos { return s.Header.pos }

// Raw is the section's source from header to %end.
func (s *Section) Raw() []byte {
	raw := append([]byte(nil), s.Header.raw...)
	raw = append(raw, s.BodyRaw()...)
	if s.End != nil {
		raw = append(raw, s.End.raw...)
	}
	return raw
}

// BodyRaw is the source between header and %end.
func (s *Section) BodyRaw() []byte {
	var b []byte
	for _, n := range s.Body {
		b = append(b, n.Raw()...)
	}
	return b
}

// Lines yields the lines of the file with their ends.
func (f *File) Lines() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := bytes.TrimPrefix(f.Bytes(), []byte(byteOrderMark)); len(rest) > 0; {
			var line []byte
			if line, rest = cutLine(rest); !yield(line) {
				return
			}
		}
	}
}

// LineCount is the number of the file's lines as the installer counts them.
func (f *File) LineCount() int {
	n := 0
	for range f.Lines() {
		n++
	}
	return n
}

// Text is a line of a section as it stands: a script's, a certificate's.
type Text struct{ Line }

// Entry is a line of %packages that selects or excludes something. Quotes and
// backslashes mean nothing there.
type Entry struct {
	Line
	// Exclude is set for "-name".
	Exclude bool
	// Kind says what Name names.
	Kind EntryKind
	// Name is the package, glob, group, environment or module without its "-",
	// "@" or "@^", without a group's options and without comment. Names of
	// groups and environments may contain blanks.
	Name string
	// NamePos is the place of the first byte of the entry (its "-" or "@"),
	// NameEnd the place behind its last byte, options included.
	NamePos, NameEnd Pos
	// Options are a group's words that begin with "--".
	Options []Word
	// Trailing is the comment at the line's end with its '#', or "".
	Trailing    string
	TrailingPos Pos
}

// EntryKind is what an entry of %packages names.
type EntryKind int

// The kinds of entries.
const (
	EntryPackage     EntryKind = iota // a package name or glob
	EntryGroup                        // @group, or @module:stream/profile
	EntryEnvironment                  // @^environment
)

// Bytes prints the tree: the source, if nothing was changed.
func (f *File) Bytes() []byte {
	var b bytes.Buffer
	if f.BOM {
		b.WriteString(byteOrderMark)
	}
	for _, n := range f.Nodes {
		b.Write(n.Raw())
	}
	return b.Bytes()
}

// Commands gives the commands in order, those of included files not among
// them.
func (f *File) Commands() []*Command {
	var all []*Command
	for _, n := range f.Nodes {
		if c, ok := n.(*Command); ok {
			all = append(all, c)
		}
	}
	return all
}

// Sections gives the sections with the given name ("%post"), or all of them
// for "", in order.
func (f *File) Sections(name string) []*Section {
	var all []*Section
	for _, n := range f.Nodes {
		if s, ok := n.(*Section); ok && (name == "" || s.Name() == name) {
			all = append(all, s)
		}
	}
	return all
}
