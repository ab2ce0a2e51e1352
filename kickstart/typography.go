// Dashes, quotation marks and blanks of typography: word processors and web
// pages put them in place of those that the installer reads.

package kickstart

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

var ruleTypography = newRule(Error, "typography", "a dash, quotation mark or blank that only looks like one")

// lookalikes are characters with what they look like: '-', '"' or ' '. The
// names are Unicode's.
var lookalikes = map[rune]struct {
	plain byte
	name  string
}{
	'\u2010': {'-', "hyphen"}, '\u2011': {'-', "non-breaking hyphen"}, '\u2012': {'-', "figure dash"},
	'\u2013': {'-', "en dash"}, '\u2014': {'-', "em dash"}, '\u2015': {'-', "horizontal bar"}, '\u2212': {'-', "minus sign"},
	'\ufe58': {'-', "small em dash"}, '\ufe63': {'-', "small hyphen-minus"}, '\uff0d': {'-', "fullwidth hyphen-minus"},
	'\u2018': {'"', "left single quotation mark"}, '\u2019': {'"', "right single quotation mark"},
	'\u201a': {'"', "single low-9 quotation mark"}, '\u201b': {'"', "single high-reversed-9 quotation mark"},
	'\u201c': {'"', "left double quotation mark"}, '\u201d': {'"', "right double quotation mark"},
	'\u201e': {'"', "double low-9 quotation mark"}, '\u201f': {'"', "double high-reversed-9 quotation mark"},
	'\u00ab': {'"', "left-pointing double angle quotation mark"}, '\u00bb': {'"', "right-pointing double angle quotation mark"},
	'\u00a0': {' ', "no-break space"}, '\u2007': {' ', "figure space"}, '\u202f': {' ', "narrow no-break space"},
	'\u3000': {' ', "ideographic space"}, '\u200b': {' ', "zero width space"},
}

// typography names lookalikes where what they look like would mean something:
// dashes at the beginning of a word, quotation marks there or behind "=", and
// blanks. It reports whether the installer cannot read the line for them; if it
// can, they are warnings.
func (l *linter) typography(s *Statement) (unreadable bool) {
	var found []problem
	for _, w := range s.Words {
		if p, ok := lookalike(w); ok {
			found = append(found, p)
		}
	}
	if found == nil {
		return false
	}
	probe := newLinter(LintOptions{Dialect: l.options.Dialect})
	probe.enter(&File{}, 0)
	severity := Warning
	if probe.decode(s).failed {
		severity = Error
	}
	for _, p := range found {
		l.add(severity, p)
	}
	return severity == Error
}

// lookalike finds the first lookalike of a word that matters.
func lookalike(w Word) (problem, bool) {
	opens, quoted := true, strings.ContainsAny(w.Raw, `"'`) // a quotation mark here would open one
	at := w.Pos
	for i, r := range w.Raw {
		look, odd := lookalikes[r]
		if odd && (look.plain == ' ' && !quoted || look.plain == '"' && opens || i == 0) {
			kind := map[byte]string{'-': "hyphen", '"': "quotation mark", ' ': "blank"}[look.plain]
			p := problem{rule: ruleTypography, pos: at, end: at, text: fmt.Sprintf("%U (%s) is no %s for the installer", r, look.name, kind)}
			p.end.Column++
			switch look.plain {
			case '-':
				p.hint = "write " + quoteWord(plainPunctuation(w.Raw))
			case '"':
				p.hint = `write " at both ends`
			case ' ':
				p.hint = "write a blank as the space bar makes it"
			}
			return p, true
		}
		opens = r == '=' && w.Raw[0] == '-' && !strings.Contains(w.Raw[:i], "=")
		at.Offset += utf8.RuneLen(r)
		at.Column++
	}
	return problem{}, false
}

// plainPunctuation replaces lookalikes. A long dash at the beginning of a word
// is what word processors make of two hyphens.
func plainPunctuation(word string) string {
	var b strings.Builder
	for i, r := range word {
		look, odd := lookalikes[r]
		switch {
		case !odd:
			b.WriteRune(r)
		case look.plain == '-' && i == 0 && !strings.HasPrefix(word[utf8.RuneLen(r):], "-"):
			b.WriteString("--")
		default:
			b.WriteByte(look.plain)
		}
	}
	return b.String()
}
