// Reading options the way the installer does, which is Python's argparse:
// abbreviations, "--option=value" and "--option value", words that may stand
// anywhere, and a "--" that ends the options.

package kickstart

import (
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
	if isNegativeNumber(v) || strings.Contains(v, " ") {
		return optionWord{}, false
	}
	if name, value, found := strings.Cut(v, "="); found {
		o.name, o.explicit, o.value = name, true, value
	}
	return o, true
}

func exactOption(options []*OptionSpec, name string) *OptionSpec {
	for _, s := range options {
		for _, n := range s.Names {
			if n == name {
				return s
			}
		}
	}
	return nil
}

// isNegativeNumber matches "-5", "-5.25" and "-.5".
func isNegativeNumber(v string) bool {
	whole, fraction, point := strings.Cut(v[1:], ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if point {
		return (whole == "" || digits(whole)) && digits(fraction)
	}
	return digits(whole)
}

// readWords sorts words into options and positionals.
func readWords(words []Word, positionals []PositionalSpec, options []*OptionSpec) readResult {
	r := readResult{positionals: make([][]Word, len(positionals))}

	// kind[i]: 'O' option, 'A' argument, '-' the first "--".
	kind := make([]byte, len(words))
	opt := make([]optionWord, len(words))
	onlyArguments := false
	count := 0
	for i := range words {
		switch w := &words[i]; {
		case onlyArguments:
			kind[i] = 'A'
		case w.Value == "--":
			kind[i], onlyArguments = '-', true
		default:
			kind[i] = 'A'
			if o, ok := isOption(w, options); ok {
				kind[i], opt[i] = 'O', o
				count++
			}
		}
	}
	if count > 0 {
		r.options = make([]occurrence, 0, count)
	}

	next := 0 // the first positional that is not filled
	fill := func(i int) int {
		for next < len(positionals) {
			j := i
			dash := func() {
				for j < len(kind) && kind[j] == '-' {
					j++
				}
			}
			switch positionals[next].Count {
			case One:
				dash()
				if j >= len(kind) || kind[j] != 'A' {
					return i
				}
				j++
				dash()
			case AtMost1:
				dash()
				if j < len(kind) && kind[j] == 'A' {
					j++
				}
				dash()
			case Any:
				for j < len(kind) && kind[j] != 'O' {
					j++
				}
			}
			for k := i; k < j; k++ {
				if kind[k] != '-' {
					r.positionals[next] = append(r.positionals[next], words[k])
				}
			}
			next++
			i = j
		}
		return i
	}

	i := 0
	for i < len(words) {
		j := i
		for j < len(words) && kind[j] != 'O' {
			j++
		}
		if j > i {
			filled := fill(i)
			for ; filled < j; filled++ {
				r.extras = append(r.extras, words[filled])
			}
			if j == len(words) {
				break
			}
		}
		i = r.takeOption(words, kind, opt[j], j)
	}
	fill(len(words))
	for ; next < len(positionals); next++ {
		r.missing = append(r.missing, next)
	}
	return r
}

// takeOption takes the option at index i with its value, and gives the index
// behind them.
func (r *readResult) takeOption(words []Word, kind []byte, o optionWord, i int) int {
	w := &words[i]
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
	case i+1 < len(words) && kind[i+1] == 'A':
		i++
		found.hasValue, found.value, found.at = true, words[i].Value, &words[i]
	case !o.spec.ValueOptional:
		p := problem{rule: ruleMissingValue, pos: w.Pos, end: w.End, text: o.name + " needs a value"}
		if i+1 < len(words) && kind[i+1] == 'O' && exactOption([]*OptionSpec{o.spec}, opt0(words[i+1].Value)) == nil {
			p.meaning = "the next word, " + words[i+1].Raw + ", is read as an option"
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
