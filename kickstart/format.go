// The formatter: one layout for all kickstart files.

package kickstart

import (
	"slices"
	"strings"
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
			if strings.ContainsFunc(w.Value, isLineEnd) {
				note(&ParseError{Name: f.Name, Pos: w.Pos, Text: "a backslash at the end of the line does not continue it: write the command on one line"})
			}
		}
	}
	for _, n := range f.Nodes {
		switch n := n.(type) {
		case statementNode:
			statement(n.statement())
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
