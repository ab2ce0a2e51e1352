// Deflate (RFC 1951), decompressed from one buffer into another: as a cluster
// is whole on both sides, there is neither a window nor a state to keep between
// calls, which makes this faster than a decompressor of streams.

package qcow2

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var errDeflate = errors.New("damaged deflate data")

const (
	literalBits  = 11 // of the first table's index; longer codes go on in a second one
	distanceBits = 8
	maxCode      = 15 // bits of the longest code

	// A first table, and all second ones that a complete code can need.
	literalTable  = 1<<literalBits + 2048
	distanceTable = 1<<distanceBits + 1024
)

// A table's entry: what a code stands for. The lowest byte is how many bits the
// code has, the next one these flags with the number of extra bits (RFC 1951,
// section 3.2.5) or of the second table's index bits, the rest a literal, the
// base of a length or distance, or where the second table begins. 0: no code.
const (
	isLiteral = 0x8000
	isEnd     = 0x4000
	isTable   = 0x2000
	isInvalid = 0x1000
	extraMask = 0x0f
)

// inflater holds the tables of one call, to be used again by the next.
type inflater struct {
	literals  [literalTable]uint32
	distances [distanceTable]uint32
	lengths   [288 + 32]byte // of codes
}

// literalSymbols and distanceSymbols are the entries of symbols, without the
// bits of their codes; fixedLengths are the codes of section 3.2.6.
var literalSymbols, distanceSymbols, fixedLengths = func() (lit, dist []uint32, fixed []byte) {
	lit, dist = make([]uint32, 288), make([]uint32, 32)
	for i := range 256 {
		lit[i] = uint32(i)<<16 | isLiteral
	}
	lit[256] = isEnd
	base := 3
	for i := range 28 {
		extra := max(0, i/4-1)
		lit[257+i] = uint32(base)<<16 | uint32(extra)<<8
		base += 1 << extra
	}
	lit[285], lit[286], lit[287] = 258<<16, isInvalid, isInvalid
	base = 1
	for i := range 30 {
		extra := max(0, i/2-1)
		dist[i] = uint32(base)<<16 | uint32(extra)<<8
		base += 1 << extra
	}
	dist[30], dist[31] = isInvalid, isInvalid
	fixed = make([]byte, 288+32)
	for i := range fixed {
		switch {
		case i >= 288:
			fixed[i] = 5
		case i >= 280 || i < 144:
			fixed[i] = 8
		case i >= 256:
			fixed[i] = 7
		default:
			fixed[i] = 9
		}
	}
	return lit, dist, fixed
}()

// build makes the table of a code, of which it knows the symbols' lengths, with
// 1<<first entries in the first part. A code that is not complete is refused,
// but for one of a single bit, and the empty one.
func build(table []uint32, first uint, lengths []byte, symbols []uint32) bool {
	var count, next [maxCode + 1]int
	for _, n := range lengths {
		count[n]++
	}
	count[0] = 0
	code, longest := 0, 0
	for n := 1; n <= maxCode; n++ {
		code <<= 1
		next[n] = code
		code += count[n]
		if count[n] > 0 {
			longest = n
		}
		if code > 1<<n {
			return false
		}
	}
	if code != 1<<maxCode && longest > 0 && !(longest == 1 && count[1] == 1) {
		return false
	}
	clear(table[:1<<first])
	var long [maxCode + 1][]uint16 // symbols whose codes are longer than the index
	var store [288]uint16
	left := store[:]
	for n := int(first) + 1; n <= longest; n++ {
		long[n], left = left[:0:count[n]], left[count[n]:]
	}
	var codes [288]uint16
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		reversed := bits.Reverse16(uint16(next[n])) >> (16 - n)
		next[n]++
		if uint(n) > first {
			codes[symbol] = reversed
			long[n] = append(long[n], uint16(symbol))
			continue
		}
		entry := symbols[symbol] | uint32(n)
		for i := uint(reversed); i < 1<<first; i += 1 << n {
			table[i] = entry
		}
	}
	// The longest first: they say how large their second table is.
	end := 1 << first
	for n := longest; n > int(first); n-- {
		for _, symbol := range long[n] {
			top := &table[codes[symbol]&(1<<first-1)]
			if *top == 0 {
				*top = uint32(end)<<16 | isTable | uint32(n-int(first))<<8 | uint32(first)
				size := 1 << (n - int(first))
				if end+size > len(table) {
					return false
				}
				clear(table[end : end+size])
				end += size
			}
			second := table[*top>>16:][:1<<(*top>>8&extraMask)]
			entry := symbols[symbol] | uint32(n-int(first))
			for i := int(codes[symbol] >> first); i < len(second); i += 1 << (n - int(first)) {
				second[i] = entry
			}
		}
	}
	return true
}

// reader is where inflate is in its source.
type bitReader struct {
	src  []byte
	pos  int
	hold uint64 // the next bits, from the lowest on
	n    int    // how many of them are counted as taken from src; below 0: src has ended
}

// fill makes sure that hold has 56 bits, as far as src has them.
func (r *bitReader) fill() {
	if r.pos+8 <= len(r.src) {
		r.hold |= binary.LittleEndian.Uint64(r.src[r.pos:]) << (r.n & 63)
		r.pos += (63 - r.n) >> 3
		r.n |= 56
		return
	}
	for r.n <= 56 && r.pos < len(r.src) {
		r.hold |= uint64(r.src[r.pos]) << (r.n & 63)
		r.pos++
		r.n += 8
	}
}

// take returns the next count bits, at most 32.
func (r *bitReader) take(count int) int {
	if r.n < count {
		r.fill()
	}
	v := r.hold & (1<<count - 1)
	r.hold >>= count
	r.n -= count
	return int(v)
}

// inflate decompresses src until dst is full or the data ends, and returns how
// much of dst is filled.
func (d *inflater) inflate(dst, src []byte) (int, error) {
	r := bitReader{src: src}
	at := 0
	for final := 0; final == 0; {
		final = r.take(1)
		var ok bool
		switch r.take(2) {
		case 0:
			at, ok = r.stored(dst, at)
		case 1:
			ok = build(d.literals[:], literalBits, fixedLengths[:288], literalSymbols) &&
				build(d.distances[:], distanceBits, fixedLengths[288:], distanceSymbols)
			if ok {
				at, ok = d.block(&r, dst, at)
			}
		case 2:
			if ok = d.readLengths(&r); ok {
				at, ok = d.block(&r, dst, at)
			}
		}
		if !ok || r.n < 0 {
			return at, errDeflate
		}
		if at == len(dst) {
			return at, nil
		}
	}
	return at, nil
}

// stored copies a block that is not compressed. (Section 3.2.4.)
func (r *bitReader) stored(dst []byte, at int) (int, bool) {
	if r.n < 0 {
		return at, false
	}
	r.pos -= r.n / 8 // whole bytes that were only looked at
	r.hold, r.n = 0, 0
	if len(r.src)-r.pos < 4 {
		return at, false
	}
	size := binary.LittleEndian.Uint16(r.src[r.pos:])
	if size != ^binary.LittleEndian.Uint16(r.src[r.pos+2:]) {
		return at, false
	}
	r.pos += 4
	data := r.src[r.pos:]
	n := copy(dst[at:], data[:min(int(size), len(data))])
	r.pos += n
	return at + n, n == int(size) || at+n == len(dst)
}

// lengthOrder is that of section 3.2.7.
var lengthOrder = [19]byte{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// lengthSymbols are 0 to 18, as entries.
var lengthSymbols = func() (s [19]uint32) {
	for i := range s {
		s[i] = uint32(i)<<16 | isLiteral
	}
	return s
}()

// readLengths reads the codes of a block and makes their tables. (Section 3.2.7.)
func (d *inflater) readLengths(r *bitReader) bool {
	literals, distances, codes := r.take(5)+257, r.take(5)+1, r.take(4)+4
	if literals > 286 || distances > 30 {
		return false
	}
	var lengths [19]byte
	for _, i := range lengthOrder[:codes] {
		lengths[i] = byte(r.take(3))
	}
	const first = 7 // bits of the longest of these codes
	if !build(d.literals[:], first, lengths[:], lengthSymbols[:]) {
		return false
	}
	all := d.lengths[:literals+distances]
	for i := 0; i < len(all); {
		r.fill()
		e := d.literals[r.hold&(1<<first-1)]
		if e == 0 {
			return false
		}
		r.take(int(e & 0xff))
		symbol := e >> 16
		if symbol < 16 {
			all[i] = byte(symbol)
			i++
			continue
		}
		var again byte
		var n int
		switch symbol {
		case 16:
			if i == 0 {
				return false
			}
			again, n = all[i-1], 3+r.take(2)
		case 17:
			n = 3 + r.take(3)
		case 18:
			n = 11 + r.take(7)
		}
		if n > len(all)-i || r.n < 0 {
			return false
		}
		for ; n > 0; n-- {
			all[i] = again
			i++
		}
	}
	return build(d.literals[:], literalBits, all[:literals], literalSymbols) &&
		build(d.distances[:], distanceBits, all[literals:], distanceSymbols)
}

// block decompresses a block of which the tables are made.
func (d *inflater) block(r *bitReader, dst []byte, at int) (int, bool) {
	src, pos, hold, n := r.src, r.pos, r.hold, r.n
	defer func() { r.pos, r.hold, r.n = pos, hold, n }()
	for at < len(dst) {
		// As fill. 56 bits are a length and a distance with their extra bits.
		if pos+8 <= len(src) {
			hold |= binary.LittleEndian.Uint64(src[pos:]) << (n & 63)
			pos += (63 - n) >> 3
			n |= 56
		} else {
			for n <= 56 && pos < len(src) {
				hold |= uint64(src[pos]) << (n & 63)
				pos++
				n += 8
			}
		}
		e := d.literals[hold&(1<<literalBits-1)]
		if e&isLiteral != 0 {
			hold >>= e & 63
			n -= int(e & 63)
			dst[at] = byte(e >> 16)
			at++
			// Literals come in rows; 56 bits are enough for three short codes.
			e = d.literals[hold&(1<<literalBits-1)]
			if e&isLiteral != 0 && at < len(dst) {
				hold >>= e & 63
				n -= int(e & 63)
				dst[at] = byte(e >> 16)
				at++
				e = d.literals[hold&(1<<literalBits-1)]
				if e&isLiteral != 0 && at < len(dst) {
					hold >>= e & 63
					n -= int(e & 63)
					dst[at] = byte(e >> 16)
					at++
				}
			}
			if n < 0 {
				return at, false
			}
			continue
		}
		if e&isTable != 0 {
			hold >>= literalBits
			n -= literalBits
			e = d.literals[(uint64(e>>16)+hold&(1<<(e>>8&extraMask)-1))&4095]
			if e&isLiteral != 0 {
				hold >>= e & 63
				n -= int(e & 63)
				dst[at] = byte(e >> 16)
				at++
				if n < 0 {
					return at, false
				}
				continue
			}
		}
		hold >>= e & 63
		n -= int(e & 63)
		if e&(isEnd|isInvalid) != 0 || e == 0 {
			return at, e&isEnd != 0
		}
		length := int(e>>16) + int(hold&(1<<(e>>8&extraMask)-1))
		hold >>= e >> 8 & extraMask
		n -= int(e >> 8 & extraMask)

		e = d.distances[hold&(1<<distanceBits-1)]
		if e&isTable != 0 {
			hold >>= distanceBits
			n -= distanceBits
			i := int(e>>16) + int(hold&(1<<(e>>8&extraMask)-1))
			e = d.distances[i]
		}
		if e == 0 || e&isInvalid != 0 {
			return at, false
		}
		hold >>= e & 63
		n -= int(e & 63)
		distance := int(e>>16) + int(hold&(1<<(e>>8&extraMask)-1))
		hold >>= e >> 8 & extraMask
		n -= int(e >> 8 & extraMask)
		if distance > at || n < 0 {
			return at, false
		}
		at = repeat(dst, at, distance, length)
	}
	return at, true
}

// repeat copies what stands distance bytes back, as far as dst goes.
func repeat(dst []byte, at, distance, length int) int {
	if distance >= 8 && at+length+8 <= len(dst) {
		end := at + length
		for from := at - distance; at < end; at, from = at+8, from+8 {
			binary.LittleEndian.PutUint64(dst[at:], binary.LittleEndian.Uint64(dst[from:]))
		}
		return end
	}
	end := min(at+length, len(dst))
	for at < end { // each round doubles what can be copied
		n := copy(dst[at:end], dst[at-distance:at])
		at += n
		distance += n
	}
	return at
}
