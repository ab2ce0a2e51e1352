// The lines of %packages.

package kickstart

import "strings"

// parseEntry reads a line of %packages that is neither blank nor a comment.
// text is l as a string.
func parseEntry(l Line, text string) *Entry {
	e := &Entry{Line: l}
	text = text[:eolStart(text)]
	if hash := strings.IndexByte(text, '#'); hash >= 0 {
		e.Trailing = strings.TrimRight(text[hash:], " \t")
		e.TrailingPos = l.pos.after([]byte(text[:hash]))
		text = text[:hash]
	}
	name := strings.TrimLeftFunc(text, isSpace)
	e.NamePos = l.pos.after([]byte(text[:len(text)-len(name)]))
	name = strings.TrimRightFunc(name, isSpace)
	e.NameEnd = e.NamePos.after([]byte(name))

	if rest, ok := strings.CutPrefix(name, "-"); ok {
		e.Exclude, name = true, rest
	}
	if rest, ok := strings.CutPrefix(name, "@^"); ok {
		e.Kind, name = EntryEnvironment, rest
	} else if rest, ok := strings.CutPrefix(name, "@"); ok {
		e.Kind, name = EntryGroup, rest
		if !e.Exclude {
			name, e.Options = groupOptions(name, e.NameEnd)
		}
	}
	e.Name = name
	return e
}

// groupOptions parts a group's name, whose words are joined by one blank, from
// the words that begin with "--". text ends at end.
func groupOptions(text string, end Pos) (name string, options []Word) {
	pos := end
	pos.Offset -= len(text)
	pos.Column -= len([]rune(text))
	var words []string
	for rest := text; ; {
		trimmed := strings.TrimLeftFunc(rest, isSpace)
		pos = pos.after([]byte(rest[:len(rest)-len(trimmed)]))
		if trimmed == "" {
			return strings.Join(words, " "), options
		}
		field := firstField(trimmed)
		after := pos.after([]byte(field))
		if strings.HasPrefix(field, "--") {
			options = append(options, Word{Value: field, Raw: field, Pos: pos, End: after})
		} else {
			words = append(words, field)
		}
		pos, rest = after, trimmed[len(field):]
	}
}
