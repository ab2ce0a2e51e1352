// The formatter: one layout for all kickstart files.

package kickstart

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// Format lays f out in the canonical way. The result means the same to the
// installer, and formatting it again changes nothing.
//
//   - Commands stand in the order of their topics: how to install, what from,
//     language and time, network, accounts, services, storage, and what to do
//     at the end. Within a topic they keep their order. Nothing moves past a
//     section, %include, %ksappend or a command that the table does not know.
//   - A comment stays above the command that it stands above. Comments at the
//     beginning of the file that are set off by a blank line stay there.
//   - One blank line, at most, between lines; always one between topics and
//     around sections.
//   - One blank between words, none at the ends of lines; --option=value, and
//     double quotes only where they are needed.
//   - The lines of scripts, add-ons and certificates stay as they are, and so
//     do those of commands that read their line unsplit (realm, authselect).
//
// A file whose lines all end with CR LF keeps that. A file that the installer cannot split into
// words and sections, or with a backslash at the end of a command, is not
// formatted: the error is a *ParseError.
func Format(f *File) ([]byte, error) {
	if err := formattable(f); err != nil {
		return nil, err
	}
	p := &printer{eol: "\n"}
	if allCRLF(f.Bytes()) {
		p.eol = "\r\n"
	}
	if f.BOM {
		p.out.WriteString(byteOrderMark)
	}
	header, items, tail := itemize(f.Nodes)
	p.lead(header)
	for i := range items {
		if p.started && (items[i].gap || i == 0 || apart(&items[i-1], &items[i])) {
			p.blank()
		}
		p.item(&items[i])
	}
	if end := trimBlanks(tail); len(end) > 0 {
		if isBlank(tail[0]) || len(items) > 0 && items[len(items)-1].section() != nil {
			p.blank()
		}
		p.lead(end)
	}
	return p.out.Bytes(), nil
}

// allCRLF reports whether all lines of src end with CR LF, if they end.
func allCRLF(src []byte) bool {
	seen := false
	for len(src) > 0 {
		var line []byte
		line, src = cutLine(src)
		switch end := line[eolStart(line):]; string(end) {
		case "\r\n":
			seen = true
		case "":
		default:
			return false
		}
	}
	return seen
}

// lineEnds are the characters that end a line for the installer.
const lineEnds = "\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029"

// formattable refuses what has no certain meaning.
func formattable(f *File) error {
	var bad *ParseError
	note := func(err *ParseError) {
		if bad == nil && err != nil {
			bad = err
		}
	}
	statement := func(s *Statement) {
		note(s.Err)
		for _, w := range s.Words {
			if strings.ContainsAny(w.Value, lineEnds) {
				note(&ParseError{Name: f.Name, Pos: w.Pos, Text: "a backslash at the end of the line does not continue it: write the command on one line"})
			}
		}
	}
	for _, n := range f.Nodes {
		switch n := n.(type) {
		case *Command:
			statement(&n.Statement)
		case *Include:
			statement(&n.Statement)
		case *Append:
			statement(&n.Statement)
		case *Section:
			statement(n.Header)
			if !n.HasEnd() {
				note(&ParseError{Name: f.Name, Pos: n.Header.Words[0].Pos, Text: "section " + n.Name() + " does not end with %end"})
			}
		}
	}
	if bad != nil {
		return bad
	}
	return nil
}

// item is a command, section or include with the comments above it.
type item struct {
	gap   bool // a blank line stands above
	lead  []Node
	node  Node
	topic int // 0: does not move, and nothing moves past it
}

func (i *item) section() *Section {
	s, _ := i.node.(*Section)
	return s
}

// apart reports whether a blank line must stand between two items.
func apart(a, b *item) bool {
	return a.section() != nil || b.section() != nil || a.topic != b.topic && a.topic != 0 && b.topic != 0
}

// itemize puts comments to their commands, and the commands into their order.
// header is what stays at the top, tail what stays at the end.
func itemize(nodes []Node) (header []Node, items []item, tail []Node) {
	var lead []Node
	for _, n := range nodes {
		switch n := n.(type) {
		case *Blank, *Comment:
			lead = append(lead, n)
			continue
		case *Command:
			items = append(items, item{lead: lead, node: n, topic: topicOf(n)})
		default:
			items = append(items, item{lead: lead, node: n})
		}
		lead = nil
	}
	tail = lead
	if len(items) > 0 {
		header, items[0].lead = cutHeader(items[0].lead)
	}
	for i := range items {
		if len(items[i].lead) > 0 {
			_, items[i].gap = items[i].lead[0].(*Blank)
			items[i].lead = trimLeadingBlanks(items[i].lead)
		}
	}
	for from := 0; from < len(items); {
		to := from
		for to < len(items) && items[to].topic != 0 {
			to++
		}
		slices.SortStableFunc(items[from:to], func(a, b item) int { return a.topic - b.topic })
		from = to + 1
	}
	return trimBlanks(header), items, tail
}

// cutHeader parts the comments at the top of a file: up to the last blank
// line they are about the file, behind it about the first command. A comment
// such as "#version=RHEL10" is always about the file.
func cutHeader(lead []Node) (header, rest []Node) {
	at := 0
	for i, n := range lead {
		switch n := n.(type) {
		case *Blank:
			at = i + 1
		case *Comment:
			body := n.Body()
			if at == i && (strings.HasPrefix(body, "version=") || strings.HasPrefix(body, "platform=")) {
				at = i + 1
			}
		}
	}
	return lead[:at], lead[at:]
}

func isBlank(n Node) bool {
	_, ok := n.(*Blank)
	return ok
}

func trimLeadingBlanks(nodes []Node) []Node {
	for len(nodes) > 0 && isBlank(nodes[0]) {
		nodes = nodes[1:]
	}
	return nodes
}

func trimBlanks(nodes []Node) []Node {
	nodes = trimLeadingBlanks(nodes)
	for len(nodes) > 0 && isBlank(nodes[len(nodes)-1]) {
		nodes = nodes[:len(nodes)-1]
	}
	return nodes
}

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
		if spec, ok := LookupCommand(n.Name()); ok && !spec.Raw {
			p.words(&n.Statement, spec.Options)
		} else {
			p.asIs(&n.Statement)
		}
	case *Section:
		p.section(n)
	case *Include:
		p.asIs(&n.Statement)
	case *Append:
		p.asIs(&n.Statement)
	}
}

// words writes the words of s anew.
func (p *printer) words(s *Statement, options []OptionSpec) {
	if !utf8.Valid(s.Raw()) {
		p.asIs(s) // the installer refuses it
		return
	}
	p.line(statementText(s, options))
}

// asIs writes the line of s without the blanks around it.
func (p *printer) asIs(s *Statement) {
	base := s.Pos().Offset
	end := s.Words[len(s.Words)-1].End.Offset - base // may be a blank, in "a\ "
	if s.Trailing != "" {
		end = s.TrailingPos.Offset - base + len(s.Trailing)
	}
	p.line(s.Text()[s.Words[0].Pos.Offset-base : end])
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
	for _, w := range s.Words[:i] {
		if w.Value == "--" {
			return false
		}
	}
	return true
}
