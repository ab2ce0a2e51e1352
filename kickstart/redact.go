// Taking the secrets out of a kickstart file, for logs and failure bundles.

package kickstart

import (
	"bytes"
	"slices"
	"strings"
)

// redacted stands where a secret was.
const redacted = "REDACTED"

// secretOptions are the options whose value is a secret, whatever the command:
// a file for an older release, or with a mistake in it, is redacted too.
var secretOptions = []string{
	"--password", "--passphrase", "--reverse-password", "--md5pass", "--wepkey", "--wpakey",
	"--activation-key", "--activationkey", "--one-time-password", "--bindpw", "--krb5pass", "--key",
}

// secretArguments are the commands whose arguments are secrets themselves. An
// ssh key is public, but says whose machine this is.
var secretArguments = []string{"rootpw", "sshpw", "sshkey"}

// Redact replaces the secrets in src by "REDACTED": passwords and their
// hashes, passphrases, wireless and activation keys, ssh keys, private keys,
// and user names and passwords in URLs; in commands, in comments that hold
// commands, and, as far as they can be told, in scripts. Line numbers stay.
//
// A secret in a script that hides behind other words cannot be known: Redact
// is for what one shows to people who may see the rest of the file.
//
// Of a file that is no kickstart file (see MaxSize) nothing is shown.
func Redact(src []byte) []byte {
	f, err := Parse("", src)
	if err != nil {
		return []byte(redacted + "\n")
	}
	var out bytes.Buffer
	out.Grow(len(src))
	if f.BOM {
		out.WriteString(byteOrderMark)
	}
	var block secretBlock
	line := func(l *Line, s *Statement) {
		text := l.Text()
		switch {
		case block.hides(text):
			text = redacted
		case s != nil:
			text = redactText(redactStatement(text, s))
		default:
			text = redactText(redactComment(text))
		}
		out.WriteString(text)
		out.WriteString(l.EOL())
	}
	walk(f, func(n Node) {
		switch n := n.(type) {
		case *Section:
			line(&n.Header.Line, n.Header)
		case statementNode:
			line(&n.statement().Line, n.statement())
		case lineNode:
			line(n.line(), nil)
		}
	}, func(s *Section) {
		if s.End != nil {
			line(&s.End.Line, s.End)
		}
	})
	return out.Bytes()
}

// redactExcerpt redacts one line of a file as a report shows it, and moves a
// range of columns (1-based, in runes) along with the text.
func redactExcerpt(excerpt string, from, to int) (string, int, int) {
	lines := strings.TrimSuffix(string(Redact([]byte(excerpt))), "\n")
	if lines == excerpt {
		return excerpt, from, to
	}
	before, after := []rune(excerpt), []rune(lines)
	head := 0
	for head < min(len(before), len(after)) && before[head] == after[head] {
		head++
	}
	tail := 0
	for tail < min(len(before), len(after))-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	move := func(column, inside int) int {
		switch i := column - 1; {
		case i <= head:
			return column
		case i >= len(before)-tail:
			return column + len(after) - len(before)
		}
		return inside
	}
	return lines, move(from, head+1), move(to, len(after)-tail+1)
}

// redactStatement hides the secrets that are words of a command.
func redactStatement(text string, s *Statement) string {
	if len(s.Words) == 0 {
		return text
	}
	type edit struct {
		from, to int // bytes of text
		with     string
	}
	var edits []edit
	base := s.Pos().Offset
	hide := func(w Word, prefix string) {
		edits = append(edits, edit{w.Pos.Offset - base, min(w.End.Offset-base, len(text)), prefix + redacted})
	}
	next := "" // what the word before says of this one: "secret", "shown" or nothing
	for _, w := range s.Args() {
		kind := next
		next = ""
		name, _, valued := strings.Cut(w.Value, "=")
		switch option := looksLikeOption(name); {
		case kind == "secret":
			hide(w, "")
		case option && isSecretOption(name) && valued:
			hide(w, name+"=")
		case option && isSecretOption(name):
			next = "secret"
		case option && !valued && strings.HasPrefix("--username", name):
			next = "shown"
		case kind != "shown" && !option && slices.Contains(secretArguments, s.Name()):
			hide(w, "")
		}
	}
	if len(edits) == 0 {
		return text
	}
	// A '#' in a password that nobody quoted begins a comment: its rest is
	// as secret as the password.
	if s.Trailing != "" {
		edits = append(edits, edit{s.TrailingPos.Offset - base, len(text), "#" + redacted})
	}
	var b strings.Builder
	at := 0
	for _, e := range edits {
		if e.from < at || e.from > len(text) {
			continue
		}
		b.WriteString(text[at:e.from])
		b.WriteString(e.with)
		at = max(e.to, e.from)
	}
	return b.String() + text[at:]
}

// looksLikeOption tells an option's name from a secret that begins with a hyphen.
func looksLikeOption(name string) bool {
	rest, ok := strings.CutPrefix(name, "--")
	if !ok || rest == "" {
		return false
	}
	return strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isSecretOption knows the options' abbreviations too.
func isSecretOption(name string) bool {
	return len(name) > len("--") && slices.ContainsFunc(secretOptions, func(s string) bool { return strings.HasPrefix(s, name) })
}

// redactComment hides the secrets of a command that stands in a comment.
func redactComment(text string) string {
	at := strings.IndexByte(text, '#')
	if at < 0 {
		return text
	}
	for at < len(text) && strings.IndexByte("# \t", text[at]) >= 0 {
		at++
	}
	line := []byte(text[at:])
	if len(line) == 0 {
		return text
	}
	words := splitWords(string(line), Pos{Line: 1, Column: 1}, true)
	s := &Statement{Line: Line{pos: Pos{Line: 1, Column: 1}, raw: line}, Words: words.words, Trailing: words.trailing, TrailingPos: words.trailingPos}
	return text[:at] + redactStatement(text[at:], s)
}

// walk calls node for all nodes, those inside of sections included, and end
// behind the body of each section.
func walk(file *File, node func(Node), end func(*Section)) {
	for _, n := range file.Nodes {
		node(n)
		if s, ok := n.(*Section); ok {
			for _, n := range s.Body {
				node(n)
			}
			end(s)
		}
	}
}
