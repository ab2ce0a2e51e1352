package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
)

func TestString(t *testing.T) {
	v := New("hunter22", "hunter22-longer", "p<&>ss\"w", "abc", "ümlaut geheim")
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"nothing here", "nothing here"},
		{"hunter22", Mask},
		{"a hunter22-longer b hunter22", "a " + Mask + " b " + Mask},
		{"hunter2 hunter2", "hunter2 hunter2"},
		{"abc is too short to be hidden", "abc is too short to be hidden"},
		{"x ümlaut geheim y", "x " + Mask + " y"},
		{url.QueryEscape("ümlaut geheim"), Mask},
		{url.PathEscape("ümlaut geheim"), Mask},
		{url.UserPassword("u", "ümlaut geheim").String(), "u:" + Mask},
		{"\xff\xfehunter22\xff", "\xff\xfe" + Mask + "\xff"},
	} {
		if got := v.String(c.in); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
	for _, html := range []bool{true, false} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(html)
		if err := enc.Encode("p<&>ss\"w"); err != nil {
			t.Fatal(err)
		}
		if got := v.String(b.String()); got != `"`+Mask+"\"\n" {
			t.Errorf("%s becomes %s", b.String(), got)
		}
	}
}

func TestNothingToHide(t *testing.T) {
	var none *Values
	for _, v := range []*Values{none, {}, New(), New("", "abc", Mask)} {
		if got := v.String("abc REDACTED"); got != "abc REDACTED" {
			t.Errorf("got %q", got)
		}
		if got := v.Bytes([]byte("abc")); string(got) != "abc" {
			t.Errorf("got %q", got)
		}
	}
}

// failing takes some bytes, then fails.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriterTellsErrors(t *testing.T) {
	w := New("hunter22").Writer(&failing{left: 3})
	_, err := io.WriteString(w, "1234567890 1234567890")
	if !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

// A stream gives the same text however it is cut, and holds back little.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("a hunter22-longer b hunter22"), "hunter22", "hunter22-longer", uint8(1))
	f.Add([]byte("aaaaaaaaaaaaab"), "aaaab", "aaaa", uint8(3))
	f.Add([]byte("xyxyxyxz"), "xyxz", "yxyx", uint8(2))
	f.Fuzz(func(t *testing.T, text []byte, a, b string, cut uint8) {
		v := New(a, b)
		whole := v.String(string(text))
		var out bytes.Buffer
		w := v.Writer(&out)
		step := int(cut)%7 + 1
		for i := 0; i < len(text); i += step {
			if _, err := w.Write(text[i:min(i+step, len(text))]); err != nil {
				t.Fatal(err)
			}
			if held := w.(*writer).held; len(held) >= max(v.max, 1) {
				t.Fatalf("%d bytes held back for values of at most %d", len(held), v.max)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if out.String() != whole {
			t.Errorf("in pieces of %d: %q, whole: %q", step, out.String(), whole)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	line := []byte(strings.Repeat("[   12.345678] anaconda[2343]: Installing bash.x86_64 (1/3)\r\n", 1000))
	v := New("hunter22", "$6$saltsaltsalt$hashhashhash", "another secret", "[  nothing")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		w := v.Writer(io.Discard)
		_, _ = w.Write(line)
		_ = w.Close()
	}
}
