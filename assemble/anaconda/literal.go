package anaconda

import (
	"math"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// What every text has that a pattern matches: the matcher looks for it, so that
// the pattern itself is tried on few lines.

// literal is such a part of a text.
type literal struct {
	text   string
	begins bool // the text begins with it
	whole  bool // and has nothing else
}

// literals returns parts of which each text that the pattern matches has one, or
// none if nothing is known of these texts.
func literals(pattern string) []literal {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	var least []literal
	all := branch(tree)
	for i, l := range all {
		if !slices.ContainsFunc(all[:i], l.implies) && !slices.ContainsFunc(all[i+1:], func(o literal) bool { return l.implies(o) && l != o }) {
			least = append(least, l)
		}
	}
	return least
}

// implies reports whether each text that has l also has other.
func (l literal) implies(other literal) bool {
	return l == other || !other.begins && strings.Contains(l.text, other.text)
}

// branch does it for a pattern or for one of its alternatives. "^" at its front
// is the text's beginning.
func branch(e *syntax.Regexp) []literal {
	parts := []*syntax.Regexp{e}
	switch e.Op {
	case syntax.OpCapture:
		return branch(e.Sub[0])
	case syntax.OpAlternate:
		var all []literal
		for _, sub := range e.Sub {
			one := branch(sub)
			if one == nil {
				return nil
			}
			all = append(all, one...)
		}
		return all
	case syntax.OpConcat:
		parts = e.Sub
		if len(parts) == 2 && parts[0].Op == syntax.OpBeginText && parts[1].Op == syntax.OpAlternate {
			return branch(anchored(parts[1]))
		}
	}
	begins := parts[0].Op == syntax.OpBeginText
	ends := parts[len(parts)-1].Op == syntax.OpEndText
	var best []literal
	longest := 0
	for _, k := range sequence(parts) {
		length := shortest(k.texts)
		if begins && k.first && length > 0 { // that is looked for at once, however short it is
			length += window
		}
		if length <= longest {
			continue
		}
		longest, best = length, nil
		for _, text := range k.texts {
			best = append(best, literal{text, begins && k.first, begins && k.first && ends && k.last})
		}
	}
	return best
}

// anchored puts "^" before each of the alternatives.
func anchored(e *syntax.Regexp) *syntax.Regexp {
	all := &syntax.Regexp{Op: syntax.OpAlternate}
	for _, sub := range e.Sub {
		parts := []*syntax.Regexp{sub}
		if sub.Op == syntax.OpConcat {
			parts = sub.Sub
		}
		begin := &syntax.Regexp{Op: syntax.OpBeginText}
		all.Sub = append(all.Sub, &syntax.Regexp{Op: syntax.OpConcat, Sub: append([]*syntax.Regexp{begin}, parts...)})
	}
	return all
}

func shortest(texts []string) int {
	n := math.MaxInt
	for _, text := range texts {
		n = min(n, len(text))
	}
	return n
}

// known is what is known of the texts that a part of a pattern matches: each
// contains one of these texts, which is at its front or end, or all of it.
type known struct {
	texts       []string
	first, last bool
}

// mostTexts bounds what is enumerated.
const mostTexts = 64

// sequence returns what is known of parts that follow each other.
func sequence(parts []*syntax.Regexp) []known {
	var all []known
	run := known{texts: []string{""}, first: true}
	for _, part := range parts {
		inner := needed(part)
		if len(inner) == 1 && inner[0].first && inner[0].last && len(run.texts)*len(inner[0].texts) <= mostTexts {
			run.texts = product(run.texts, inner[0].texts)
			continue
		}
		all = append(all, run)
		for _, k := range inner {
			all = append(all, known{texts: k.texts})
		}
		run = known{texts: []string{""}}
	}
	run.last = true
	return append(all, run)
}

// needed returns what is known of a part.
func needed(e *syntax.Regexp) []known {
	exactly := func(texts ...string) []known { return []known{{texts, true, true}} }
	switch e.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpBeginLine, syntax.OpEndText, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return exactly("")
	case syntax.OpLiteral:
		texts := []string{""}
		for _, c := range e.Rune {
			texts = product(texts, cases(c, e.Flags&syntax.FoldCase != 0))
			if len(texts) > mostTexts {
				return nil
			}
		}
		return exactly(texts...)
	case syntax.OpCharClass:
		var texts []string
		for i := 0; i < len(e.Rune); i += 2 {
			for c := e.Rune[i]; c <= e.Rune[i+1]; c++ {
				if len(texts) == mostTexts/8 {
					return nil
				}
				texts = append(texts, string(c))
			}
		}
		if texts != nil {
			return exactly(texts...)
		}
	case syntax.OpCapture:
		return needed(e.Sub[0])
	case syntax.OpConcat:
		return sequence(e.Sub)
	case syntax.OpAlternate:
		return either(e.Sub)
	case syntax.OpQuest:
		if inner := needed(e.Sub[0]); len(inner) == 1 && inner[0].first && inner[0].last {
			return exactly(append([]string{""}, inner[0].texts...)...)
		}
	case syntax.OpPlus:
		return within(needed(e.Sub[0]))
	case syntax.OpRepeat:
		if e.Min > 0 {
			return within(needed(e.Sub[0]))
		}
	}
	return nil
}

// within says that what is known is somewhere in a longer text.
func within(inner []known) []known {
	var all []known
	for _, k := range inner {
		all = append(all, known{texts: k.texts})
	}
	return all
}

// either returns what is known of a text that one of several parts matches.
func either(parts []*syntax.Regexp) []known {
	all := known{first: true, last: true}
	for _, part := range parts {
		var best known
		for _, k := range needed(part) {
			if best.texts == nil || shortest(k.texts) > shortest(best.texts) {
				best = k
			}
		}
		if best.texts == nil {
			return nil
		}
		all.texts = append(all.texts, best.texts...)
		all.first, all.last = all.first && best.first, all.last && best.last
	}
	return []known{all}
}

// product returns each of a followed by each of b.
func product(a, b []string) []string {
	var all []string
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// cases returns a character, and its other cases if that is wanted.
func cases(c rune, fold bool) []string {
	texts := []string{string(c)}
	for other := unicode.SimpleFold(c); fold && other != c; other = unicode.SimpleFold(other) {
		texts = append(texts, string(other))
	}
	return texts
}
