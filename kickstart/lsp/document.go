// A document of the client: our bytes against its lines of UTF-16.

package lsp

import (
	"sort"
	"unicode/utf8"

	"github.com/imgasm/imgasm/kickstart"
)

// position is a line and a UTF-16 code unit in it, both from 0 (3.17.3).
type position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type span struct {
	Start position `json:"start"`
	End   position `json:"end"`
}

type textEdit struct {
	Range   span   `json:"range"`
	NewText string `json:"newText"`
}

type markup struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// diagnostic is a finding; severity 1 is an error, 2 a warning.
type diagnostic struct {
	Range    span   `json:"range"`
	Severity int    `json:"severity"`
	Code     string `json:"code,omitempty"`
	Source   string `json:"source"`
	Message  string `json:"message"`
}

// document is an open file. The protocol ends lines at LF, CR LF and CR only,
// the installer at more, so positions go by way of byte offsets.
type document struct {
	file   *kickstart.File
	text   []byte
	lines  []int                      // offset of each line's first byte
	locate func(line, column int) int // of findings
}

func newDocument(file *kickstart.File) *document {
	d := &document{file: file, text: file.Bytes(), lines: []int{0}, locate: file.Locator()}
	for i, c := range d.text {
		if c == '\n' || c == '\r' && (i+1 == len(d.text) || d.text[i+1] != '\n') {
			d.lines = append(d.lines, i+1)
		}
	}
	return d
}

// position is the client's name of a byte offset.
func (d *document) position(offset int) position {
	offset = min(max(offset, 0), len(d.text))
	line := sort.SearchInts(d.lines, offset+1) - 1
	units := 0
	for rest := d.text[d.lines[line]:offset]; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		units += utf16Len(r)
		rest = rest[size:]
	}
	return position{line, units}
}

// offset is the byte offset of the client's position, cut to its line.
func (d *document) offset(p position) int {
	if p.Line < 0 {
		return 0
	}
	if p.Line >= len(d.lines) {
		return len(d.text)
	}
	at := d.lines[p.Line]
	for units := p.Character; units > 0 && at < len(d.text) && d.text[at] != '\n' && d.text[at] != '\r'; {
		r, size := utf8.DecodeRune(d.text[at:])
		units -= utf16Len(r)
		at += size
	}
	return at
}

func utf16Len(r rune) int {
	if r >= 0x10000 {
		return 2
	}
	return 1
}

func (d *document) diagnostic(f kickstart.Finding) diagnostic {
	out := diagnostic{Severity: 2, Code: f.Rule, Source: "imgasm", Message: f.Text}
	if f.Severity == kickstart.Error {
		out.Severity = 1
	}
	for _, more := range []string{f.Meaning, f.Hint} {
		if more != "" {
			out.Message += "\n" + more
		}
	}
	out.Range.Start = d.position(d.locate(f.Line, f.Column))
	out.Range.End = d.position(d.locate(f.Line, f.EndColumn))
	return out
}

// statementAt finds the command or section header whose line holds offset, and
// the section whose body does.
func (d *document) statementAt(offset int) (s *kickstart.Statement, body *kickstart.Section) {
	within := func(start, size int) bool { return offset >= start && offset < start+size }
	for _, n := range d.file.Nodes {
		start, size := n.Pos().Offset, len(n.Raw())
		if !within(start, size) && (offset != start+size || offset != len(d.text)) {
			continue
		}
		switch n := n.(type) {
		case *kickstart.Command:
			return &n.Statement, nil
		case *kickstart.Section:
			switch end := n.Header.Pos().Offset + len(n.Header.Raw()); {
			case offset < end || offset == end && n.Header.EOL() == "":
				return n.Header, nil
			case n.End != nil && offset >= n.End.Pos().Offset:
				return n.End, nil
			}
			return nil, n
		}
	}
	return nil, nil
}

// wordsAt gives the words of a command or header up to the one at offset, none
// if no word is there.
func (d *document) wordsAt(offset int) []kickstart.Word {
	s, _ := d.statementAt(offset)
	if s == nil {
		return nil
	}
	for i, w := range s.Words {
		if offset >= w.Pos.Offset && offset < w.End.Offset {
			return s.Words[:i+1]
		}
	}
	return nil
}
