package verify

import (
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	check := func(text string) Check {
		t.Helper()
		checks, err := ParseChecks("c", []byte("a\n  $ x\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return checks[0]
	}
	for _, c := range []struct {
		check string
		out   output
		want  string // of a failure; "": it passes
	}{
		{"", output{text: "whatever\n"}, ""},
		{"", output{status: 2, errs: "no such thing\n"}, "ended with 2, not 0"},
		{"  [2]\n", output{status: 2}, ""},
		{"  one\n  t.o (re)\n", output{text: "one\ntwo  \n\n"}, ""},
		{"  one\n", output{text: "One\n"}, `line 1 is not "one"`},
		{"  one\n  two\n", output{text: "one\n"}, `the next is "two"`},
		{"  one\n", output{text: "one\ntwo\n"}, "printed 2 lines, and 1 were expected"},
		{"  t.o (re)\n", output{text: "not two\n"}, "line 1 is not"},
	} {
		v := check(c.check).judge(c.out)
		if (v.status == Passed) != (c.want == "") || !strings.Contains(v.why, c.want) {
			t.Errorf("%q of %+v: %+v", c.check, c.out, v)
		}
	}
	if v := check("").judge(output{status: 2, text: "a\n", errs: "b\n"}); strings.Join(v.said, ",") != "a,b" {
		t.Errorf("the guest's words: %q", v.said)
	}
}
