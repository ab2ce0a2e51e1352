// Advice about passwords and accounts.

package kickstart

import (
	"regexp"
	"strings"
)

var (
	ruleClearPassword = newRule(Warning, "cleartext-password", "a password stands in clear text in the file")
	ruleDamagedHash   = newRule(Error, "damaged-hash", "a password's hash that is not whole")
	ruleDamagedKey    = newRule(Error, "damaged-key", "a public key that is not whole, or has no type")
	ruleNotAKey       = newRule(Warning, "not-a-key", "what should be a public key is none")
	ruleNotAHash      = newRule(Warning, "not-a-hash", "a password marked as hashed is no hash")
	ruleHashAsText    = newRule(Warning, "hash-as-text", "a hash is taken as the password itself")
	ruleUnknownUser   = newRule(Warning, "unknown-user", "a key is for a user that is not created")
	ruleBadUserName   = newRule(Warning, "bad-user-name", "a name that useradd refuses")
)

const passwordHint = "hash it with `openssl passwd -6` and write --iscrypted"

type userKey struct {
	name string
	at   place
}

// password advises on a password that is hashed (crypted) or not.
func (l *linter) password(s *Statement, a *Args, option, text string, crypted bool) {
	if text == "" {
		return
	}
	add := func(severity Severity, p problem) {
		p.pos, p.end = optionPlace(s, a, option)
		if option == "" && len(a.positionals) > 0 {
			p.pos, p.end = a.positionals[0].Pos, a.positionals[len(a.positionals)-1].End
		}
		l.add(severity, p)
	}
	// What locks an account stands in front of a hash, or alone.
	locked := strings.HasPrefix(text, "!") || strings.HasPrefix(text, "*")
	method, whole := HashMethod(text)
	if l.options.Profile.KeysOnly && !locked && !a.Flag("--lock") && a.Spec.Name != "sshpw" {
		add(Warning, problem{rule: ruleProfile, text: "in the profile " + l.options.Profile.Name + " nobody has a password", hint: "write --lock, and give keys with sshkey or by the cloud"})
	}
	switch {
	case crypted && (locked || whole):
	case crypted && method != "":
		add(Error, problem{rule: ruleDamagedHash, text: "this is no complete " + method + " hash: its length or a character is wrong",
			meaning: "nobody can log in with it", hint: "copy it whole; in a shell, write it in single quotes, which keep the dollar signs"})
	case crypted && !a.Flag("--lock"):
		add(Warning, problem{rule: ruleNotAHash, text: "the password is marked as hashed, but does not look like a hash",
			meaning: "nobody can log in with it", hint: passwordHint + "; or --lock, if that is meant"})
	case crypted:
	case method != "":
		add(Warning, problem{rule: ruleHashAsText, text: "the hash is taken as the password itself", hint: "add --iscrypted"})
	default:
		add(Warning, problem{rule: ruleClearPassword, text: "the password is in clear text",
			meaning: "everybody who reads the file knows it; the installed system keeps a copy in /root", hint: passwordHint})
	}
}

// crypted reports whether --iscrypted counts: of it and --plaintext the last.
func crypted(a *Args) bool {
	result := false
	for _, v := range a.order {
		switch v.spec.Name() {
		case "--iscrypted":
			result = true
		case "--plaintext":
			result = false
		}
	}
	return result
}

func adviseRootpw(l *linter, s *Statement, a *Args) {
	l.password(s, a, "", a.argument(0), crypted(a))
}

// userNamePattern is what useradd takes: at most 32 characters.
var userNamePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_$.-]?$`)

func adviseUser(l *linter, s *Statement, a *Args) {
	name := a.String("--name")
	if !userNamePattern.MatchString(name) {
		l.adviseAt(s, a, "--name", problem{rule: ruleBadUserName, text: quoteWord(name) + " is not a user name",
			meaning: "useradd refuses it", hint: "use letters, digits, _, - and ., and begin with a letter or _"})
	}
	l.duplicate(s, "user", name)
	f := &l.state.facts
	f.users[name] = true
	for _, g := range a.List("--groups") {
		if group, _, _ := strings.Cut(g, "("); strings.TrimSpace(group) == "wheel" {
			f.admin = true
		}
	}
	l.password(s, a, "--password", a.String("--password"), crypted(a))
}

func adviseSshkey(l *linter, s *Statement, a *Args) {
	f := &l.state.facts
	f.sshkeys = append(f.sshkeys, userKey{a.String("--username"), place{l.source, s.Words[0], s.Name()}})
	l.publicKey(a.positionals[0], a.argument(0))
}

// publicKey advises on an ssh public key, which begins with the word at.
func (l *linter) publicKey(at Word, key string) {
	problem, severity := checkPublicKey(key)
	if problem.rule != nil {
		problem.pos, problem.end = at.Pos, at.End
		l.add(severity, problem)
	}
}

func adviseSshpw(l *linter, s *Statement, a *Args) {
	text := strings.Join(a.Positional(), " ")
	switch {
	case a.Flag("--sshkey"):
		l.publicKey(a.positionals[0], text)
	case !a.Flag("--lock"):
		l.password(s, a, "", text, crypted(a))
	}
}

// checkKeyOwners looks at keys once all users are known.
func (l *linter) checkKeyOwners() {
	f := &l.state.facts
	for _, k := range f.sshkeys {
		if k.name != "root" && !f.users[k.name] {
			l.addAt(k.at, Warning, problem{rule: ruleUnknownUser, text: "there is no user " + quoteWord(k.name) + " to take the key",
				meaning: "the key goes nowhere, unless a package creates the user", hint: "add user --name=" + k.name})
		}
	}
}
