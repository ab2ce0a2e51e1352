package anaconda

// Finding the few interesting lines among many quickly: an Aho-Corasick
// automaton over one literal of each rule tells in one pass over a line which
// rules are worth trying. (Aho, Corasick: Efficient string matching, CACM 18:6, 1975.)

// automaton finds literals. The zero value finds nothing.
type automaton struct {
	class   [256]uint8 // bytes that occur in no literal share class 0
	classes int
	next    []uint16 // state*classes + class → state
	found   [][]int  // state → indices of the literals that end there
}

// newAutomaton builds an automaton for the literals. Empty ones are ignored.
func newAutomaton(literals []string) *automaton {
	a := &automaton{classes: 1}
	for _, l := range literals {
		for _, b := range []byte(l) {
			if a.class[b] == 0 {
				a.class[b] = uint8(a.classes)
				a.classes++
			}
		}
	}
	a.add() // the root
	for i, l := range literals {
		state := uint16(0)
		for _, b := range []byte(l) {
			at := int(state)*a.classes + int(a.class[b])
			if a.next[at] == 0 {
				a.next[at] = a.add()
			}
			state = a.next[at]
		}
		if state != 0 {
			a.found[state] = append(a.found[state], i)
		}
	}
	a.link()
	return a
}

func (a *automaton) add() uint16 {
	a.next = append(a.next, make([]uint16, a.classes)...)
	a.found = append(a.found, nil)
	return uint16(len(a.found) - 1)
}

// link turns the tree into an automaton, breadth first: where a state has no
// way on, it goes where its longest proper suffix would go.
func (a *automaton) link() {
	suffix := make([]uint16, len(a.found))
	var queue []uint16
	for c := range a.classes {
		if s := a.next[c]; s != 0 {
			queue = append(queue, s)
		}
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		a.found[s] = append(a.found[s], a.found[suffix[s]]...)
		for c := range a.classes {
			at := int(s)*a.classes + c
			other := a.next[int(suffix[s])*a.classes+c]
			if n := a.next[at]; n != 0 {
				suffix[n] = other
				queue = append(queue, n)
			} else {
				a.next[at] = other
			}
		}
	}
}

// find appends the indices of the literals that text contains to hits, each
// once per occurrence, in the order of their ends.
func (a *automaton) find(text string, hits []int) []int {
	state := 0
	for i := range len(text) {
		state = int(a.next[state*a.classes+int(a.class[text[i]])])
		if f := a.found[state]; f != nil {
			hits = append(hits, f...)
		}
	}
	return hits
}
