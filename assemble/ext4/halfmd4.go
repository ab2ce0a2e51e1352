package ext4

import (
	"math/bits"

	"github.com/imgasm/imgasm/internal/derive"
)

// hashHalfMD4 is s_def_hash_version's number of halfMD4 ("Hash Tree
// Directories"); the superblock's flags say that characters have a sign.
const hashHalfMD4 = 1

// hashSeed derives the seed of a file system's hashes.
func hashSeed(uuid string) (seed [4]uint32) {
	b, err := parseUUID(derive.UUID(uuid, "ext4 hash seed"))
	if err != nil {
		panic(err) // derive makes UUIDs
	}
	for i := range seed {
		seed[i] = le.Uint32(b[4*i:])
	}
	return seed
}

// halfMD4 is the hash of a name: MD4's rounds (RFC 1320) with half of their
// steps, of 32 bytes at a time, which are filled up with the length.
func halfMD4(name []byte, state [4]uint32) uint32 {
	for rest := name; len(rest) > 0; rest = rest[min(32, len(rest)):] {
		var in [8]uint32
		pad := uint32(len(rest)) * 0x0101
		pad |= pad << 16
		for i := range in {
			in[i] = pad
			for _, c := range rest[min(4*i, len(rest)):min(4*i+4, len(rest))] {
				in[i] = uint32(int8(c)) + in[i]<<8
			}
		}
		mix(&state, &in)
	}
	hash := state[1] &^ 1
	if hash == 0xfffffffe { // what stands for the end
		hash = 0xfffffffc
	}
	return hash
}

// order is which words each round takes, and shift how far its four steps rotate.
var (
	order = [3][8]int{{0, 1, 2, 3, 4, 5, 6, 7}, {1, 3, 5, 7, 0, 2, 4, 6}, {3, 7, 2, 6, 1, 5, 0, 4}}
	shift = [3][4]int{{3, 7, 11, 19}, {3, 5, 9, 13}, {3, 9, 11, 15}}
)

func mix(state *[4]uint32, in *[8]uint32) {
	a, b, c, d := state[0], state[1], state[2], state[3]
	for round, constant := range []uint32{0, 0x5a827999, 0x6ed9eba1} {
		for i, word := range order[round] {
			var f uint32
			switch round {
			case 0:
				f = b&c | ^b&d
			case 1:
				f = b&c | b&d | c&d
			default:
				f = b ^ c ^ d
			}
			a = bits.RotateLeft32(a+f+in[word]+constant, shift[round][i%4])
			a, b, c, d = d, a, b, c
		}
	}
	state[0] += a
	state[1] += b
	state[2] += c
	state[3] += d
}
