// Public ssh keys: a line of authorized_keys, as sshd(8) describes it.

package kickstart

import (
	"encoding/base64"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// keyTypes are those of OpenSSH 9.9.
var keyTypes = []string{
	ssh.KeyAlgoED25519, ssh.KeyAlgoRSA, "ssh-dss", ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
	ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
}

func isKeyType(word string) bool { return slices.Contains(keyTypes, word) }

// checkPublicKey finds what is wrong with a line of authorized_keys; the
// problem's rule is nil when that is nothing. Certificates are not looked into.
func checkPublicKey(line string) (problem, Severity) {
	p := problem{rule: ruleDamagedKey, meaning: "sshd ignores the line, and nobody can log in with it", hint: "copy the whole line of the .pub file"}
	fields := strings.Fields(line)
	typeAt := slices.IndexFunc(fields, isKeyType) // options may stand before it
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case len(fields) == 0:
		p.rule, p.text, p.hint = ruleNotAKey, "the public key is empty", ""
		return p, Warning
	case strings.Contains(line, "-cert-v01@"):
		return problem{}, ""
	case strings.HasPrefix(fields[0], "AAAA"):
		p.text = "the public key has no type in front"
		blob, _ := base64.StdEncoding.DecodeString(fields[0]) // what is damaged parses as no key
		if key, err := ssh.ParsePublicKey(blob); err == nil {
			p.hint = "write " + key.Type() + " in front of it"
		}
	case typeAt < 0:
		p.rule, p.text, p.hint = ruleNotAKey, "this does not look like a public key", "copy the line of the .pub file, such as ssh-ed25519 AAAA… comment"
		return p, Warning
	case err != nil:
		p.text = "the public key is truncated, or has a character that does not belong there"
	case key.Type() != fields[typeAt]:
		p.text = "the public key says that it is of the type " + fields[typeAt] + ", but it is of another"
	default:
		return problem{}, ""
	}
	return p, Error
}
