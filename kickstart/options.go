// Reading options the way the installer does, which is Python's argparse:
// abbreviations, "--option=value" and "--option value", words that may stand
// anywhere, and a "--" that ends the options.

package kickstart

import (
	"regexp"
	"slices"
	"sort"
	"strings"
)

// optionWord is a word that was taken as an option.
type optionWord struct {
	word     *Word
	name     string      // as written, without "=value"
	spec     *OptionSpec // nil: no such option
	explicit bool        // "=value" is there
	value    string      // behind the "="
	matches  []string    // more than one option fits the abbreviation
}

// occurrence is an option with its value.
type occurrence struct {
	optionWord
	hasValue bool
	at       *Word // the word that holds the value
}

// readResult is what became of a command's words.
type readResult struct {
	options     []occurrence
	positionals [][]Word // by PositionalSpec
	missing     []int    // indexes of positionals without a word
	extras      []Word   // words that found no place
	problems    []problem
}

// problem is a finding without the file around it.
type problem struct {
	rule          *Rule
	pos, end      Pos
	text          string
	meaning, hint string
}

// isOption decides whether a word is an option. Words with blanks and
// negative numbers are not, unless they are an option's name.
func isOption(w *Word, options []*OptionSpec) (optionWord, bool) {
	v := w.Value
	if len(v) < 2 || v[0] != '-' {
		return optionWord{}, false
	}
	o := optionWord{word: w, name: v}
	if spec := exactOption(options, v); spec != nil {
		o.spec = spec
		return o, true
	}
	if name, value, found := strings.Cut(v, "="); found {
		if spec := exactOption(options, name); spec != nil {
			o.name, o.spec, o.explicit, o.value = name, spec, true, value
			return o, true
		}
	}
	if strings.HasPrefix(v, "--") {
		name, value, found := strings.Cut(v, "=")
		var spec *OptionSpec
		var matches []string
		for _, s := range options {
			for _, n := range s.Names {
				if strings.HasPrefix(n, name) {
					spec, matches = s, append(matches, n)
				}
			}
		}
		if len(matches) > 0 {
			o.name, o.explicit, o.value = name, found, value
			if len(matches) == 1 {
				o.spec = spec
			} else {
				sort.Strings(matches)
				o.matches = matches
			}
			return o, true
		}
	}
	if negativeNumber.MatchString(v) || strings.Contains(v, " ") {
		return optionWord{}, false
	}
	if name, value, found := strings.Cut(v, "="); found {
		o.name, o.explicit, o.value = name, true, value
	}
	return o, true
}

func exactOption(options []*OptionSpec, name string) *OptionSpec {
	for _, s := range options {
		if slices.Contains(s.Names, name) {
			return s
		}
	}
	return nil
}

// negativeNumber: "-5", "-5.25" and "-.5".
var negativeNumber = regexp.MustCompile(`^-([0-9]+|[0-9]*\.[0-9]+)$`)

// readWords sorts words into options and positionals.
func readWords(words []Word, positionals []PositionalSpec, options []*OptionSpec) readResult {
	s := wordSorter{words: words, positionals: positionals, found: readResult{positionals: make([][]Word, len(positionals))}}
	s.classify(options)
	for i := 0; i < len(words); {
		option := i
		for option < len(words) && s.kinds[option] != isOptionWord {
			option++
		}
		if option > i {
			s.found.extras = append(s.found.extras, words[s.fill(i):option]...)
		}
		if i = option; i < len(words) {
			i = s.takeOption(i)
		}
	}
	s.fill(len(words))
	for ; s.next < len(positionals); s.next++ {
		s.found.missing = append(s.found.missing, s.next)
	}
	return s.found
}

// wordSorter is a command whose words are being sorted.
type wordSorter struct {
	words       []Word
	kinds       []wordKind   // of each word
	options     []optionWord // by index in words, where the kind is isOptionWord
	positionals []PositionalSpec
	next        int // the first positional that is not filled
	found       readResult
}

type wordKind byte

const (
	isArgument   wordKind = iota
	isOptionWord          // taken for an option, known or not
	isDashes              // the first "--", behind which all words are arguments
)

// classify says of each word what it looks like.
func (s *wordSorter) classify(options []*OptionSpec) {
	s.kinds, s.options = make([]wordKind, len(s.words)), make([]optionWord, len(s.words))
	for i := range s.words {
		if s.words[i].Value == "--" {
			s.kinds[i] = isDashes
			break
		}
		if o, ok := isOption(&s.words[i], options); ok {
			s.kinds[i], s.options[i] = isOptionWord, o
		}
	}
}

// fill gives the words from i on to the positionals that wait for some, and
// returns the index of the first word that nobody takes.
func (s *wordSorter) fill(i int) int {
	for ; s.next < len(s.positionals); s.next++ {
		end, ok := s.span(i, s.positionals[s.next].Count)
		if !ok {
			break
		}
		for ; i < end; i++ {
			if s.kinds[i] != isDashes {
				s.found.positionals[s.next] = append(s.found.positionals[s.next], s.words[i])
			}
		}
	}
	return i
}

// span finds the end of the words that a positional takes from i on. It is not
// ok when there are too few: the positional then waits for those behind the
// next option.
func (s *wordSorter) span(i int, count Count) (end int, ok bool) {
	if count == Any {
		for i < len(s.kinds) && s.kinds[i] != isOptionWord {
			i++
		}
		return i, true
	}
	i = s.skipDashes(i)
	if i < len(s.kinds) && s.kinds[i] == isArgument {
		return s.skipDashes(i + 1), true
	}
	return i, count == AtMost1
}

func (s *wordSorter) skipDashes(i int) int {
	for i < len(s.kinds) && s.kinds[i] == isDashes {
		i++
	}
	return i
}

// takeOption takes the option at index i with its value, and gives the index
// behind them.
func (s *wordSorter) takeOption(i int) int {
	w, o, r := &s.words[i], s.options[i], &s.found
	switch {
	case len(o.matches) > 0:
		r.problems = append(r.problems, problem{rule: ruleAmbiguousOption, pos: w.Pos, end: w.End,
			text: o.name + " could mean " + strings.Join(o.matches, ", "),
			hint: "write the option in full"})
		return i + 1
	case o.spec == nil:
		r.extras = append(r.extras, *w)
		return i + 1
	}
	found := occurrence{optionWord: o, at: w}
	switch {
	case o.spec.Type == TypeFlag && o.explicit:
		r.problems = append(r.problems, problem{rule: ruleUnexpectedValue, pos: w.Pos, end: w.End,
			text: o.name + " takes no value", hint: "write " + o.name + " alone"})
	case o.spec.Type == TypeFlag:
	case o.explicit:
		found.hasValue = true
	case i+1 < len(s.words) && s.kinds[i+1] == isArgument:
		i++
		found.hasValue, found.value, found.at = true, s.words[i].Value, &s.words[i]
	case !o.spec.ValueOptional:
		p := problem{rule: ruleMissingValue, pos: w.Pos, end: w.End, text: o.name + " needs a value"}
		if i+1 < len(s.words) && s.kinds[i+1] == isOptionWord && exactOption([]*OptionSpec{o.spec}, opt0(s.words[i+1].Value)) == nil {
			p.meaning = "the next word, " + s.words[i+1].Raw + ", is read as an option"
			p.hint = "write " + o.name + "=VALUE"
		}
		r.problems = append(r.problems, p)
		return i + 1
	}
	r.options = append(r.options, found)
	return i + 1
}

// opt0 is the part of a word before its "=".
func opt0(v string) string {
	name, _, _ := strings.Cut(v, "=")
	return name
}
