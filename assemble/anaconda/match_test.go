package anaconda

import (
	"slices"
	"strings"
	"testing"
)

// The automaton against strings.Contains.
func FuzzAutomaton(f *testing.F) {
	f.Add("he,she,his,hers", "ushers")
	f.Add("a,aa,aaa", "aaaa")
	f.Add("Kernel panic,panic - not", "Kernel panic - not syncing")
	f.Fuzz(func(t *testing.T, list, text string) {
		literals := strings.Split(list, ",")
		if len(list) > 2000 {
			return
		}
		hits := newAutomaton(literals).find(text, nil)
		for i, l := range literals {
			if want := l != "" && strings.Contains(text, l); slices.Contains(hits, i) != want {
				t.Errorf("literal %q in %q: found %v", l, text, !want)
			}
		}
	})
}
