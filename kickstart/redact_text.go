// Secrets in free text: scripts, comments, add-ons.

package kickstart

import (
	"regexp"
	"slices"
	"strings"
)

// secretWords are in the names of things that are secret.
var secretWords = []string{"pass", "secret", "token", "key", "psk", "bindpw"}

// textSecrets find secrets in a line of free text. The named group "secret" of
// each is replaced. A line without any of the words, compared in lower case, is
// not searched: the search takes a hundred times longer than that.
var textSecrets = []struct {
	words   []string
	pattern *regexp.Regexp
}{
	// https://user:password@example.org/, also with a slash in the password
	{[]string{"://"}, regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://(?P<secret>[^/\s:@"']+:[^\s@"']*|[^/\s@"']*)@`)},
	// $6$salt$hash and the other forms of crypt(3)
	{[]string{"$"}, regexp.MustCompile(`(?P<secret>\$(?:1|2[abxy]?|3|5|6|7|y|gy|sha1|md5)\$[./0-9A-Za-z=,$-]+)`)},
	// grub.pbkdf2.sha512.10000.SALT.HASH
	{[]string{"grub."}, regexp.MustCompile(`(?P<secret>grub\.pbkdf2\.[A-Za-z0-9.]+)`)},
	// PASSWORD=x, db_password = "x y", --activationkey=x, inst.rdp.password=x, ?token=x
	{secretWords, regexp.MustCompile(`(?i)(?:password|passwd|passphrase|secret|token|api_?key|activation-?key|(?:\b|_)psk|wep-?key|bindpw|md5pass)[A-Za-z0-9_]*["']?\s*=\s*(?P<secret>"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s&;"']+)`)},
	// password: x, "password": "x", as in YAML and JSON
	{secretWords, regexp.MustCompile(`(?i)(?:password|passphrase|secret|token|_passwd)["']?:\s*(?P<secret>"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,}]+)`)},
	// --password x, --activationkey x
	{secretWords, regexp.MustCompile(`(?i)--[a-z0-9-]*(?:password|passwd|passphrase|secret|token|activation-?key)\s+(?P<secret>"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s;|&"']+)`)},
	// echo root:x | chpasswd, printf … | passwd --stdin root, … | cryptsetup luksFormat
	{[]string{"|"}, regexp.MustCompile(`(?:echo|printf)\s(?P<secret>.*\S)\s*\|.*\b(?:chpasswd|passwd|cryptsetup|kinit)\b`)},
	// chpasswd <<< root:x
	{[]string{"<<<"}, regexp.MustCompile(`\b(?:chpasswd|passwd|cryptsetup|kinit)\b.*<<<\s*(?P<secret>.*\S)`)},
	// useradd -p x, sshpass -p x
	{[]string{"useradd", "usermod", "sshpass"}, regexp.MustCompile(`\b(?:useradd|usermod|sshpass)\b.*?\s-p\s*(?P<secret>"[^"]*"?|'[^']*'?|\S+)`)},
	// curl -u user:x
	{[]string{"-u", "--user", "--proxy-user"}, regexp.MustCompile(`\s(?:-u|--user|--proxy-user|-U)[ =]*(?P<secret>"[^":]+:[^"]*"?|'[^':]+:[^']*'?|[^\s:"']+:\S+)`)},
	// Authorization: Bearer x
	{[]string{"authorization"}, regexp.MustCompile(`(?i)authorization:\s*(?:[a-z]+\s+)?(?P<secret>[^\s"']+)`)},
	// ssh-ed25519 AAAAC3Nza… comment
	{[]string{"aaaa"}, regexp.MustCompile(`\b(?:ssh-[a-z0-9]+|ecdsa-[a-z0-9-]+|sk-[a-z0-9@.-]+)\s+(?P<secret>AAAA[0-9A-Za-z+/=]+)`)},
}

// redactText hides what textSecrets find.
func redactText(text string) string {
	lower := strings.ToLower(text)
	for _, s := range textSecrets {
		if !slices.ContainsFunc(s.words, func(word string) bool { return strings.Contains(lower, word) }) {
			continue
		}
		pattern := s.pattern
		group := pattern.SubexpIndex("secret")
		var b strings.Builder
		at := 0
		for _, m := range pattern.FindAllStringSubmatchIndex(text, -1) {
			from, to := m[2*group], m[2*group+1]
			if from < at || from == to {
				continue
			}
			b.WriteString(text[at:from])
			b.WriteString(redacted)
			at = to
		}
		if at > 0 {
			text = b.String() + text[at:]
		}
	}
	return text
}

var (
	// chpasswd <<'EOF'
	hereDocument = regexp.MustCompile(`\b(?:chpasswd|passwd|cryptsetup|kinit)\b.*<<-?\s*["'\\]?([A-Za-z0-9_]+)`)
	beginPrivate = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY`)
	endPrivate   = regexp.MustCompile(`-----END [A-Z0-9 ]*PRIVATE KEY`)
)

// secretBlock follows secrets that have several lines: private keys, and what
// a here-document feeds to a command that takes passwords.
type secretBlock struct {
	until func(line string) bool // the line that ends the block, not hidden itself
}

// hides reports whether the line is within a block, and looks whether it
// begins one.
func (b *secretBlock) hides(line string) bool {
	if b.until != nil {
		// A section's end ends a block too, so that a block that never ends
		// does not take the rest of the file.
		if b.until(line) || firstField(line) == "%end" {
			b.until = nil
			return false
		}
		return true
	}
	if m := hereDocument.FindStringSubmatch(line); m != nil && !strings.Contains(m[0], "<<<") {
		word := m[1]
		b.until = func(line string) bool { return strings.TrimLeft(line, "\t") == word }
	} else if beginPrivate.MatchString(line) && !endPrivate.MatchString(line) {
		b.until = endPrivate.MatchString
	}
	return false
}
