// %include and %ksappend: reading the files that a file names.

package kickstart

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// maxIncludes bounds the files read for one lint.
const maxIncludes = 100

// include reads the file that a %include line names. within is the section
// that the line stands in, nil outside of sections.
func (l *linter) include(s *Statement, within *Section) {
	if !l.readable(s) {
		return
	}
	if len(s.Words) < 2 || s.Words[1].Value == "" {
		l.add(Error, problem{rule: ruleMissingArgument, pos: s.Words[0].Pos, end: s.Words[0].End,
			text: "%include names no file"})
		return
	}
	w := s.Words[1]
	l.includeOnTarget(w, "%include")
	file, ok := l.load(w)
	if !ok {
		l.state.unread = true
		return
	}
	if within != nil && within.Name() != "%packages" {
		return // part of a script or certificate: nothing to read in it
	}
	if within != nil {
		file = packagesOf(file)
	}
	l.enter(file, s.pos.Line)
	if within != nil {
		l.packageLines(file.Nodes[0].(*Section))
	} else {
		for _, pre := range file.Sections("%pre") {
			l.state.hasPre = l.state.hasPre || hasText(pre)
		}
		l.walk(file)
	}
	l.leave()
}

// load reads and parses a file to include.
func (l *linter) load(w Word) (*File, bool) {
	fail := func(rule *Rule, text, meaning string) (*File, bool) {
		l.add(Error, problem{rule: rule, pos: w.Pos, end: w.End, text: text, meaning: meaning})
		return nil, false
	}
	for s := l.source; s != nil; s = s.parent {
		if s.file.Name == w.Value {
			return fail(ruleIncludeCycle, "the file includes itself", "")
		}
	}
	if l.state.includes++; l.state.includes > maxIncludes+1 {
		return nil, false // it is told once
	} else if l.state.includes > maxIncludes {
		return fail(ruleIncludeCycle, "more than "+strconv.Itoa(maxIncludes)+" files are included", "")
	}
	var src []byte
	err := error(fs.ErrInvalid)
	if l.options.ReadInclude != nil {
		src, err = l.options.ReadInclude(w.Value)
	}
	var refused *IncludeError
	if errors.As(err, &refused) {
		l.warn(problem{rule: ruleIncludeUnread, pos: w.Pos, end: w.End, text: quoteWord(w.Value) + " is not read: " + refused.Error(), hint: refused.Hint})
		return nil, false
	}
	if err != nil {
		if (errors.Is(err, fs.ErrNotExist) || madeByPre(w.Value)) && !l.state.hasPre && !l.state.unread && !l.options.Fragment {
			return fail(ruleIncludeMissing, "there is no "+quoteWord(w.Value),
				"only a %pre script could write it, and there is none")
		}
		return nil, false
	}
	if l.state.includedBytes += len(src); l.state.includedBytes > MaxSize {
		return fail(ruleIncludeMissing, "the files that are included have more than "+strconv.Itoa(MaxSize)+" bytes", "")
	}
	file, err := Parse(w.Value, src)
	if err != nil {
		return fail(ruleIncludeMissing, err.Error(), "")
	}
	return file, true
}

// madeByPre reports whether a path in the installer's file tree can only come
// from a %pre script: it is absolute, and in no folder that the installer or
// its medium fills.
func madeByPre(name string) bool {
	if !strings.HasPrefix(name, "/") {
		return false
	}
	top, _, _ := strings.Cut(strings.TrimLeft(name, "/"), "/")
	return !slices.Contains([]string{"dev", "etc", "media", "mnt", "opt", "proc", "run", "sys", "usr", "var"}, top)
}

// packagesOf reads a file again as the lines of a %packages section.
func packagesOf(f *File) *File {
	src := f.Bytes()
	p := &parser{file: &File{Name: f.Name}, rest: src, text: string(src), pos: Pos{Line: 1, Column: 1}}
	header := &Statement{Words: []Word{{Value: "%packages"}}}
	s := p.section(header)
	p.file.Nodes = []Node{s}
	return p.file
}

// append warns of %ksappend.
func (l *linter) append(n *Append) {
	if !l.readable(&n.Statement) {
		return
	}
	l.state.unread = true
	w := n.Words[0]
	if len(n.Words) > 1 {
		l.includeOnTarget(n.Words[1], "%ksappend")
	}
	if n.URL() == "" {
		l.warn(problem{rule: ruleAppendFile, pos: w.Pos, end: w.End, text: "%ksappend names no file"})
	}
}
