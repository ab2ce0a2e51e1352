package anaconda

import (
	"math"
	"slices"
	"strings"
)

// Finding the few interesting lines among many quickly: one pass over a line,
// most often several bytes at a step, tells which rules' literals it contains.
// (Wu, Manber: A fast algorithm for multi-pattern searching, TR 94-17, 1994.)

// matcher finds literals. A window slides over the text; the last two bytes in
// it tell how far it can go on without missing a literal's own window: that part
// of it whose pairs of bytes are rarest.
// A literal with "^" before it is found at the beginning of the text only, and
// with "$" behind it too if nothing else is in the text.
type matcher struct {
	literals []string
	whole    []bool       // by literal: nothing else may be in the text
	begins   [256][]int   // by first byte: literals that are looked for at the beginning
	offset   []int        // by literal: where its window begins
	shift    [pairs]uint8 // by pair: 0 if this may be the end of a literal's window
	ends     [pairs][]int // by pair: literals whose window ends with it
}

// window is the length of the shortest literal that can be found anywhere.
const window = 6

// pair folds two bytes into an index. Others may share it.
func pair(a, b byte) int { return (int(a)<<4 ^ int(b)) & (pairs - 1) }

const pairs = 1 << 12

// newMatcher makes a matcher for the literals. Shorter ones than window without
// "^", and empty ones, are never found. usual is text in which pairs of bytes
// are about as frequent as in what will be searched.
func newMatcher(literals []string, usual string) *matcher {
	m := &matcher{literals: slices.Clone(literals), whole: make([]bool, len(literals)), offset: make([]int, len(literals))}
	for i := range m.shift {
		m.shift[i] = window - 1
	}
	var often [pairs]int
	for i := 1; i < len(usual); i++ {
		often[pair(usual[i-1], usual[i])]++
	}
	for i, l := range literals {
		if begin, ok := strings.CutPrefix(l, "^"); ok {
			begin, m.whole[i] = strings.CutSuffix(begin, "$")
			if m.literals[i] = begin; begin != "" {
				m.begins[begin[0]] = append(m.begins[begin[0]], i)
			}
			continue
		}
		if len(l) < window {
			continue
		}
		least := math.MaxInt
		for at := range len(l) - window + 1 {
			if cost := m.enter(l[at:at+window], &often, false); cost < least {
				m.offset[i], least = at, cost
			}
		}
		l = l[m.offset[i]:][:window]
		m.enter(l, &often, true)
		last := pair(l[window-2], l[window-1])
		m.ends[last] = append(m.ends[last], i)
	}
	return m
}

// enter returns what it costs to look for a window, in steps more of the search
// over the usual text, and changes the shifts if that is wanted.
func (m *matcher) enter(w string, often *[pairs]int, change bool) (cost int) {
	const looked = 2 * window // where a window ends literals are compared
	for at := 1; at < window; at++ {
		p, shift := pair(w[at-1], w[at]), uint8(window-1-at)
		if shift >= m.shift[p] {
			continue
		}
		cost += often[p] * int(m.shift[p]-shift)
		if shift == 0 {
			cost += often[p] * looked
		}
		if change {
			m.shift[p] = shift
		}
	}
	return cost
}

// find appends the indices of the literals that text contains to hits, each
// once per occurrence, in the order of their ends.
func (m *matcher) find(text string, hits []int) []int {
	if text == "" {
		return hits
	}
	first := len(hits)
	for _, l := range m.begins[text[0]] {
		if strings.HasPrefix(text, m.literals[l]) && (!m.whole[l] || len(text) == len(m.literals[l])) {
			hits = append(hits, len(m.literals[l])*len(m.literals)+l)
		}
	}
	for i := window - 1; i < len(text); {
		p := pair(text[i-1], text[i])
		if far := m.shift[p]; far > 0 {
			i += int(far)
			continue
		}
		for _, l := range m.ends[p] {
			begin := i - (window - 1) - m.offset[l]
			if begin >= 0 && strings.HasPrefix(text[begin:], m.literals[l]) {
				hits = append(hits, (begin+len(m.literals[l]))*len(m.literals)+l)
			}
		}
		i++
	}
	if len(hits) > first {
		slices.Sort(hits[first:])
		for i := first; i < len(hits); i++ {
			hits[i] %= len(m.literals)
		}
	}
	return hits
}
