// Writing the lines of a formatted file.

package kickstart

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// printer writes the lines of a formatted file.
type printer struct {
	out     bytes.Buffer
	eol     string
	started bool // there is a line
	empty   bool // the last line is blank
}

func (p *printer) line(text string) {
	p.out.WriteString(text + p.eol)
	p.started, p.empty = true, text == ""
}

// blank writes a blank line, but no second one, and none at the top.
func (p *printer) blank() {
	if p.started && !p.empty {
		p.line("")
	}
}

// lead writes comments, and one blank line for each row of them.
func (p *printer) lead(nodes []Node) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *Blank:
			p.blank()
		case *Comment:
			p.line(trimSpace(n.Text()))
		}
	}
}

func (p *printer) item(i *item) {
	p.lead(i.lead)
	switch n := i.node.(type) {
	case *Command:
		switch spec, ok := LookupCommand(n.Name()); {
		case ok && spec.Name == "realm":
			// The installer counts characters from the line's beginning: with
			// blanks before it, it refuses what it would read without them.
			p.asIsFrom(&n.Statement, n.Pos().Offset)
		case ok && !spec.Raw:
			p.words(&n.Statement, spec.Options)
		default:
			p.asIs(&n.Statement)
		}
	case *Section:
		p.section(n)
	case statementNode:
		p.asIs(n.statement())
	}
}

// words writes the words of s anew.
func (p *printer) words(s *Statement, options []OptionSpec) {
	if !utf8.Valid(s.Raw()) || slices.ContainsFunc(s.Words, func(w Word) bool { _, odd := lookalike(w); return odd }) {
		p.asIs(s) // the installer refuses it; or quotation marks would hide what lint warns of
		return
	}
	p.line(statementText(s, options))
}

// asIs writes the line of s without the blanks around it.
func (p *printer) asIs(s *Statement) { p.asIsFrom(s, s.Words[0].Pos.Offset) }

// asIsFrom writes the line of s from a byte of the file on.
func (p *printer) asIsFrom(s *Statement, start int) {
	base := s.Pos().Offset
	end := s.Words[len(s.Words)-1].End.Offset - base // may be a blank, in "a\ "
	if s.Trailing != "" {
		end = s.TrailingPos.Offset - base + len(s.Trailing)
	}
	text := s.Text() // an open quotation mark takes the line end into its word
	p.line(text[start-base : min(end, len(text))])
}

func (p *printer) section(s *Section) {
	if spec, ok := LookupSection(s.Name()); ok && !spec.Raw {
		p.words(s.Header, spec.Options)
	} else {
		p.asIs(s.Header)
	}
	if s.Name() == "%packages" {
		p.packages(s.Body)
	} else {
		p.out.Write(s.BodyRaw())
	}
	p.asIs(s.End)
}

// packages writes the lines of %packages in their order.
func (p *printer) packages(body []Node) {
	p.empty = true // no blank line below the header
	for _, n := range trimBlanks(body) {
		switch n := n.(type) {
		case *Blank:
			p.blank()
		case *Comment:
			p.line(trimSpace(n.Text()))
		case *Include:
			p.asIs(&n.Statement)
		case *Entry:
			text := n.Text()
			if n.Trailing == "" {
				p.line(trimSpace(text))
				continue
			}
			entry := text[n.NamePos.Offset-n.Pos().Offset : n.NameEnd.Offset-n.Pos().Offset]
			space := " "
			if n.TrailingPos == n.NameEnd {
				space = ""
			}
			p.line(entry + space + trimSpace(n.Trailing))
		}
	}
}

// trimSpace removes what the installer takes for white space.
func trimSpace(text string) string { return strings.TrimFunc(text, isSpace) }

// trimBlank removes the blanks that separate words.
func trimBlank(text string) string { return strings.Trim(text, " \t\r") }

// statementText writes the words of s in the one style.
func statementText(s *Statement, options []OptionSpec) string {
	var b strings.Builder
	for i := 0; i < len(s.Words); i++ {
		if i > 0 {
			b.WriteByte(' ')
		}
		w := s.Words[i].Value
		if i > 0 && i+1 < len(s.Words) && joins(s, i, options) {
			i++
			w += "=" + s.Words[i].Value
		}
		b.WriteString(quote(w))
	}
	if s.Trailing != "" {
		// In "a#b" the comment begins in the word, which may be a mistake
		// that lint must still see.
		if s.TrailingPos != s.Words[len(s.Words)-1].End {
			b.WriteByte(' ')
		}
		b.WriteString(trimBlank(s.Trailing))
	}
	return b.String()
}

// joins reports whether word i and the next are an option and its value in
// every release, so that they can become one word.
func joins(s *Statement, i int, options []OptionSpec) bool {
	option, value := s.Words[i].Value, s.Words[i+1].Value
	spec, ok := findOption(options, option)
	if !ok || spec.Type == TypeFlag || spec.ValueOptional || spec.History != (History{}) {
		return false
	}
	if value == "" || value[0] == '-' {
		return false
	}
	// Behind "--" nothing is an option, and the value of the option before is none.
	return !slices.ContainsFunc(s.Words[:i], func(w Word) bool { return w.Value == "--" })
}
