package zstdfast

import "math/bits"

const (
	maxTableLog = 9
	minTableLog = 5
	maxSymbols  = 1 << 6 // there are 53
)

// table encodes the codes of one kind by FSE: RFC 8878, section 4.1.
type table struct {
	log    uint8
	symbol [maxSymbols]transform
	states [1 << maxTableLog]uint16
}

// transform leads from a state to the next, that of a symbol.
type transform struct {
	bits  uint32 // a state plus this, over 1<<16, is the number of bits to write
	state int32  // the rest of the state plus this is a place in table.states
}

// normalize scales counts, whose sum is total, to a sum of 1<<log. What occurs
// keeps 1 at least.
func normalize(counts []uint32, total int, log uint8) []int16 {
	norm := make([]int16, len(counts), maxSymbols)
	left := 1 << log
	scale := uint64(1) << (32 + log) / uint64(total)
	for i, n := range counts {
		if n > 0 {
			norm[i] = int16(max(1, (uint64(n)*scale+1<<31)>>32))
			left -= int(norm[i])
		}
	}
	for ; left < 0; left++ {
		norm[mostOf(norm)]--
	}
	norm[mostOf(norm)] += int16(left)
	return norm
}

func mostOf(norm []int16) int {
	most := 0
	for i, n := range norm {
		if n > norm[most] {
			most = i
		}
	}
	return most
}

// build makes the table of normalized counts, where -1 is less than 1. Its
// states are those of a decoder: section 4.1.1.
func (t *table) build(norm []int16, log uint8) {
	t.log = log
	size := 1 << log
	var first [maxSymbols + 1]uint16
	var spread [1 << maxTableLog]uint8
	high := size - 1
	for s, n := range norm {
		if n < 0 {
			spread[high] = uint8(s)
			high--
			n = 1
		}
		first[s+1] = first[s] + uint16(n)
	}
	at := 0
	for s, n := range norm {
		for range n {
			spread[at] = uint8(s)
			for next := true; next; next = at > high {
				at = (at + size>>1 + size>>3 + 3) & (size - 1)
			}
		}
	}
	next := first
	for i, s := range spread[:size] {
		t.states[next[s]] = uint16(size + i)
		next[s]++
	}
	for s, n := range norm {
		n := uint32(max(n, -n))
		if n == 0 {
			continue
		}
		most := uint32(log) + 1 - uint32(max(1, bits.Len32(n-1))) // bits
		t.symbol[s] = transform{bits: most<<16 - n<<most, state: int32(first[s]) - int32(n)}
	}
}

// single makes the table of one symbol, which takes no bits.
func (t *table) single(s uint8) {
	t.log, t.symbol[s], t.states[0] = 0, transform{}, 0
}

// start is the state of a symbol that no other follows.
func (t *table) start(s uint8) uint32 {
	x := t.symbol[s]
	n := (x.bits + 1<<15) >> 16
	return uint32(t.states[int32((n<<16-x.bits)>>n)+x.state])
}

// appendCounts appends normalized counts: section 4.1.1.
func appendCounts(dst []byte, norm []int16, log uint8) []byte {
	var w bitWriter
	w.add(uint64(log-minTableLog), 4)
	left := 1<<log + 1 // what the counts to come may be, and 1 more
	for s := 0; left > 1; s++ {
		n := int(norm[s])
		width := uint(bits.Len(uint(left)))
		short := 1<<width - 1 - left // values below it take a bit less
		switch v := n + 1; {
		case v < short:
			w.add(uint64(v), width-1)
		case v >= 1<<(width-1):
			w.add(uint64(v+short), width)
		default:
			w.add(uint64(v), width)
		}
		left -= n
		dst = w.flush(dst)
		if n > 0 {
			continue
		}
		more := 0 // zeros
		for ; norm[s+1] == 0; s++ {
			more++
		}
		for ; more >= 3; more -= 3 {
			w.add(3, 2)
		}
		w.add(uint64(more), 2)
		dst = w.flush(dst)
	}
	return w.close(dst)
}
