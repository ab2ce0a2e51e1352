package kickstart

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func parse(t testing.TB, src string) *File {
	t.Helper()
	f, err := Parse("ks.cfg", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func values(words []Word) []string {
	var all []string
	for _, w := range words {
		all = append(all, w.Value)
	}
	return all
}

func TestSplitWords(t *testing.T) {
	tests := []struct {
		line     string
		want     []string
		trailing string
		problem  string
	}{
		{"part / --size=1\n", []string{"part", "/", "--size=1"}, "", ""},
		{"\t a  b\t\r\n", []string{"a", "b"}, "", ""},
		{`a "b c" 'd "e' f\ g`, []string{"a", "b c", `d "e`, "f g"}, "", ""},
		{`--append="x y"z ''`, []string{"--append=x yz", ""}, "", ""},
		{`"\"\\\n" '\n' \n`, []string{`"\\n`, `\n`, "n"}, "", ""},
		{"a # b \n", []string{"a"}, "# b", ""},
		{"a#b c", []string{"a"}, "#b c", ""},
		{`"a#b"#c`, []string{"a#b"}, "#c", ""},
		{`a\#b`, []string{"a#b"}, "", ""},
		{"a \\\n", []string{"a", "\n"}, "", ""},
		{`a \`, []string{"a", ""}, "", danglingSlash},
		{`a "b c`, []string{"a", "b c"}, "", openQuote},
		{`it's`, []string{"its"}, "", openQuote},
		{"é \"ü\xff\"", []string{"é", "ü\xff"}, "", ""},
	}
	for _, tt := range tests {
		got := splitWords(tt.line, Pos{Line: 1, Column: 1}, true)
		if d := cmp.Diff(tt.want, values(got.words)); d != "" {
			t.Errorf("%q: words (-want +got):\n%s", tt.line, d)
		}
		if got.trailing != tt.trailing || got.problem != tt.problem {
			t.Errorf("%q: trailing %q, problem %q; want %q, %q", tt.line, got.trailing, got.problem, tt.trailing, tt.problem)
		}
		for _, w := range got.words {
			if raw := tt.line[w.Pos.Offset:w.End.Offset]; raw != w.Raw {
				t.Errorf("%q: word %q says it stands at %q", tt.line, w.Raw, raw)
			}
		}
	}
}

const sample = "# head\r\n\r\nlang en_US.UTF-8 # home\nürge \"a b\" c\n%packages --nocore\n@^minimal-environment\n@Büro Suite --optional # x\n  -foo*  \n%include /tmp/p\n\n# c\n%end\n%post\n%packagesx\n%end # done\n%ksappend http://x/y\n%include /tmp/x\n%pre\necho"

func TestPositions(t *testing.T) {
	f := parse(t, sample)
	if got := string(f.Bytes()); got != sample {
		t.Errorf("printed tree differs: %q", got)
	}
	var lines []string
	for _, n := range f.Nodes {
		lines = append(lines, n.Pos().String()+strings.TrimPrefix(typeName(n), "*kickstart."))
	}
	want := []string{"1:1Comment", "2:1Blank", "3:1Command", "4:1Command", "5:1Section", "13:1Section", "16:1Append", "17:1Include", "18:1Section"}
	if d := cmp.Diff(want, lines); d != "" {
		t.Errorf("nodes (-want +got):\n%s", d)
	}
	c := f.Commands()[1]
	if got := c.Words[2].Pos; got != (Pos{Line: 4, Column: 12, Offset: strings.Index(sample, "c\n%packages")}) {
		t.Errorf("position behind non-ASCII text: %+v", got)
	}
	if got := f.Commands()[0].Trailing; got != "# home" {
		t.Errorf("trailing comment %q", got)
	}
	if f.Sections("%pre")[0].HasEnd() || !f.Sections("%post")[0].HasEnd() {
		t.Error("HasEnd is wrong")
	}
	e := f.Sections("%packages")[0].Body[1].(*Entry)
	if e.Kind != EntryGroup || e.Name != "Büro Suite" || len(e.Options) != 1 || e.Trailing != "# x" {
		t.Errorf("group entry %+v", e)
	}
	if o := e.Options[0]; sample[o.Pos.Offset:o.End.Offset] != "--optional" || o.Pos.Column != 13 || e.TrailingPos.Column != 24 {
		t.Errorf("option at %+v, comment at %+v", o, e.TrailingPos)
	}
	e = f.Sections("%packages")[0].Body[2].(*Entry)
	if !e.Exclude || e.Name != "foo*" || e.NamePos.Column != 3 || e.NameEnd.Column != 8 {
		t.Errorf("excluded entry %+v", e)
	}
}

func typeName(n Node) string {
	switch n.(type) {
	case *Blank:
		return "Blank"
	case *Comment:
		return "Comment"
	case *Command:
		return "Command"
	case *Include:
		return "Include"
	case *Append:
		return "Append"
	case *Section:
		return "Section"
	}
	return "?"
}

func TestLineEnds(t *testing.T) {
	src := "a\rb\r\nc\vd\fe\x1cf\u0085g\u2028h\n"
	f := parse(t, src)
	if got := string(f.Bytes()); got != src {
		t.Errorf("printed tree differs: %q", got)
	}
	var got []string
	for _, c := range f.Commands() {
		got = append(got, c.Pos().String()[:1]+c.Text())
	}
	if d := cmp.Diff([]string{"1a", "2b", "3c", "4d", "5e", "6f", "7g", "8h"}, got); d != "" {
		t.Error(d)
	}
}

func TestParseTooLarge(t *testing.T) {
	_, err := Parse("big.iso", make([]byte, MaxSize+1))
	var pe *ParseError
	if !errors.As(err, &pe) || pe.Name != "big.iso" || pe.Pos.Line != 1 {
		t.Errorf("error %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("\ufeff%pre\n%post\n%end\n%end\n"))
	f.Add([]byte("%packages\n@ --\n-\n-@^x\n%include\n%end \"\n'"))
	f.Add([]byte("a\\\n\\"))
	if names, err := filepath.Glob("../testdata/kickstart/corpus/*.ks"); err == nil {
		for _, n := range names {
			if b, err := os.ReadFile(n); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("x", src)
		if err != nil {
			t.Fatal(err)
		}
		if got := file.Bytes(); string(got) != string(src) {
			t.Fatalf("tree prints %q for %q", got, src)
		}
		line := 0
		for _, n := range file.Nodes {
			if p := n.Pos(); p.Line <= line || p.Offset > len(src) || p.Offset < 0 {
				t.Fatalf("node at %+v after line %d", p, line)
			} else {
				line = p.Line
			}
		}
		for _, c := range file.Commands() {
			for _, w := range c.Words {
				if string(src[w.Pos.Offset:w.End.Offset]) != w.Raw {
					t.Fatalf("word %q is not at %+v", w.Raw, w.Pos)
				}
			}
		}
	})
}

// TestWhiteSpace: the installer trims Unicode white space to find a line's
// first word, but only ASCII blanks part words.
func TestWhiteSpace(t *testing.T) {
	tests := []struct {
		src, want string
	}{
		{"\u3000# a comment\n\u00a0\n\x1f# another\n", ""},
		{"\u00a0lang x\n", "ks.cfg:1:1 typography\n"},
		{"lang\u00a0x\n", "ks.cfg:1:5 typography\n"},
		{"lang\x0bfoo\n", "ks.cfg:1:1 unknown-command\nks.cfg:2:1 unknown-command\n"},
		{"%post\n\u3000%end\n", "ks.cfg:2:1 unclosed-section\n"},
		{"%post\n%end\u00a0x\n", "ks.cfg:2:1 unclosed-section\n"},
		{"%packages\n\t%end # x\n", ""},
	}
	for _, tt := range tests {
		f := parse(t, tt.src)
		if got := string(f.Bytes()); got != tt.src {
			t.Errorf("printed tree differs: %q, want %q", got, tt.src)
		}
		if got := brief(Lint(f, LintOptions{Fragment: true})); got != tt.want {
			t.Errorf("%q: got\n%swant\n%s", tt.src, got, tt.want)
		}
	}
}
