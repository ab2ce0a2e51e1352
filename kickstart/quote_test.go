package kickstart

import "testing"

func TestQuote(t *testing.T) {
	for value, want := range map[string]string{
		"":                      `""`,
		"plain":                 "plain",
		"$6$a/b.c":              "$6$a/b.c",
		"two words":             `"two words"`,
		"a#b":                   `"a#b"`,
		`quote " and \ slash`:   `"quote \" and \\ slash"`,
		"it's":                  `"it's"`,
		"--append=quiet splash": `--append="quiet splash"`,
		"--gecos=":              "--gecos=",
		"Grüße":                 `"Grüße"`,
	} {
		got, err := Quote(value)
		if err != nil || got != want {
			t.Errorf("Quote(%q) = %s, %v; want %s", value, got, err, want)
		}
	}
	for _, value := range []string{"a\nb", "a\rb", "a\x00", "\x1b[31m", "a\u2028b", "a\u0085b", "\xff"} {
		if got, err := Quote(value); err == nil {
			t.Errorf("Quote(%q) = %s, want an error", value, got)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "a b", `\"'`, "--x=y z", "#", "%end", "é\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text, err := Quote(value)
		if err != nil {
			return
		}
		file, err := Parse("fuzz", []byte("x "+text+" y\n"))
		if err != nil {
			t.Fatal(err)
		}
		if len(file.Nodes) != 1 {
			t.Fatalf("%q: %d nodes", text, len(file.Nodes))
		}
		words := file.Commands()[0].Words
		if len(words) != 3 || words[1].Value != value || words[2].Value != "y" {
			t.Errorf("%q was written %s and read %q", value, text, wordValues(words))
		}
	})
}
