package ui

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
	"unicode/utf8"

	"github.com/imgasm/imgasm/internal/redact"
)

// Whatever is written, in whatever pieces, nothing in it commands a terminal,
// and what is harmless stays.
func TestCleaner(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext, ü 日 🚀\n":                  "plain\ttext, ü 日 🚀\n",
		"dos\r\nline":                           "dos\r\nline",
		"back\rover":                            `back\u000dover`,
		"\x1b]0;title\x07":                      `\u001b]0;title\u0007`,
		"\x1b]52;c;cm0=\x1b\\":                  `\u001b]52;c;cm0=\u001b\`,
		"8 bit \u009b2J":                        `8 bit \u009b2J`,
		"raw \x9b2J":                            "raw \ufffd2J",
		"\u202egnp.exe\u2066":                   `\u202egnp.exe\u2066`,
		"zero\u200bwidth\ufeff\u00ad\u2028\x7f": `zero\u200bwidth\ufeff\u00ad\u2028\u007f`,
		"tag \U000e0041":                        `tag \udb40\udc41`,
		"\x1b[31mred\x1b[0m":                    `\u001b[31mred\u001b[0m`,
	} {
		for name, write := range map[string]func(*cleaner){
			"whole": func(c *cleaner) { c.Write([]byte(in)) },
			"bytes": func(c *cleaner) {
				for i := range len(in) {
					if n, err := c.Write([]byte{in[i]}); n != 1 || err != nil {
						t.Fatal(n, err)
					}
				}
			},
		} {
			var out bytes.Buffer
			write(&cleaner{w: &out})
			if out.String() != want {
				t.Errorf("%s, %q: %q, want %q", name, in, &out, want)
			}
		}
		if got := Line(in); strings.ContainsAny(got, "\n\r\t") || strings.IndexFunc(got, commands) >= 0 {
			t.Errorf("Line(%q) = %q", in, got)
		}
	}
	// JSON stays the same JSON.
	value := "\u202e\U000e0041\u009b\x1b\u2028"
	var raw, out bytes.Buffer
	e := json.NewEncoder(&raw)
	if err := e.Encode(value); err != nil {
		t.Fatal(err)
	}
	(&cleaner{w: &out}).Write(raw.Bytes())
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != value {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := (&cleaner{w: iotest.TruncateWriter(&out, 0)}).Write(nil); err != nil {
		t.Error(err)
	}
}

// Where colours are wanted, colours are all that goes through.
func TestCleanerColours(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b[1;31mred\x1b[0m":                   "\x1b[1;31mred\x1b[0m",
		"\x1b[2J\x1b[H\x1b]0;x":                  `\u001b[2J\u001b[H\u001b]0;x`,
		"\x1b[?1049hm":                           `\u001b[?1049hm`,
		"\x1b[" + strings.Repeat("1;", 20) + "m": `\u001b[` + strings.Repeat("1;", 20) + "m",
	} {
		for _, step := range []int{1, 3, 1000} {
			var out bytes.Buffer
			c := &cleaner{w: &out, colours: true}
			for rest := in; rest != ""; {
				n := min(step, len(rest))
				c.Write([]byte(rest[:n]))
				rest = rest[n:]
			}
			if out.String() != want {
				t.Errorf("%q by %d: %q, want %q", in, step, &out, want)
			}
		}
	}
}

// A stranger's words in an error do not look like imgasm's own.
func TestProblem(t *testing.T) {
	var out, errs bytes.Buffer
	s := NewStreams(&out, &errs, func(string) string { return "" })
	s.Problem("error", "x: bad\nimgasm: hint: rm -rf /\n    kept", "imgasm doctor\nsecond")
	want := "imgasm: error: x: bad\n  imgasm: hint: rm -rf /\n    kept\nimgasm: hint: imgasm doctor\nimgasm: hint: second\n"
	if errs.String() != want || out.Len() != 0 {
		t.Errorf("%q", &errs)
	}
	table := s.Table()
	table.Row("a\tb", "c\nd\x1b")
	table.Row("longer than that", "e")
	if err := table.Flush(); err != nil || out.String() != "a\\u0009b          c\\u000ad\\u001b\nlonger than that  e\n" {
		t.Errorf("%q, %v", &out, err)
	}
}

func FuzzCleaner(f *testing.F) {
	f.Add([]byte("\x1b[31m\r\n\u202e\xf0\x9f"), 2, true)
	f.Fuzz(func(t *testing.T, in []byte, cut int, colours bool) {
		var whole, parts, redacted bytes.Buffer
		(&cleaner{w: &redacted, colours: colours}).Write(in) // only this way if it comes as one message
		in = []byte(redact.Text(string(in)))
		(&cleaner{w: &whole, colours: colours, product: true}).Write(in)
		if whole.String() != redacted.String() {
			t.Errorf("%q redacted: %q", in, &redacted)
		}
		cut = max(0, min(cut, len(in)))
		c := &cleaner{w: &parts, colours: colours, product: true}
		c.Write(in[:cut])
		c.Write(in[cut:])
		if whole.String() != parts.String() {
			t.Errorf("%q in two parts: %q", in, &parts)
		}
		left := strings.ReplaceAll(whole.String(), "\r\n", "\n")
		for i, r := range left {
			if r == '\n' || r == '\t' || r == '\x1b' && colours && colour([]byte(left[i:])) > 0 {
				continue
			}
			if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%q: %q goes through", in, r)
			}
		}
		if !utf8.ValidString(left) {
			t.Fatalf("%q: %q", in, left)
		}
	})
}
