package console

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

var escapes = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z!]|\x1b[M()][0AB]?|[\x00-\x08\x0b-\x1f]`)

// A record names the line of the raw log in which its text stands.
func TestLinesAreThoseOfTheLog(t *testing.T) {
	looked := 0
	for name, raw := range recorded(t) {
		lines := bytes.Split(raw, []byte("\n"))
		r := NewReader(func(rec Record) {
			if rec.Partial {
				return
			}
			looked++
			plain, words := escapes.ReplaceAllString(string(lines[rec.Line-1]), ""), strings.Fields(rec.Text)
			if rec.Screen { // of what is painted in pieces, where the last one is
				words = words[len(words)-1:]
			}
			if strings.Join(words, "") != "" && !strings.Contains(strings.Join(strings.Fields(plain), ""), strings.Join(words, "")) {
				t.Errorf("%s:%d: %q does not hold %q", name, rec.Line, lines[rec.Line-1], rec.Text)
			}
		})
		r.Write(raw)
		r.Close()
	}
	if looked < 2000 {
		t.Errorf("looked at %d lines", looked)
	}
}
