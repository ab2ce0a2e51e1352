package anaconda

import (
	"slices"
	"strings"
)

// Finding the few interesting lines among many quickly: one pass over a line,
// most often three bytes at a step, tells which rules' literals it contains.
// (Wu, Manber: A fast algorithm for multi-pattern searching, TR 94-17, 1994.)

// matcher finds literals. A window of their first four bytes slides over the
// text; the last two bytes in it tell how far it can go on without missing one.
type matcher struct {
	literals []string
	shift    [1 << 12]uint8 // by pair: 0 if a literal may begin with this window
	heads    [1 << 12][]int // by pair: literals whose third and fourth byte it is
}

// window is the length of the shortest literal that can be found.
const window = 4

// pair folds two bytes into an index. Others may share it.
func pair(a, b byte) int { return int(a)<<4 ^ int(b) }

// newMatcher makes a matcher for the literals. Shorter ones than window are
// never found.
func newMatcher(literals []string) *matcher {
	m := &matcher{literals: literals}
	for i := range m.shift {
		m.shift[i] = window - 1
	}
	for i, l := range literals {
		if len(l) < window {
			continue
		}
		for at := 1; at < window; at++ {
			p := pair(l[at-1], l[at])
			m.shift[p] = min(m.shift[p], uint8(window-1-at))
		}
		last := pair(l[window-2], l[window-1])
		m.heads[last] = append(m.heads[last], i)
	}
	return m
}

// find appends the indices of the literals that text contains to hits, each
// once per occurrence, in the order of their ends.
func (m *matcher) find(text string, hits []int) []int {
	first := len(hits)
	for i := window - 1; i < len(text); {
		p := pair(text[i-1], text[i])
		if far := m.shift[p]; far > 0 {
			i += int(far)
			continue
		}
		begin := i - (window - 1)
		for _, l := range m.heads[p] {
			if strings.HasPrefix(text[begin:], m.literals[l]) {
				hits = append(hits, (begin+len(m.literals[l]))*len(m.literals)+l)
			}
		}
		i++
	}
	slices.Sort(hits[first:])
	for i := first; i < len(hits); i++ {
		hits[i] %= len(m.literals)
	}
	return hits
}
