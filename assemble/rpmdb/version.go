package rpmdb

import (
	"cmp"
	"strings"
)

// compareVersions is RPM's order of versions ("RPM version comparison",
// rpm.org, as its lib/rpmvercmp.c has it): runs of digits are numbers, runs of
// letters are texts and older than numbers, and what is neither only separates,
// but for two: ~ is older than the end of the other, ^ is newer than it and
// older than all else.
func compareVersions(a, b string) int {
	separates := func(r rune) bool { return !digit(r) && !letter(r) && r != '~' && r != '^' }
	for {
		a, b = strings.TrimLeftFunc(a, separates), strings.TrimLeftFunc(b, separates)
		ra, rb := rank(a), rank(b)
		switch {
		case ra != rb:
			return cmp.Compare(ra, rb)
		case ra == rankEnd:
			return 0
		case ra == rankTilde || ra == rankCaret:
			a, b = a[1:], b[1:]
			continue
		}
		kind := letter
		if ra == rankNumber {
			kind = digit
		}
		var runA, runB string
		runA, a = run(a, kind)
		runB, b = run(b, kind)
		if ra == rankNumber {
			runA, runB = strings.TrimLeft(runA, "0"), strings.TrimLeft(runB, "0")
			if c := cmp.Compare(len(runA), len(runB)); c != 0 {
				return c
			}
		}
		if c := strings.Compare(runA, runB); c != 0 {
			return c
		}
	}
}

// What a version goes on with, from old to new.
const (
	rankTilde = iota
	rankEnd
	rankCaret
	rankText
	rankNumber
)

func rank(s string) int {
	switch {
	case s == "":
		return rankEnd
	case s[0] == '~':
		return rankTilde
	case s[0] == '^':
		return rankCaret
	case digit(rune(s[0])):
		return rankNumber
	}
	return rankText
}

// run is the beginning of s that is of a kind, and the rest.
func run(s string, kind func(rune) bool) (of, rest string) {
	rest = strings.TrimLeftFunc(s, kind)
	return s[:len(s)-len(rest)], rest
}

func digit(r rune) bool  { return r >= '0' && r <= '9' }
func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
