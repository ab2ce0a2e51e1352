package anaconda

import (
	"slices"
	"strings"
	"testing"
)

// The matcher against strings.Contains.
func FuzzMatcher(f *testing.F) {
	f.Add("hers,ushe,shers", "ushers")
	f.Add("aaaa,aaaaa", "aaaaaa")
	f.Add("Kernel panic,panic - not", "Kernel panic - not syncing")
	f.Fuzz(func(t *testing.T, list, text string) {
		literals := strings.Split(list, ",")
		if len(list) > 2000 {
			return
		}
		hits := newMatcher(literals).find(text, nil)
		for i, l := range literals {
			if want := len(l) >= window && strings.Contains(text, l); slices.Contains(hits, i) != want {
				t.Errorf("literal %q in %q: found %v", l, text, !want)
			}
		}
	})
}
