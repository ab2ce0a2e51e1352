// Lint of sections: headers, ends, certificates and the lines of %packages.

package kickstart

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkEncoding looks at the file's bytes.
func (l *linter) checkEncoding(f *File) {
	if f.BOM {
		l.add(Error, problem{rule: ruleByteOrderMark, pos: Pos{Line: 1, Column: 1}, end: Pos{Line: 1, Column: 1},
			text:    "the file begins with a byte order mark",
			meaning: "the installer takes it for the name of an unknown command",
			hint:    "save the file as UTF-8 without BOM"})
	}
	n := 0
	for line := range f.Lines() {
		if n++; utf8.Valid(line) {
			continue
		}
		at := Pos{Line: n, Column: 1}
		for len(line) > 0 {
			r, size := utf8.DecodeRune(line)
			if r == utf8.RuneError && size == 1 {
				break
			}
			at, line = at.after(line[:size]), line[size:]
		}
		end := at
		end.Column++
		l.add(Error, problem{rule: ruleInvalidUTF8, pos: at, end: end, text: "this byte is not UTF-8",
			hint: "save the file as UTF-8"})
		return // the installer reads nothing of such a file: once is enough
	}
}

// section lints a section from header to %end. next is the section whose
// header comes instead of an %end, if any.
func (l *linter) section(s, next *Section) {
	if !l.readable(s.Header) {
		return
	}
	name := s.Header.Words[0]
	spec, ok := LookupSection(name.Value)
	if !ok {
		p := problem{rule: ruleUnknownSection, pos: name.Pos, end: name.End, text: "unknown section " + quoteWord(name.Value)}
		var names []string
		for _, known := range allSections {
			names = append(names, known.Name)
		}
		near := Nearest(strings.ToLower(plainPunctuation(name.Value)), names)
		if near != "" {
			p.hint = "did you mean " + near + "?"
		}
		l.add(Error, p)
		l.state.broken[near] = true
		l.state.hasPre = l.state.hasPre || near == "%pre"
		l.state.swallowed = l.state.swallowed || s.End == nil
		return
	}
	l.hashInWord(s.Header)
	switch spec.History.In(l.options.Dialect) {
	case Deprecated:
		l.deprecated(ruleDeprecatedSection, name, spec.Name, spec.History, spec.Instead)
	case Removed:
		l.removed(ruleRemovedSection, name, spec.Name, spec.History, spec.Instead)
	}
	a := &Args{}
	if !spec.Raw {
		l.readInto(a, s.Header, nil, spec.Options)
	}
	switch {
	case s.Name() == "%packages":
		l.packagesHeader(s, a)
		l.packageLines(s)
	case s.Name() == "%addon":
		l.addonName(s.Header)
	case s.Name() == "%certificate":
		l.certificate(s, a)
	}
	for _, n := range s.Body {
		if inc, ok := n.(*Include); ok && s.Name() != "%packages" {
			l.include(&inc.Statement, s)
		}
	}
	if spec.Script && !a.failed {
		l.script(s, a)
	}
	l.unclosed(s, next)
}

// unclosed reports a missing %end where the installer notices it: at the
// section that comes next, or at the file's last line.
func (l *linter) unclosed(s, next *Section) {
	if s.End != nil {
		if s.End.Err != nil {
			l.readable(s.End)
		}
		return
	}
	at := Pos{Line: s.lastLine(), Column: 1}
	text := "the file ends in the section " + s.Name() + " that begins on line " + strconv.Itoa(s.Header.pos.Line)
	if next != nil {
		at = next.Header.Words[0].Pos
		text = "the section " + s.Name() + " that begins on line " + strconv.Itoa(s.Header.pos.Line) + " is not closed before " + next.Name()
	}
	l.state.swallowed = true
	l.add(Error, problem{rule: ruleUnclosedSection, pos: at, end: at, text: text, hint: "write %end behind its last line"})
}

func (l *linter) certificate(s *Section, a *Args) {
	header := s.Header
	if !a.failed && a.String("--dir") == "" && a.String("--type") == "" {
		l.at(header, a, "", problem{rule: ruleMissingOption, text: "%certificate needs --dir or --type"})
	}
	if s.End != nil && len(bytes.TrimFunc(s.BodyRaw(), isSpace)) == 0 {
		l.add(Error, problem{rule: ruleEmptyCertificate, pos: header.Words[0].Pos, end: header.Words[0].End, text: "the certificate is empty"})
	}
}

func (l *linter) packagesHeader(s *Section, a *Args) {
	l.state.packages.seen = true
	if a.Flag("--default") && a.Flag("--nocore") {
		l.conflict(s.Header, a, "--default", "--nocore")
	}
}
