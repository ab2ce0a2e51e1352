package anaconda

import (
	"slices"
	"strings"
	"testing"
)

func TestLiterals(t *testing.T) {
	for pattern, want := range map[string]string{
		`An error occurred`:                       `An error occurred`,
		`a (?:long|short) text`:                   `a long text|a short text`,
		`boot ?loader`:                            `boot loader|bootloader`,
		`[Ff]ailed to \w+`:                        `Failed to |failed to `,
		`(\d+) of (\d+) is the longest part (.*)`: ` is the longest part `,
		`^grub(?: rescue)?>\s*$`:                  `^grub rescue>|^grub>`,
		`^(?:Error|Hardware error)$`:              `=Error|=Hardware error`,
		`^(?:BUG: |INFO: \w+ detected)`:           `^BUG: |^INFO: `,
		`x^y|(?:^|\] )panic|other`:                `other|panic|xy`,
		`abc|.*`:                                  ``, // nothing is in all of them
		`(?:x|long text)*`:                        ``,
		`(?:ab|cd){2}`:                            `ab|cd`,
		`(?i)ab`:                                  `AB|Ab|aB|ab`,
		`word|long word`:                          `word`,
		`^\d+`:                                    ``,
	} {
		var got []string
		for _, l := range literals(pattern) {
			switch {
			case l.whole:
				got = append(got, "="+l.text)
			case l.begins:
				got = append(got, "^"+l.text)
			default:
				got = append(got, l.text)
			}
		}
		slices.Sort(got)
		if text := strings.Join(got, "|"); text != want {
			t.Errorf("%s: %q, want %q", pattern, text, want)
		}
	}
}

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
		hits := newMatcher(all, frequencies(text)).find(text, nil)
		for i, l := range all {
			if slices.Contains(hits, i) != l.has(text) {
				t.Errorf("literal %+v in %q: found %v", l, text, !l.has(text))
			}
		}
	})
}
