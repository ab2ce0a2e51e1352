// Quoting: how a value becomes one word of a line, and which values cannot.

package kickstart

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote writes value so that the installer reads it as one word: as it stands
// where that is safe, else in double quotes. It refuses what no quoting can
// keep on one line or out of a terminal: line ends, control characters and
// bytes that are not UTF-8.
func Quote(value string) (string, error) {
	if err := oneLine(value); err != nil {
		return "", err
	}
	return quote(value), nil
}

// quote is Quote for a value without line ends.
//
// An option keeps its name outside of the quotes: --append="quiet ro".
func quote(value string) string {
	if bare.MatchString(value) {
		return value
	}
	prefix := ""
	if name, rest, ok := strings.Cut(value, "="); ok && strings.HasPrefix(name, "--") && bare.MatchString(name) {
		prefix, value = name+"=", rest
	}
	// Inside of double quotes only these two mean something.
	return prefix + `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

// bare is what can stand without quotes. '#' begins a comment anywhere, and '~',
// '*', '$' and the like mean nothing in a kickstart file but are quoted by people
// who know the shell: only what nobody doubts stays bare.
var bare = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./$*^-]+$`)

// oneLine refuses text that cannot stand on one line of a kickstart file.
func oneLine(text string) error {
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd"):
			return fmt.Errorf("byte %d is not UTF-8", i+1)
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\ufeff':
			return fmt.Errorf("character %U is not allowed here", r)
		}
	}
	return nil
}

// quoteWord shows a word in a message, cut when it is long.
func quoteWord(s string) string {
	if runes := 0; len(s) > 60 {
		for i := range s {
			if runes++; runes > 57 {
				s = s[:i] + "..."
				break
			}
		}
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' }) {
		return "\"" + strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + "\""
	}
	return s
}
