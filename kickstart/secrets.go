// The secrets of a kickstart file as values, for those who have to look for
// them elsewhere: in the logs of the guest that read the file.

package kickstart

import (
	"regexp"
	"slices"
	"strings"
)

// publicKey is the part of an ssh public key that names it: AAAAC3Nza…
var publicKey = regexp.MustCompile(`AAAA[0-9A-Za-z+/=]{8,}`)

// Secrets returns what Redact hides in src, sorted, each value once: as it
// stands in the file, and, where they differ, without its quotes, the password
// of a "user:password", and the key of an ssh public key's line. Values may be
// of any length above 0. Of a file over MaxSize it returns none.
func Secrets(src []byte) []string {
	if len(src) > MaxSize {
		return nil
	}
	var all []string
	hidden := Redact(src)
	for len(src) > 0 {
		var was, is []byte
		was, src = cutLine(src)
		is, hidden = cutLine(hidden)
		for _, s := range differences(string(was), string(is)) {
			all = append(all, spellings(s)...)
		}
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" || s == redacted })
}

// differences returns what stands in was where is has "REDACTED".
func differences(was, is string) []string {
	if was == is {
		return nil
	}
	var all []string
	parts := strings.Split(is, redacted)
	rest, ok := strings.CutPrefix(was, parts[0])
	if !ok {
		return []string{was} // a byte order mark, or an encoding that Redact has mended
	}
	for i, part := range parts[1:] {
		at := strings.Index(rest, part)
		if i == len(parts)-2 { // the last part is the line's end
			at = len(rest) - len(part)
		}
		if at < 0 {
			return append(all, rest)
		}
		all = append(all, rest[:at])
		rest = rest[at+len(part):]
	}
	return all
}

// spellings are the values of a secret that may be seen alone.
func spellings(secret string) []string {
	secret = strings.TrimSpace(secret)
	all := []string{secret}
	for _, w := range splitWords(secret, Pos{Line: 1, Column: 1}, false).words {
		if strings.ContainsAny(secret, `"'\`) {
			all = append(all, w.Value)
		}
		if _, password, ok := strings.Cut(w.Value, ":"); ok && !strings.Contains(w.Value, "://") {
			// echo -e "root:a\nadmin:b" has two of them
			for line := range strings.SplitSeq(w.Value, `\n`) {
				_, p, _ := strings.Cut(line, ":")
				all = append(all, p)
			}
			all = append(all, password)
		}
	}
	return append(all, publicKey.FindAllString(secret, -1)...)
}
