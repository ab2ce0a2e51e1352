// Splitting a line in words: the rules of a POSIX shell without expansions,
// as the installer applies them.

package kickstart

import (
	"strings"
	"unicode/utf8"
)

// splitted is a line cut in words.
type splitted struct {
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
func splitWords(line string, at Pos, comments bool) splitted {
	var out splitted
	var value []byte
	plain := true // the word is its value: no quotes or backslashes in it
	var start Pos
	inWord := false
	quote := byte(0)
	var quotePos Pos

	pos := at
	next := func(size int) string {
		text := line[:size]
		line = line[size:]
		pos.Offset += size
		pos.Column++
		return text
	}
	begin := func() {
		if !inWord {
			inWord, start = true, pos
		}
	}
	source := line
	// spell is called before the first character that is not its own value.
	spell := func() {
		if plain {
			plain = false
			value = append(value[:0], source[start.Offset-at.Offset:pos.Offset-at.Offset]...)
		}
	}
	finish := func() {
		if inWord {
			w := Word{Raw: source[start.Offset-at.Offset : pos.Offset-at.Offset], Pos: start, End: pos}
			if w.Value = w.Raw; !plain {
				w.Value = string(value)
			}
			if out.words == nil {
				out.words = make([]Word, 0, 4)
			}
			out.words = append(out.words, w)
			inWord, plain = false, true
		}
	}

	for len(line) > 0 {
		c := line[0]
		size := 1
		if c >= utf8.RuneSelf {
			_, size = utf8.DecodeRuneInString(line)
		}
		switch {
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			finish()
			next(1)
		case quote == 0 && c == '#' && comments:
			finish()
			out.trailing = strings.TrimRight(line[:eolStart(line)], " \t")
			out.trailingPos = pos
			return out
		case quote == 0 && (c == '\'' || c == '"'):
			begin()
			spell()
			quote, quotePos = c, pos
			next(1)
		case quote != 0 && c == quote:
			quote = 0
			next(1)
		case c == '\\' && quote != '\'':
			begin()
			spell()
			slash := pos
			next(1)
			if len(line) == 0 {
				if quote != 0 {
					out.problem, out.problemPos = openQuote, quotePos
				} else {
					out.problem, out.problemPos = danglingSlash, slash
				}
				finish()
				return out
			}
			_, size = utf8.DecodeRuneInString(line)
			if quote == '"' && line[0] != '"' && line[0] != '\\' {
				value = append(value, '\\')
			}
			value = append(value, next(size)...)
		default:
			begin()
			if text := next(size); !plain {
				value = append(value, text...)
			}
		}
	}
	if quote != 0 {
		out.problem, out.problemPos = openQuote, quotePos
	}
	finish()
	return out
}
