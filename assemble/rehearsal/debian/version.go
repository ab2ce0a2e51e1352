package debian

import (
	"cmp"
	"strings"
)

// compareVersions orders package versions, [EPOCH:]UPSTREAM[-REVISION], as dpkg
// does (Debian policy 5.6.12): less than 0 if a is the older one.
func compareVersions(a, b string) int {
	epochA, a := cutEpoch(a)
	epochB, b := cutEpoch(b)
	upstreamA, revisionA := cutRevision(a)
	upstreamB, revisionB := cutRevision(b)
	return cmp.Or(comparePart(epochA, epochB), comparePart(upstreamA, upstreamB), comparePart(revisionA, revisionB))
}

func cutEpoch(v string) (epoch, rest string) {
	if epoch, rest, found := strings.Cut(v, ":"); found {
		return epoch, rest
	}
	return "0", v
}

func cutRevision(v string) (upstream, revision string) {
	if i := strings.LastIndexByte(v, '-'); i >= 0 {
		return v[:i], v[i+1:]
	}
	return v, ""
}

// comparePart compares by turns what is no digit, by weight, and a number.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		for i := 0; ; i++ {
			wa, wb := weight(a, i), weight(b, i)
			if wa != wb {
				return cmp.Compare(wa, wb)
			}
			if wa == 0 {
				a, b = a[i:], b[i:]
				break
			}
		}
		numberA, numberB := "", ""
		numberA, a = cutNumber(a)
		numberB, b = cutNumber(b)
		if c := cmp.Or(cmp.Compare(len(numberA), len(numberB)), cmp.Compare(numberA, numberB)); c != 0 {
			return c
		}
	}
	return 0
}

// weight of the byte at i: ~ before the end and digits, letters after them,
// everything else last. 0 is the end or a digit.
func weight(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch c := s[i]; {
	case c == '~':
		return -1
	case '0' <= c && c <= '9':
		return 0
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
		return int(c)
	default:
		return int(c) + 256
	}
}

// cutNumber takes the number at the beginning of s, without leading zeros.
func cutNumber(s string) (number, rest string) {
	end := 0
	for end < len(s) && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	return strings.TrimLeft(s[:end], "0"), s[end:]
}
