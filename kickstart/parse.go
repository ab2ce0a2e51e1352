// Text → tree. Anything becomes a tree; what is wrong with it, Lint says.

package kickstart

import (
	"fmt"
	"strings"
)

// MaxSize is the largest file that Parse reads, in bytes. A kickstart file
// has some kilobytes; this keeps a mistaken name (an ISO image) out of memory.
const MaxSize = 8 << 20

// Parse makes the tree of a kickstart file. name is used in messages only.
// The tree refers to src, which must not change afterwards.
//
// Lines that the installer cannot read are in the tree too, with their Err
// set. The error is a *ParseError and only tells of a file over MaxSize.
func Parse(name string, src []byte) (*File, error) {
	if len(src) > MaxSize {
		return nil, &ParseError{Name: name, Pos: Pos{Line: 1, Column: 1},
			Text: fmt.Sprintf("the file has %d bytes: too many for a kickstart file (at most %d)", len(src), MaxSize)}
	}
	p := &parser{file: &File{Name: name}, rest: src, text: string(src), pos: Pos{Line: 1, Column: 1}}
	if strings.HasPrefix(string(src[:min(3, len(src))]), byteOrderMark) {
		p.file.BOM = true
		p.rest = src[len(byteOrderMark):]
		p.pos.Offset = len(byteOrderMark)
		p.pos.Column++
	}
	p.top()
	return p.file, nil
}

type parser struct {
	file *File
	text string // the whole source, which words are parts of
	rest []byte
	pos  Pos // of rest's first byte
}

// line takes the next line; rest is not empty.
func (p *parser) line() Line {
	raw, rest := cutLine(p.rest)
	l := Line{pos: p.pos, raw: raw}
	p.rest = rest
	p.pos = Pos{Line: p.pos.Line + 1, Column: 1, Offset: p.pos.Offset + len(raw)}
	return l
}

// string is a line as a part of the source's text: no copy is made.
func (p *parser) string(l Line) string {
	return p.text[l.pos.Offset : l.pos.Offset+len(l.raw)]
}

// peek is the next line without taking it.
func (p *parser) peek() []byte {
	raw, _ := cutLine(p.rest)
	return raw
}

func (p *parser) statement(l Line, comments bool) Statement {
	s := splitWords(p.string(l), l.pos, comments)
	st := Statement{Line: l, Words: s.words, Trailing: s.trailing, TrailingPos: s.trailingPos}
	if s.problem != "" {
		st.Err = &ParseError{Name: p.file.Name, Pos: s.problemPos, Text: s.problem}
	}
	return st
}

// blankOrComment makes the node of a line that says nothing, nil for others.
func blankOrComment(l Line) Node {
	switch visible := trimLeft(l.raw); {
	case len(visible) == 0:
		return &Blank{l}
	case visible[0] == '#':
		return &Comment{l}
	}
	return nil
}

// top reads lines outside of sections.
func (p *parser) top() {
	add := func(n Node) { p.file.Nodes = append(p.file.Nodes, n) }
	for len(p.rest) > 0 {
		l := p.line()
		if n := blankOrComment(l); n != nil {
			add(n)
			continue
		}
		st := p.statement(l, true)
		switch name := st.Name(); {
		case name == "%include":
			add(&Include{st})
		case name == "%ksappend":
			add(&Append{st})
		case strings.HasPrefix(name, "%") && name != "%end":
			add(p.section(&st))
		default:
			add(&Command{st})
		}
	}
}

// section reads the lines of the section that header opens. It ends at %end,
// before a line that opens another section, or at the end of the file.
func (p *parser) section(header *Statement) *Section {
	s := &Section{Header: header}
	packages := header.Name() == "%packages"
	for len(p.rest) > 0 {
		if trimmed := trimLeft(p.peek()); len(trimmed) > 0 && trimmed[0] == '%' {
			first := firstField(string(trimmed[:min(len(trimmed), 64)]))
			if first == "%end" || first == "%include" || sectionNames[first] {
				if p.closes(s) {
					return s
				}
				continue
			}
		}
		l := p.line()
		if !packages {
			s.Body = append(s.Body, &Text{l})
		} else if n := blankOrComment(l); n != nil {
			s.Body = append(s.Body, n)
		} else {
			s.Body = append(s.Body, parseEntry(l, p.string(l)))
		}
	}
	return s
}

// closes takes a line whose first word is %end, %include or a section's name
// by white space alone, and reports whether the section s ends there. The
// installer then splits the line as the shell does, to which only ASCII blanks
// are white space: if that gives another first word, it drops the line.
func (p *parser) closes(s *Section) bool {
	before := *p
	st := p.statement(p.line(), false)
	switch name := st.Name(); {
	case name == "%end":
		s.End = &st
		return true
	case name == "%include":
		s.Body = append(s.Body, &Include{st})
	case sectionNames[name]:
		*p = before // the header of the next section
		return true
	default:
		s.Body = append(s.Body, &Text{st.Line})
	}
	return false
}

// sectionNames are the sections that the installer knows. A line that begins
// with one of them inside of a section opens a new one: any other "%word" is
// a line of the section.
var sectionNames = map[string]bool{
	"%addon": true, "%anaconda": true, "%certificate": true, "%onerror": true, "%packages": true,
	"%post": true, "%pre": true, "%pre-install": true, "%traceback": true,
}

// NotScript finds the first line of a script that the installer would take for
// its own: it begins with %end, %include, %ksappend or a section's name, word.
// 0: there is none.
func NotScript(script []byte) (line int, word string) {
	for number := 1; len(script) > 0; number++ {
		var text []byte
		text, script = cutLine(script)
		switch first := firstField(string(text)); {
		case first == "%end", first == "%include", first == "%ksappend", sectionNames[first]:
			return number, first
		}
	}
	return 0, ""
}
