// What may stand where the cursor is.

package lsp

import (
	"strings"

	"github.com/imgasm/imgasm/kickstart"
)

// completionItem is something to insert; the kinds are the protocol's.
type completionItem struct {
	Label    string   `json:"label"`
	Kind     int      `json:"kind"`
	Detail   string   `json:"detail,omitempty"`
	TextEdit textEdit `json:"textEdit"`
}

// Kinds of completion items (3.17, CompletionItemKind).
const (
	kindProperty = 10
	kindKeyword  = 14
	kindModule   = 9
)

// completion lists commands and sections at the beginning of a line, and the
// options of a command or section where a word begins with a hyphen.
func (s *server) completion(d *document, at position) any {
	offset := d.offset(at)
	start := d.lines[min(max(at.Line, 0), len(d.lines)-1)]
	before := string(d.text[min(start, offset):offset])
	word := before[strings.LastIndexAny(before, " \t")+1:]
	replace := span{d.position(offset - len(word)), d.position(offset)}
	items := []completionItem{}
	add := func(label, insert, detail string, kind int, h kickstart.History) {
		if status := h.In(s.options.Dialect); strings.HasPrefix(label, word) && (status == kickstart.Active || status == kickstart.Deprecated) {
			items = append(items, completionItem{label, kind, detail, textEdit{replace, insert}})
		}
	}
	statement, body := d.statementAt(offset)
	first := strings.TrimSpace(before) == word
	switch {
	case body != nil && first:
		add("%end", "%end", "ends "+body.Name(), kindModule, kickstart.History{})
	case body != nil:
	case first:
		for _, c := range kickstart.Commands() {
			for _, name := range append([]string{c.Name}, c.Also...) {
				add(name, name, c.Help, kindKeyword, c.History)
			}
		}
		for _, sec := range kickstart.Sections() {
			add(sec.Name, sec.Name, sec.Help, kindModule, sec.History)
		}
	case statement != nil && strings.HasPrefix(word, "-"):
		var options []kickstart.OptionSpec
		if c, ok := kickstart.LookupCommand(statement.Name()); ok {
			options = c.Options
		} else if sec, ok := kickstart.LookupSection(statement.Name()); ok {
			options = sec.Options
		}
		for _, o := range options {
			for _, name := range o.Names {
				insert := name
				if o.Type != kickstart.TypeFlag && !o.ValueOptional {
					insert += "="
				}
				add(name, insert, o.Help, kindProperty, o.History)
			}
		}
	}
	return items
}
