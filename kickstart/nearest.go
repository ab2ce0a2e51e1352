// Guessing what a misspelt name was meant to be.

package kickstart

import "strings"

// didYouMean is a hint with the name that s was most likely meant to be, or "".
func didYouMean(s string, names []string) string {
	if near := Nearest(strings.ToLower(s), names); near != "" {
		return "did you mean " + near + "?"
	}
	return ""
}

// Nearest is the name that s was most likely meant to be, "" if none is near.
func Nearest(s string, names []string) string {
	if len(s) > maxNear {
		return ""
	}
	best, bestDistance := "", 3
	if len(s) < 6 {
		bestDistance = 2
	}
	for _, n := range names {
		if d := len(s) - len(n); d >= bestDistance || -d >= bestDistance {
			continue
		}
		if n == s {
			return n
		}
		if d := editDistance(s, strings.ToLower(n)); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	return best
}

const maxNear = 40 // bytes: longer words are not looked up

// editDistance counts the insertions, deletions, changes and swaps of
// neighbours that make b of a. Both are a little over maxNear bytes at most.
func editDistance(a, b string) int {
	var rows [3][maxNear + 4]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := 0; j <= len(b); j++ {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
