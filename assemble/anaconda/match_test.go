package anaconda

import (
	"slices"
	"strings"
	"testing"
)

// has is what the matcher has to find, by the plain way.
func (l literal) has(text string) bool {
	switch {
	case l.whole:
		return text == l.text
	case l.begins:
		return strings.HasPrefix(text, l.text)
	}
	return strings.Contains(text, l.text)
}

// The matcher against package strings. In the list "^" stands for a text's
// beginning, "=" for all of it.
func FuzzMatcher(f *testing.F) {
	f.Add("hers,ushe,shers", "ushers")
	f.Add("aaaaaaaa,aaaaaaaaa", "aaaaaaaaaa")
	f.Add("^grub,=Error,rescue>", "grub rescue>")
	f.Add("=Error,^Err", "Error")
	f.Add("Kernel panic,panic - not", "Kernel panic - not syncing")
	f.Fuzz(func(t *testing.T, list, text string) {
		if len(list) > 2000 {
			return
		}
		var all []literal
		for _, part := range strings.Split(list, ",") {
			l := literal{text: strings.TrimLeft(part, "^="), begins: strings.HasPrefix(part, "^"), whole: strings.HasPrefix(part, "=")}
			l.begins = l.begins || l.whole
			if l.text != "" {
				all = append(all, l)
			}
		}
		hits := newMatcher(all, text).find(text, nil)
		for i, l := range all {
			if slices.Contains(hits, i) != l.has(text) {
				t.Errorf("literal %+v in %q: found %v", l, text, !l.has(text))
			}
		}
	})
}
