package anaconda

import (
	"slices"
	"strings"
	"testing"
)

// has is what the matcher has to find, by the plain way.
func has(text, literal string) bool {
	begin, anchored := strings.CutPrefix(literal, "^")
	if !anchored {
		return literal != "" && strings.Contains(text, literal)
	}
	all, whole := strings.CutSuffix(begin, "$")
	if whole {
		return all != "" && text == all
	}
	return all != "" && strings.HasPrefix(text, all)
}

// The matcher against package strings.
func FuzzMatcher(f *testing.F) {
	f.Add("hers,ushe,shers", "ushers")
	f.Add("aaaaaa,aaaaaaa", "aaaaaaaa")
	f.Add("^grub,^Error$,rescue>", "grub rescue>")
	f.Add("^Error$,^Err", "Error")
	f.Add("Kernel panic,panic - not", "Kernel panic - not syncing")
	f.Fuzz(func(t *testing.T, list, text string) {
		literals := strings.Split(list, ",")
		if len(list) > 2000 {
			return
		}
		hits := newMatcher(literals, text).find(text, nil)
		for i, l := range literals {
			if want := has(text, l); slices.Contains(hits, i) != want {
				t.Errorf("literal %q in %q: found %v", l, text, !want)
			}
		}
	})
}
