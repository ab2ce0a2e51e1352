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
func splitWords(line []byte, at Pos, comments bool) splitted {
	var out splitted
	var value strings.Builder
	var start Pos
	inWord := false
	quote := byte(0)
	var quotePos Pos

	pos := at
	next := func(size int) []byte {
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
	finish := func(source []byte) {
		if inWord {
			out.words = append(out.words, Word{
				Value: value.String(),
				Raw:   string(source[start.Offset-at.Offset : pos.Offset-at.Offset]),
				Pos:   start,
				End:   pos,
			})
			value.Reset()
			inWord = false
		}
	}

	source := line
	for len(line) > 0 {
		c := line[0]
		size := 1
		if c >= utf8.RuneSelf {
			_, size = utf8.DecodeRune(line)
		}
		switch {
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			finish(source)
			next(1)
		case quote == 0 && c == '#' && comments:
			finish(source)
			out.trailing = strings.TrimRight(string(line[:eolStart(line)]), " \t")
			out.trailingPos = pos
			return out
		case quote == 0 && (c == '\'' || c == '"'):
			begin()
			quote, quotePos = c, pos
			next(1)
		case quote != 0 && c == quote:
			quote = 0
			next(1)
		case c == '\\' && quote != '\'':
			begin()
			slash := pos
			next(1)
			if len(line) == 0 {
				if quote != 0 {
					out.problem, out.problemPos = openQuote, quotePos
				} else {
					out.problem, out.problemPos = danglingSlash, slash
				}
				finish(source)
				return out
			}
			_, size = utf8.DecodeRune(line)
			if quote == '"' && line[0] != '"' && line[0] != '\\' {
				value.WriteByte('\\')
			}
			value.Write(next(size))
		default:
			begin()
			value.Write(next(size))
		}
	}
	if quote != 0 {
		out.problem, out.problemPos = openQuote, quotePos
	}
	finish(source)
	return out
}
