package zstdfast

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashLog  = 14
	found    = 4  // the shortest match that is looked for
	minMatch = 3  // the shortest of the format, from which lengths count
	copyStep = 16 // of literals
)

// A sequence is so many literals, then a copy of what stands so far back.
type sequence struct {
	literals, match uint16 // match: less minMatch
	offset          uint32 // RFC 8878, section 3.1.1.5: repeated, or the distance and 3
}

// repeated is the distance of the sequence before, or of that before it where
// no literals come first.
const repeated = 1

func load32(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[i:]) }
func load64(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[i:]) }

// hash is of the lowest 6 bytes; the factor is a prime number of 48 bits.
func hash(v uint64) uint { return uint(v << 16 * 227718039650203 >> (64 - hashLog)) }

// match divides src into e.sequences and e.literals. As in the reference
// implementation's fastest strategy, a table remembers one position for each
// hash. Positions of 16 bits let it stay in a core's first cache.
func (e *Encoder) match(src []byte) {
	e.n, e.lits = 0, 0
	clear(e.table[:])
	distance, before := 1, 4 // RFC 8878, section 3.1.1.5
	done, last := 0, len(src)-8
	for s := 1; ; {
		var at int
		if s, at = e.find(src, s, done, distance); s >= last {
			break
		}
		back := common(src, s, at, min(s-done, at))
		s, at = s-back, at-back
		n := found + back + same(src, s+back+found, at+back+found)
		offset := uint32(repeated)
		if s-at != distance {
			distance, before = s-at, distance
			offset = uint32(distance) + 3
		}
		e.add(src, done, s, n, offset)
		s += n
		if done = s; s >= last {
			break
		}
		e.table[hash(load64(src, s-2))] = uint16(s - 2)
		if load32(src, s) == load32(src, s-before) {
			n = found + same(src, s+found, s+found-before)
			e.table[hash(load64(src, s))] = uint16(s)
			e.add(src, s, s, n, repeated)
			distance, before = before, distance
			s += n
			done = s
		}
	}
	e.lits += copy(e.literals[e.lits:], src[done:])
}

// find goes from s to the next match, which it returns with what it matches.
// It goes faster the longer it finds nothing.
func (e *Encoder) find(src []byte, s, done, distance int) (at, of int) {
	for ; s < len(src)-8; s += 2 + (s-done)>>6 {
		v := load64(src, s)
		h0, h1 := hash(v), hash(v>>8)
		of0, of1 := int(e.table[h0]), int(e.table[h1])
		e.table[h0], e.table[h1] = uint16(s), uint16(s+1)
		if load32(src, s+2-distance) == uint32(v>>16) {
			return s + 2, s + 2 - distance
		}
		if load32(src, of0) == uint32(v) {
			return s, of0
		}
		if load32(src, of1) == uint32(v>>8) {
			return s + 1, of1
		}
	}
	return s, 0
}

// same is how many bytes from a on are those from b on, which is before a.
func same(src []byte, a, b int) int {
	n := 0
	for ; a+n+8 <= len(src); n += 8 {
		if x := load64(src, a+n) ^ load64(src, b+n); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
	}
	for a+n < len(src) && src[a+n] == src[b+n] {
		n++
	}
	return n
}

// common is how many bytes before a, limit at most, are those before b.
func common(src []byte, a, b, limit int) int {
	if b >= 8 {
		if x := load64(src, a-8) ^ load64(src, b-8); x != 0 {
			return min(bits.LeadingZeros64(x)>>3, limit)
		}
	}
	n := 0
	for n < limit && src[a-n-1] == src[b-n-1] {
		n++
	}
	return n
}

// add adds a sequence: the literals src[from:to], then n bytes.
func (e *Encoder) add(src []byte, from, to, n int, offset uint32) {
	count := to - from
	e.sequences[e.n] = sequence{uint16(count), uint16(n - minMatch), offset}
	e.n++
	if count <= copyStep && from+copyStep <= len(src) {
		*(*[copyStep]byte)(e.literals[e.lits:]) = [copyStep]byte(src[from:])
	} else {
		copy(e.literals[e.lits:], src[from:to])
	}
	e.lits += count
}
