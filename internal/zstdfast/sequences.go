package zstdfast

import (
	"encoding/binary"
	"math/bits"
)

// A kind of codes is of literal lengths, of offsets or of match lengths.
type kind struct {
	maxLog     uint8 // of a block's own table
	predefined table
}

// RFC 8878, sections 3.1.1.3.2.1 and 3.1.1.3.2.2. An offset's code is the number
// of its extra bits.
var (
	kinds = [...]*kind{
		newKind(9, 6, []int16{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}),
		newKind(8, 5, []int16{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}),
		newKind(9, 6, []int16{1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1}),
	}

	literalBits = [maxSymbols]uint8{16: 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	matchBits   = [maxSymbols]uint8{32: 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

	literalCodes = codesOf(literalBits, 64)
	matchCodes   = codesOf(matchBits, 128)
)

func newKind(maxLog, log uint8, norm []int16) *kind {
	k := &kind{maxLog: maxLog}
	k.predefined.build(norm, log)
	return k
}

// codesOf are the codes of the lengths below n.
func codesOf(extra [maxSymbols]uint8, n int) []uint8 {
	codes := make([]uint8, 0, n)
	for code := uint8(0); len(codes) < n; code++ {
		for range 1 << extra[code] {
			codes = append(codes, code)
		}
	}
	return codes
}

type codes struct{ literals, offset, match uint8 }

// codesFor is right for lengths below MaxSize: above those of the tables, there
// is a code for each power of two.
func codesFor(s sequence) codes {
	c := codes{offset: uint8(bits.Len32(s.offset) - 1)}
	if s.literals < 64 {
		c.literals = literalCodes[s.literals]
	} else {
		c.literals = uint8(bits.Len16(s.literals) + 18)
	}
	if s.match < 128 {
		c.match = matchCodes[s.match]
	} else {
		c.match = uint8(bits.Len16(s.match) + 35)
	}
	return c
}

// appendSequences appends the sequences section, RFC 8878, section 3.1.1.3.2,
// if it is shorter than limit.
func (e *Encoder) appendSequences(dst []byte, limit int) ([]byte, bool) {
	n := e.n
	if n < 128 {
		dst = append(dst, uint8(n))
	} else {
		dst = append(dst, 128+uint8(n>>8), uint8(n))
	}
	if n == 0 {
		return dst, true
	}
	var counts [len(kinds)][maxSymbols]uint32
	for i, s := range e.sequences[:n] {
		c := codesFor(s)
		e.codes[i] = c
		counts[0][c.literals&(maxSymbols-1)]++
		counts[1][c.offset&(maxSymbols-1)]++
		counts[2][c.match&(maxSymbols-1)]++
	}
	modes := len(dst)
	dst = append(dst, 0)
	var tables [len(kinds)]*table
	for i, k := range kinds {
		var mode uint8
		tables[i], mode, dst = k.choose(&e.tables[i], &counts[i], n, dst)
		dst[modes] |= mode << (6 - 2*i)
	}
	return e.appendStream(dst, limit, tables)
}

// The modes of RFC 8878, section 3.1.1.3.2.1.
const (
	modePredefined = iota
	modeRLE
	modeCompressed
)

// choose takes the table for n codes, and appends what a decoder does not know
// of it. It may build one in own.
func (k *kind) choose(own *table, counts *[maxSymbols]uint32, n int, dst []byte) (*table, uint8, []byte) {
	different, last := 0, 0
	for s, n := range counts {
		if n > 0 {
			different, last = different+1, s
		}
	}
	if different == 1 {
		own.single(uint8(last))
		return own, modeRLE, append(dst, uint8(last))
	}
	if n < 48 { // a table of its own takes more than it saves
		return &k.predefined, modePredefined, dst
	}
	useful, needed := bits.Len(uint(n-1))-3, bits.Len(uint(last))+1
	log := min(k.maxLog, uint8(max(useful, min(needed, bits.Len(uint(n))), minTableLog)))
	norm := normalize(counts[:last+1], n, log)
	own.build(norm, log)
	return own, modeCompressed, appendCounts(dst, norm, log)
}

// appendStream appends the bits of all sequences, the last first: RFC 8878,
// section 3.1.1.3.2.1.2.
func (e *Encoder) appendStream(dst []byte, limit int, tables [len(kinds)]*table) ([]byte, bool) {
	i := e.n - 1
	s, c := e.sequences[i], e.codes[i]
	l, o, m := tables[0], tables[1], tables[2]
	lState, oState, mState := l.start(c.literals), o.start(c.offset), m.start(c.match)
	w, out, at := bitWriter{}, e.stream[:], 0
	for {
		lBits, mBits, oBits := uint(literalBits[c.literals&(maxSymbols-1)]), uint(matchBits[c.match&(maxSymbols-1)]), uint(c.offset)
		if w.n+lBits+mBits+oBits > 63 {
			at += w.store(out[at:])
		}
		w.add(uint64(s.literals), lBits)
		w.add(uint64(s.match), mBits)
		w.add(uint64(s.offset), oBits)
		at += w.store(out[at:])
		if i--; i < 0 {
			break
		}
		if at >= limit {
			return dst, false
		}
		s, c = e.sequences[i], e.codes[i]
		oState = w.step(o, oState, c.offset)
		mState = w.step(m, mState, c.match)
		lState = w.step(l, lState, c.literals)
	}
	w.add(uint64(mState), uint(m.log))
	w.add(uint64(oState), uint(o.log))
	w.add(uint64(lState), uint(l.log))
	w.add(1, 1)
	at += w.store(out[at:])
	return w.close(append(dst, out[:at]...)), true
}

// storeStep is how many bytes bitWriter.store writes.
const storeStep = 8

// bitWriter gathers bits, the first the lowest.
type bitWriter struct {
	bits uint64
	n    uint
}

// add adds the lowest n bits of v: 64 are there at most.
func (w *bitWriter) add(v uint64, n uint) {
	w.bits |= v & (1<<(n&63) - 1) << (w.n & 63)
	w.n += n
}

// step goes on to the state of a symbol.
func (w *bitWriter) step(t *table, state uint32, symbol uint8) uint32 {
	x := t.symbol[symbol&(maxSymbols-1)]
	n := (state + x.bits) >> 16
	w.add(uint64(state), uint(n))
	return uint32(t.states[uint32(int32(state>>(n&31))+x.state)%(1<<maxTableLog)])
}

// store writes the whole bytes to dst, which has room for 8, and returns how many.
func (w *bitWriter) store(dst []byte) int {
	binary.LittleEndian.PutUint64(dst, w.bits)
	n := w.n >> 3
	w.bits >>= n * 8 & 63
	w.n &= 7
	return int(n)
}

// flush appends the whole bytes.
func (w *bitWriter) flush(dst []byte) []byte {
	for ; w.n >= 8; w.n -= 8 {
		dst = append(dst, byte(w.bits))
		w.bits >>= 8
	}
	return dst
}

// close appends all, with zeros behind up to a whole byte.
func (w *bitWriter) close(dst []byte) []byte {
	w.n += 7
	return w.flush(dst)
}
