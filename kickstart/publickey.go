// Public ssh keys: a line of authorized_keys, as sshd(8) describes it. What is
// in the base64 part, RFC 4253 section 6.6 says and those that extend it.

package kickstart

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// keyTypes are the types of OpenSSH 9.9, with the number of fields behind the
// type in a key's base64 part.
var keyTypes = map[string]int{
	"ssh-ed25519": 1, "ssh-rsa": 2, "ssh-dss": 4,
	"ecdsa-sha2-nistp256": 2, "ecdsa-sha2-nistp384": 2, "ecdsa-sha2-nistp521": 2,
	"sk-ssh-ed25519@openssh.com": 2, "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}

// ed25519Len is the length of an Ed25519 key in bytes: RFC 8709 section 4.
const ed25519Len = 32

func isKeyType(word string) bool { return keyTypes[word] > 0 }

// checkPublicKey finds what is wrong with a line of authorized_keys; the
// problem's rule is nil when that is nothing. Certificates are not looked into.
func checkPublicKey(line string) (problem, Severity) {
	const meaning = "sshd ignores the line, and nobody can log in with it"
	fields := keyFields(line)
	if len(fields) > 1 && !isKeyType(fields[0]) && isKeyType(fields[1]) {
		fields = fields[1:] // options stand before the type
	}
	switch {
	case len(fields) == 0:
		return problem{rule: ruleNotAKey, text: "the public key is empty", meaning: meaning}, Warning
	case strings.HasPrefix(fields[0], "AAAA"):
		p := problem{rule: ruleDamagedKey, text: "the public key has no type in front", meaning: meaning, hint: "copy the whole line of the .pub file"}
		if blob, err := base64.StdEncoding.DecodeString(fields[0]); err == nil {
			if parts, ok := wireStrings(blob); ok && isKeyType(parts[0]) {
				p.hint = "write " + parts[0] + " in front of it"
			}
		}
		return p, Error
	case strings.Contains(fields[0], "-cert-v01@"):
		return problem{}, ""
	case !isKeyType(fields[0]):
		return problem{rule: ruleNotAKey, text: "this does not look like a public key", meaning: meaning,
			hint: "copy the line of the .pub file, such as ssh-ed25519 AAAA… comment"}, Warning
	}
	damaged := func(what string) (problem, Severity) {
		return problem{rule: ruleDamagedKey, text: "the public key " + what, meaning: meaning, hint: "copy the whole line of the .pub file"}, Error
	}
	if len(fields) == 1 {
		return damaged("ends behind its type")
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return damaged("is truncated, or has a character that does not belong there")
	}
	parts, ok := wireStrings(blob)
	switch {
	case !ok, len(parts) != 1+keyTypes[fields[0]]:
		return damaged("is truncated")
	case parts[0] != fields[0]:
		return damaged("says that it is of the type " + fields[0] + ", but it is of another")
	case fields[0] == "ssh-ed25519" && len(parts[1]) != ed25519Len:
		return damaged("is truncated")
	}
	return problem{}, ""
}

// keyFields splits a line at blanks that are not in double quotes.
func keyFields(line string) []string {
	quoted := false
	return strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	})
}

// wireStrings cuts what RFC 4251 section 5 calls strings: each has its length
// in four bytes before it. There is one at least, if ok.
func wireStrings(blob []byte) (all []string, ok bool) {
	for len(blob) >= 4 {
		n := binary.BigEndian.Uint32(blob)
		if uint64(n) > uint64(len(blob)-4) {
			return nil, false
		}
		all, blob = append(all, string(blob[4:4+n])), blob[4+n:]
	}
	return all, len(blob) == 0 && len(all) > 0
}
