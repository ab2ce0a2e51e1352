// Findings for people: one paragraph each, with the line and a caret.

package kickstart

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// TextOptions say how WriteText writes. The zero value is plain text.
type TextOptions struct {
	// Color marks severities and carets with terminal colours.
	Color bool
}

// maxExcerpt is how much of a line is shown, in runes: a terminal's width and
// a half. Longer lines are cut on both sides of what is meant.
const maxExcerpt = 120

// WriteText writes findings for people to read:
//
//	ks.cfg:7:8: error: part has no option --growth [unknown-option]
//	    7 | part / --growth
//	      |        ^^^^^^^^
//	      hint: did you mean --grow?
//
// Secrets in the lines are redacted.
func WriteText(w io.Writer, findings []Finding, o TextOptions) error {
	paint := func(code, text string) string {
		if !o.Color {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	var b strings.Builder
	for _, f := range findings {
		line, column := f.Line, f.Column
		f = f.redacted()
		color := "1;31"
		if f.Severity == Warning {
			color = "1;33"
		}
		fmt.Fprintf(&b, "%s:%d:%d: %s: %s %s\n", visible(f.File), line, column,
			paint(color, string(f.Severity)), paint("1", visible(f.Text)), paint("2", "["+f.Rule+"]"))
		margin := strings.Repeat(" ", max(5, len(fmt.Sprint(f.Line))+1))
		if f.Excerpt != "" && !f.Missing() {
			line, caret := excerpt(f)
			fmt.Fprintf(&b, "%*d | %s\n", len(margin), f.Line, line)
			fmt.Fprintf(&b, "%s | %s\n", margin, paint(color, caret))
		}
		if f.Meaning != "" {
			fmt.Fprintf(&b, "%s %s\n", margin, visible(f.Meaning))
		}
		if f.Hint != "" {
			fmt.Fprintf(&b, "%s %s %s\n", margin, paint("1;36", "hint:"), visible(f.Hint))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Missing reports whether f is about something that stands nowhere: the line
// that it names has nothing to do with it.
func (f *Finding) Missing() bool {
	r := rules[f.Rule]
	return r != nil && r.Completeness && f.Column == f.EndColumn
}

// excerpt gives the line of a finding and the carets below it.
func excerpt(f Finding) (line, caret string) {
	runes := []rune(f.Excerpt)
	from := min(max(f.Column-1, 0), len(runes))
	to := min(max(f.EndColumn-1, from+1), max(len(runes), from+1))
	if len(runes) > maxExcerpt {
		first := min(max(from-maxExcerpt/3, 0), len(runes)-maxExcerpt)
		cut := append([]rune(nil), runes[first:first+maxExcerpt]...)
		if first > 0 {
			cut[0] = '…'
		}
		if first+maxExcerpt < len(runes) {
			cut[maxExcerpt-1] = '…'
		}
		runes, from, to = cut, from-first, min(to-first, maxExcerpt)
	}
	var under strings.Builder
	for _, r := range runes[:from] {
		if r == '\t' {
			under.WriteByte('\t') // as wide as above
			continue
		}
		under.WriteByte(' ')
		if wide(r) {
			under.WriteByte(' ')
		}
	}
	for i := from; i < max(to, from+1); i++ {
		under.WriteByte('^')
		if i < len(runes) && wide(runes[i]) {
			under.WriteByte('^')
		}
	}
	return visible(string(runes)), under.String()
}

// wide reports whether a terminal gives r two columns: the scripts of East
// Asia and the emoji, roughly.
func wide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) ||
		r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff
}

// visible makes text safe for a terminal: what would move its cursor or change
// its colours becomes a dot of the same width.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError) {
			return '·'
		}
		return r
	}, text)
}

// redacted is f without the secrets of the line that it shows.
func (f Finding) redacted() Finding {
	line, from, to := redactExcerpt(f.Excerpt, f.Column, f.EndColumn)
	if line == f.Excerpt {
		return f
	}
	// What is wrong may be the secret: a password with a blank in it.
	before := []rune(f.Excerpt)
	if f.Column >= 1 && f.EndColumn-1 <= len(before) && f.Column < f.EndColumn {
		for _, word := range strings.Fields(string(before[f.Column-1 : f.EndColumn-1])) {
			_, value, valued := strings.Cut(word, "=")
			if valued && strings.HasPrefix(word, "--") {
				word = value
			}
			word = strings.Trim(word, `"'`)
			if word != "" && !strings.Contains(line, word) {
				// As a word: the x of rootpw x stands in "text" too.
				alone := regexp.MustCompile(`(^|[^\pL\pN])` + regexp.QuoteMeta(word) + `($|[^\pL\pN])`)
				for _, text := range []*string{&f.Text, &f.Meaning, &f.Hint} {
					*text = alone.ReplaceAllString(*text, "${1}"+redacted+"${2}")
				}
			}
		}
	}
	f.Excerpt, f.Column, f.EndColumn = line, from, to
	return f
}
