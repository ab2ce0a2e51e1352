// Splitting a line in words: the rules of a POSIX shell without expansions,
// as the installer applies them.

package kickstart

import (
	"strings"
	"unicode/utf8"
)

// splitLine is a line cut in words.
type splitLine struct {
	words       []Word
	trailing    string
	trailingPos Pos
	problem     string // why the line cannot be split; "" when it can
	problemPos  Pos
}

// The two ways in which a line cannot be split.
const (
	openQuote     = "the quotation mark is not closed on this line"
	danglingSlash = "the file ends in a backslash that has nothing to escape"
)

// splitWords cuts line, which may end with its line end, in words. Blanks
// separate words. Single quotes keep everything, double quotes everything but
// \" and \\, a backslash the next character: even the line end, which becomes
// part of the word, because a kickstart file has no continuation lines.
//
// With comments, '#' outside of quotes begins a comment, in the middle of a
// word too: the installer reads "a#b" as "a".
func splitWords(line string, at Pos, comments bool) splitLine {
	s := splitter{rest: line, pos: at, comments: comments}
	for s.skipBlanks(); s.rest != ""; s.skipBlanks() {
		if comments && s.rest[0] == '#' {
			s.out.trailing = strings.TrimRight(s.rest[:eolStart(s.rest)], " \t")
			s.out.trailingPos = s.pos
			break
		}
		s.word()
	}
	return s.out
}

// splitter is a line that is being split.
type splitter struct {
	rest     string // what is not read yet
	pos      Pos    // of rest's first byte
	comments bool
	out      splitLine
}

// take reads one character.
func (s *splitter) take() string {
	size := 1
	if s.rest[0] >= utf8.RuneSelf {
		_, size = utf8.DecodeRuneInString(s.rest)
	}
	text := s.rest[:size]
	s.rest = s.rest[size:]
	s.pos.Offset += size
	s.pos.Column++
	return text
}

func isWordBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func (s *splitter) skipBlanks() {
	for s.rest != "" && isWordBlank(s.rest[0]) {
		s.take()
	}
}

// word reads one word, up to a blank, a comment or the line's end.
func (s *splitter) word() {
	start, source := s.pos, s.rest
	var value []byte // nil as long as the word is spelled as its value
	for s.rest != "" && !isWordBlank(s.rest[0]) && !(s.comments && s.rest[0] == '#') {
		c := s.rest[0]
		if value == nil && (c == '\'' || c == '"' || c == '\\') {
			value = append([]byte{}, source[:len(source)-len(s.rest)]...)
		}
		switch {
		case c == '\'' || c == '"':
			value = s.quoted(value)
		case c == '\\':
			value = s.escaped(value)
		default:
			if text := s.take(); value != nil {
				value = append(value, text...)
			}
		}
	}
	w := Word{Raw: source[:len(source)-len(s.rest)], Pos: start, End: s.pos}
	if w.Value = w.Raw; value != nil {
		w.Value = string(value)
	}
	if s.out.words == nil {
		s.out.words = make([]Word, 0, 4)
	}
	s.out.words = append(s.out.words, w)
}

// quoted reads from an opening quotation mark to the closing one, and appends
// what is between them.
func (s *splitter) quoted(value []byte) []byte {
	open := s.pos
	mark := s.take()
	for s.rest != "" {
		text := s.take()
		switch {
		case text == mark:
			return value
		case text != `\` || mark != `"` || s.rest == "":
			value = append(value, text...)
		default:
			if s.rest[0] != '"' && s.rest[0] != '\\' {
				value = append(value, '\\')
			}
			value = append(value, s.take()...)
		}
	}
	s.out.problem, s.out.problemPos = openQuote, open
	return value
}

// escaped reads a backslash and appends the character behind it.
func (s *splitter) escaped(value []byte) []byte {
	slash := s.pos
	if s.take(); s.rest == "" {
		s.out.problem, s.out.problemPos = danglingSlash, slash
		return value
	}
	return append(value, s.take()...)
}
