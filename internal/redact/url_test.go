package redact

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// urls are texts with URLs in them, and what is shown of those.
var urls = []struct{ in, want string }{
	{"https://mirror.example.org/almalinux/10/isos/x.iso", ""},
	{"https://bot:s3cret@mirror.example.org/x.iso", "https://REDACTED@mirror.example.org/x.iso"},
	{"https://ghp_token@mirror.example.org/x.iso", "https://REDACTED@mirror.example.org/x.iso"},
	{"proxy=http://me:a/b@p:3128 rest", "proxy=http://REDACTED@p:3128 rest"},
	{"https://h/x?sig=abc", "https://h/x?sig=REDACTED"},
	{"https://h/x?key=https://a:b@g/y rest", "https://h/x?key=REDACTED rest"},
	{"https://h/x?v=1&X-Amz-Signature=ab12&X-Amz-Date=2026&y=2", "https://h/x?v=1&X-Amz-Signature=REDACTED&X-Amz-Date=REDACTED&y=2"},
	{`Get "https://h/x?a=1\u0026access_token=abc": EOF`, `Get "https://h/x?a=1\u0026access_token=REDACTED": EOF`},
	{"https://h/x#auth=abc,", "https://h/x#auth=REDACTED"},
	{"https://h/x?u=dGhpcyBpcyBhIHRva2Vu1", "https://h/x?u=REDACTED"},
	{"https://h/x?u=eyJhbGciOiJ.e30.sig", "https://h/x?u=REDACTED"},
	{"https://h/x?file=AlmaLinux-10.1-x86_64-boot.iso&arch=x86_64", ""},
	{"https://u:p?token=x@h/x?token=y", "https://REDACTED@h/x?token=REDACTED"},
	{"one https://a:b@h/ two ftp://c:d@h/?key=e", "one https://REDACTED@h/ two ftp://REDACTED@h/?key=REDACTED"},
	{"mail admin@example.org; a=b ? c=d", ""},
	{"https://@h/", ""},
	{"ssh-ng://me@h git+ssh://git@h/r?rev=0123456789abcdef0123456789abcdef01234567&narHash=sha256-f7b66UPV157zx/7xJrvGuaXJp6hx1ulbxDgquwgsmg0=", ""},
	{"ssh://me:pw@h", "ssh://REDACTED@h"},
	{"ls http:/me:pw@h:9", "ls http:/REDACTED@h:9"},
	{`C:/Users/me@home and C:\x`, ""},
	{"", ""},
}

func TestText(t *testing.T) {
	for _, c := range urls {
		want := c.want
		if want == "" {
			want = c.in
		}
		if got := Text(c.in); got != want {
			t.Errorf("%s\nbecomes %s,\nwant    %s", c.in, got, want)
		}
		if again := Text(want); again != want {
			t.Errorf("%s is changed once more: %s", want, again)
		}
		var none *Values
		if got := none.String(c.in); got != want {
			t.Errorf("without values: %s", got)
		}
		for step := 1; step <= len(c.in); step++ {
			var out bytes.Buffer
			w := New("other secret").Writer(&out)
			for part := range slices.Chunk([]byte(c.in), step) {
				if _, err := w.Write(part); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil || out.String() != want {
				t.Fatalf("in pieces of %d: %s, %v", step, &out, err)
			}
		}
	}
}

func TestCredentials(t *testing.T) {
	got := Credentials("https://bot:s3cret@h/x?sig=ab&v=1 http://token@h/")
	if want := []string{"bot:s3cret", "s3cret", "ab", "token"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What is held back of a stream without blanks has a bound.
func TestTextOfALongWord(t *testing.T) {
	var out bytes.Buffer
	w := New("secret").Writer(&out)
	long := strings.Repeat("x", 3*maxWord)
	if _, err := w.Write([]byte(long)); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		t.Error("everything is held back")
	}
	if err := w.Close(); err != nil || out.String() != long {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}

// A record stays the record that it is, whatever the secrets are.
func TestJSON(t *testing.T) {
	type record struct {
		Qemu   string            `json:"qemu"`
		SHA256 string            `json:"sha256"`
		Sum    []string          `json:"sum"`
		N      int               `json:"n"`
		More   map[string]string `json:"more"`
	}
	sum := strings.Repeat("ab12", 16)
	in := record{Qemu: `a "qemu" \ <7.2>`, SHA256: sum, Sum: []string{"ab12 " + sum, "https://u:p@h/?a=1&sig=x", ""}, N: 1234, More: map[string]string{"ab12": "ab12", `q"`: "1234"}}
	want := record{Qemu: `a "REDACTED" \ <7.2>`, SHA256: sum, Sum: []string{"REDACTED " + strings.Repeat("REDACTED", 16), "https://REDACTED@h/?a=1&sig=REDACTED", ""}, N: 1234, More: map[string]string{"ab12": "REDACTED", `q"`: "REDACTED"}}
	for _, html := range []bool{false, true} {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(html)
		enc.SetIndent("", "  ")
		if err := enc.Encode(in); err != nil {
			t.Fatal(err)
		}
		var got record
		text := New("qemu", "1234", "ab12").JSON(b.Bytes())
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		g, _ := json.Marshal(got)
		if w, _ := json.Marshal(want); !bytes.Equal(g, w) {
			t.Errorf("got  %s\nwant %s", g, w)
		}
		if unchanged := New("nothing of it").JSON([]byte(`{"a": ["x"]}`)); string(unchanged) != `{"a": ["x"]}` {
			t.Errorf("got %s", unchanged)
		}
	}
	if got := New(sum).JSON([]byte(`{"token":"` + sum + `"}`)); strings.Contains(string(got), sum) {
		t.Errorf("a token in hexadecimal is shown: %s", got)
	}
}

func FuzzText(f *testing.F) {
	for _, c := range urls {
		f.Add(c.in, 3)
	}
	f.Fuzz(func(t *testing.T, in string, step int) {
		want := Text(in)
		if step < 1 || step > len(in) {
			return
		}
		var out bytes.Buffer
		w := (&Values{}).Writer(&out)
		for part := range slices.Chunk([]byte(in), step) {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil || len(in) < maxWord && out.String() != want {
			t.Fatalf("in pieces of %d: %q, want %q (%v)", step, &out, want, err)
		}
		quoted, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var back string
		if err := json.Unmarshal((&Values{}).JSON(quoted), &back); err != nil {
			t.Fatalf("%s is no JSON any more: %v", quoted, err)
		}
	})
}
