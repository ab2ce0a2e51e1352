package anaconda

import (
	"regexp/syntax"
	"strings"
)

// fixed returns texts of which each text that the pattern matches contains at
// least one, nil if none are known. A line without any of them is not worth the
// pattern: nearly all lines are ruled out so.
func fixed(pattern string) []string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	return fixedIn(tree)
}

func fixedIn(e *syntax.Regexp) []string {
	switch e.Op {
	case syntax.OpLiteral:
		if e.Flags&syntax.FoldCase == 0 {
			return []string{string(e.Rune)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return fixedIn(e.Sub[0])
	case syntax.OpConcat:
		var best []string
		for _, sub := range e.Sub {
			if texts := fixedIn(sub); shortest(texts) > shortest(best) {
				best = texts
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range e.Sub {
			texts := fixedIn(sub)
			if texts == nil {
				return nil
			}
			all = append(all, texts...)
		}
		return all
	}
	return nil
}

// shortest is the length of the shortest text, 0 if there is none.
func shortest(texts []string) int {
	if len(texts) == 0 {
		return 0
	}
	n := len(texts[0])
	for _, text := range texts[1:] {
		n = min(n, len(text))
	}
	return n
}

// find returns what the row's pattern finds in a text, nil if it does not match.
func (r *Rule) find(text string) []string {
	for _, part := range r.fixed {
		if strings.Contains(text, part) {
			return r.pattern.FindStringSubmatch(text)
		}
	}
	return nil
}
