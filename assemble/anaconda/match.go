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
type matcher struct {
	literals []literal
	begins   [256][]int // by first byte: literals that are looked for at the beginning
	short    []int      // literals that are looked for one by one
	offset   []int      // by literal: where its window begins
	// By pair of bytes: how far the window can go on, or, from window on, which of
	// ends has the literals whose window ends so.
	shift [1 << 16]uint8
	ends  [][]int
}

// window is the length of the shortest literal that is found by it. Each shorter
// one is looked for by itself.
const window = 7

// pair makes an index of two bytes.
func pair(a, b byte) uint16 { return uint16(a) | uint16(b)<<8 }

// frequencies counts the pairs in a text.
func frequencies(text string) []int {
	often := make([]int, 1<<16)
	for i := 1; i < len(text); i++ {
		often[pair(text[i-1], text[i])]++
	}
	return often
}

// newMatcher makes a matcher for the literals, none of which is empty. often has
// the frequencies of pairs in a text that is like those that will be searched.
func newMatcher(literals []literal, often []int) *matcher {
	m := &matcher{literals: literals, offset: make([]int, len(literals))}
	for i := range m.shift {
		m.shift[i] = window - 1
	}
	for i, l := range literals {
		text := l.text
		if l.begins {
			m.begins[text[0]] = append(m.begins[text[0]], i)
			continue
		}
		if len(text) < window {
			m.short = append(m.short, i)
			continue
		}
		least := math.MaxInt
		for at := range len(text) - window + 1 {
			if cost := m.cost(text[at:at+window], often); cost < least {
				m.offset[i], least = at, cost
			}
		}
		m.enter(text[m.offset[i]:][:window], i)
	}
	return m
}

// cost is what it costs to look for a window, in steps more of the search over
// a usual text.
func (m *matcher) cost(w string, often []int) (cost int) {
	const looked = 2 * window // where a window ends literals are compared
	for at := 1; at < window; at++ {
		p, shift := pair(w[at-1], w[at]), uint8(window-1-at)
		if now := m.shift[p]; now < window && shift < now {
			cost += often[p] * int(now-shift)
			if shift == 0 {
				cost += often[p] * looked
			}
		}
	}
	return cost
}

// enter makes the window of a literal be found.
func (m *matcher) enter(w string, literal int) {
	for at := 1; at < window-1; at++ {
		if p := pair(w[at-1], w[at]); m.shift[p] < window {
			m.shift[p] = min(m.shift[p], uint8(window-1-at))
		}
	}
	p := pair(w[window-2], w[window-1])
	if m.shift[p] < window {
		if len(m.ends) < math.MaxUint8-window {
			m.ends = append(m.ends, nil)
		} // else the last of them is shared
		m.shift[p] = uint8(window + len(m.ends) - 1)
	}
	which := m.shift[p] - window
	m.ends[which] = append(m.ends[which], literal)
}

// find appends the indices of the literals that text contains to hits, each
// at least once, in the order of their ends.
func (m *matcher) find(text string, hits []int) []int {
	if text == "" {
		return hits
	}
	first := len(hits)
	for _, l := range m.begins[text[0]] {
		if at := &m.literals[l]; strings.HasPrefix(text, at.text) && (!at.whole || len(text) == len(at.text)) {
			hits = append(hits, m.hit(l, 0))
		}
	}
	for _, l := range m.short {
		if at := strings.Index(text, m.literals[l].text); at >= 0 {
			hits = append(hits, m.hit(l, at))
		}
	}
	for i := window - 1; i < len(text); {
		far := m.shift[pair(text[i-1], text[i])]
		if far < window {
			i += int(far)
			continue
		}
		for _, l := range m.ends[far-window] {
			if begin := i - (window - 1) - m.offset[l]; begin >= 0 && strings.HasPrefix(text[begin:], m.literals[l].text) {
				hits = append(hits, m.hit(l, begin))
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

// hit makes a number of a literal and of where it was found: they sort by the
// literals' ends.
func (m *matcher) hit(literal, begin int) int {
	return (begin+len(m.literals[literal].text))*len(m.literals) + literal
}
