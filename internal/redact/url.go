package redact

// Secrets that nobody told us, found by where they stand: in URLs. A redirect
// to signed storage, for instance, is only known when it is told of.

import (
	"io"
	"regexp"
	"strings"
)

var (
	// https://user:password@example.org/, also with a slash in the password, and
	// with one slash, as it is after being cleaned as a path
	userinfo = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]+:/{1,2}([^\x00-\x20/:@"'<>]+:[^\x00-\x20@"'<>]*|[^\x00-\x20/@"'<>]*)@`)
	// ?sig=x, &X-Amz-Signature=x, also where JSON has written & as \u0026
	parameter = regexp.MustCompile(`(?:[?&#;]|\\u0026)([A-Za-z0-9_.~%-]+)=([^?&;#\x00-\x20"'<>\\]+)`)
)

// secretKeys are in the names of parameters that let somebody in. Of the signed
// addresses of Amazon, Google and Microsoft all parameters are hidden.
var secretKeys = []string{"token", "sig", "auth", "secret", "pass", "pwd", "key", "credential", "session", "jwt", "hmac", "policy", "x-amz-", "x-goog-", "x-ms-"}

// isSecret tells a parameter that lets somebody in, by its name or by its looks.
func isSecret(name, value string) bool {
	name = strings.ToLower(name)
	for _, k := range secretKeys {
		if strings.Contains(name, k) {
			return true
		}
	}
	if name == "rev" || name == "narhash" { // of a flake: what was fetched, not by whom
		return false
	}
	// Long, of letters and digits, and no file name: "dGhpcyBpcyBhIHRva2Vu".
	const long = 20
	return strings.HasPrefix(value, "eyJ") || len(value) >= long && !strings.Contains(value, ".") && strings.ContainsAny(value, "0123456789") &&
		strings.Trim(strings.ToLower(value), "0123456789abcdefghijklmnopqrstuvwxyz_-+/=~%") == ""
}

// spans are the secrets in the URLs of a text, as byte offsets in order.
func spans(s string) (all [][2]int) {
	if strings.Contains(s, ":/") {
		for _, m := range userinfo.FindAllStringSubmatchIndex(s, -1) {
			// By ssh a user alone lets nobody in.
			if scheme := s[m[0]:m[2]]; strings.Contains(scheme, "ssh") && !strings.Contains(s[m[2]:m[3]], ":") {
				continue
			}
			all = append(all, [2]int{m[2], m[3]})
		}
	}
	if !strings.Contains(s, "=") || !strings.ContainsAny(s, "?&#;") && !strings.Contains(s, `\u0026`) {
		return all
	}
	var merged [][2]int
	for _, m := range parameter.FindAllStringSubmatchIndex(s, -1) {
		if !isSecret(s[m[2]:m[3]], s[m[4]:m[5]]) {
			continue
		}
		for len(all) > 0 && all[0][0] < m[4] {
			merged, all = append(merged, all[0]), all[1:]
		}
		if len(merged) == 0 || merged[len(merged)-1][1] <= m[4] { // else within a user's password
			end := m[5]
			for ; len(all) > 0 && all[0][0] < end; all = all[1:] { // a URL in the parameter
				end = max(end, all[0][1])
			}
			merged = append(merged, [2]int{m[4], end})
		}
	}
	return append(merged, all...)
}

// Text returns s with the credentials in its URLs replaced by Mask: users and
// passwords before the host, and parameters that are tokens or signatures.
func Text(s string) string {
	found := spans(s)
	if len(found) == 0 {
		return s
	}
	var b strings.Builder
	at := 0
	for _, f := range found {
		b.WriteString(s[at:f[0]])
		if f[0] < f[1] {
			b.WriteString(Mask)
		}
		at = f[1]
	}
	return b.String() + s[at:]
}

// Credentials are what Text hides in s, and a password without its user: for
// New, so that they are hidden where they stand alone too.
func Credentials(s string) (all []string) {
	for _, f := range spans(s) {
		secret := s[f[0]:f[1]]
		all = append(all, secret)
		if _, password, ok := strings.Cut(secret, ":"); ok {
			all = append(all, password)
		}
	}
	return all
}

// textWriter is Text for a stream: no URL has a blank in it, so that it is cut there.
type textWriter struct {
	w    io.Writer
	held []byte
}

// maxWord bounds what is held back, in bytes. A word that is longer is cut.
const maxWord = 64 << 10

func (t *textWriter) Write(p []byte) (int, error) {
	t.held = append(t.held, p...)
	cut := len(t.held)
	for cut > 0 && t.held[cut-1] > ' ' {
		cut--
	}
	if cut == 0 && len(t.held) > maxWord {
		cut = len(t.held)
	}
	return len(p), t.pass(cut)
}

func (t *textWriter) Close() error { return t.pass(len(t.held)) }

func (t *textWriter) pass(n int) error {
	if n == 0 {
		return nil
	}
	_, err := io.WriteString(t.w, Text(string(t.held[:n])))
	t.held = t.held[:copy(t.held, t.held[n:])]
	return err
}
