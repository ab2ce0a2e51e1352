// What the commands about the installed system, its users and the installer
// refuse.

package kickstart

import (
	"strconv"
	"strings"
)

func checkBootloader(l *linter, s *Statement, a *Args) {
	if strings.Contains(a.String("--boot-drive"), ",") {
		l.at(s, a, "--boot-drive", problem{rule: ruleInvalidValue, text: "--boot-drive takes one disk only"})
	}
	if a.Flag("--sdboot") && a.Flag("--extlinux") {
		l.conflict(s, a, "--sdboot", "--extlinux")
	}
	if a.Flag("--sdboot") || a.Flag("--extlinux") {
		return
	}
	// Anaconda, _validate_grub2_configuration.
	if a.String("--location") == "partition" {
		l.at(s, a, "--location", problem{rule: ruleBootPartition, text: "GRUB 2 cannot be installed into a partition",
			meaning: "the installer stops at it", hint: "use --location=mbr, or leave it out"})
	}
	if password := a.String("--password"); a.Flag("--iscrypted") && password != "" && !strings.HasPrefix(password, "grub.pbkdf2.") {
		l.at(s, a, "--password", problem{rule: ruleModule, text: "the boot loader's password is marked as hashed, but is no hash of GRUB 2",
			meaning: "the installer stops at it", hint: "hash it with `grub2-mkpasswd-pbkdf2`: the hash begins with grub.pbkdf2."})
	}
}

func checkCmdline(l *linter, s *Statement, a *Args) {
	if s.Name() == "cmdline" && a.Flag("--non-interactive") {
		l.at(s, a, "--non-interactive", problem{rule: ruleUnknownOption, text: "cmdline has no --non-interactive", hint: "remove it: cmdline never asks"})
	}
}

func checkDriverdisk(l *linter, s *Statement, a *Args) {
	partition := a.argument(0) != "" || len(a.positionals) > 0
	if len(a.positionals) > 1 {
		w := a.positionals[1]
		l.add(Error, problem{rule: ruleExtraArgument, pos: w.Pos, end: w.End, text: "driverdisk takes one partition only"})
		return
	}
	source, bios := a.String("--source") != "", a.String("--biospart") != ""
	switch {
	case partition && source:
		l.conflict(s, a, "a partition", "--source")
	case partition && bios:
		l.conflict(s, a, "a partition", "--biospart")
	case source && bios:
		l.conflict(s, a, "--source", "--biospart")
	case !partition && !source && !bios:
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "driverdisk needs a partition, --source or --biospart"})
	}
}

func checkEula(l *linter, s *Statement, a *Args) {
	if !a.Flag("--agreed") {
		l.at(s, a, "", problem{rule: ruleMissingOption, text: "eula needs --agreed"})
	}
}

func checkKeyboard(l *linter, s *Statement, a *Args) {
	if len(a.positionals) > 1 {
		w := a.positionals[1]
		l.add(Error, problem{rule: ruleExtraArgument, pos: w.Pos, end: w.End, text: "keyboard takes one argument only",
			hint: "for several layouts use --xlayouts=LAYOUT,…"})
		return
	}
	// The layouts stay as an earlier keyboard said, the keymap does not.
	if a.Has("--xlayouts") {
		l.state.xlayouts = a.List("--xlayouts")
	}
	if len(a.positionals) == 0 && a.String("--vckeymap") == "" && len(l.state.xlayouts) == 0 {
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "keyboard needs a layout", hint: "write keyboard us, or use --vckeymap or --xlayouts"})
	}
}

func checkLogging(l *linter, s *Statement, a *Args) {
	// Host and port stay as an earlier logging said.
	if a.Has("--host") {
		l.state.logHost = a.String("--host")
	}
	if a.Has("--port") {
		l.state.logPort = a.String("--port")
	}
	if l.state.logPort != "" && l.state.logHost == "" {
		l.at(s, a, "--port", problem{rule: ruleMissingOption, text: "--port needs --host"})
	}
}

func checkRescue(l *linter, s *Statement, a *Args) {
	if a.Flag("--nomount") && a.Flag("--romount") {
		l.conflict(s, a, "--nomount", "--romount")
	}
}

func checkRhsm(l *linter, s *Statement, a *Args) {
	for _, key := range a.List("--activation-key") {
		if key == "" {
			l.at(s, a, "--activation-key", problem{rule: ruleInvalidValue, text: "--activation-key is empty"})
		}
	}
}

func checkRootpw(l *linter, s *Statement, a *Args) {
	if a.argument(0) == "" && !a.Flag("--lock") {
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "rootpw needs a password or --lock"})
	}
}

func checkSshpw(l *linter, s *Statement, a *Args) {
	if len(a.positionals) == 0 {
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "sshpw needs a password"})
	}
	l.duplicate(s, "installer account", a.String("--username"))
}

func checkServices(l *linter, s *Statement, a *Args) {
	// Both lists stay as an earlier services said.
	if a.Has("--disabled") {
		l.state.disabled = a.List("--disabled")
	}
	if a.Has("--enabled") {
		l.state.enabled = a.List("--enabled")
	}
	if len(l.state.disabled) == 0 && len(l.state.enabled) == 0 {
		l.at(s, a, "", problem{rule: ruleMissingOption, text: "services needs a service in --enabled or --disabled"})
	}
}

func checkTimesource(l *linter, s *Statement, a *Args) {
	l.exactlyOne(s, a, false, "--ntp-server", "--ntp-pool", "--ntp-disable")
}

func checkTimezone(l *linter, s *Statement, a *Args) {
	if len(s.Args()) == 0 {
		l.at(s, a, "", problem{rule: ruleMissingArgument, text: "timezone needs a zone, --utc, or both"})
	}
	if len(a.positionals) > 1 {
		w := a.positionals[1]
		l.add(Error, problem{rule: ruleExtraArgument, pos: w.Pos, end: w.End, text: "timezone takes one zone only"})
	}
}

// realmOptions are the options of realm join; true ones take a value.
var realmOptions = map[string]bool{
	"client-software": true, "server-software": true, "membership-software": true,
	"one-time-password": true, "no-password": false, "computer-ou": true,
}

// checkRealm reads the line behind as many characters as "realm" has, and
// without comments, as the installer does: blanks before the command move
// everything.
func checkRealm(l *linter, s *Statement, a *Args) {
	fail := func(w Word, text string) {
		l.add(Error, problem{rule: ruleInvalidValue, pos: w.Pos, end: w.End, text: text, hint: "write realm join [OPTION…] REALM"})
		a.failed = true
	}
	name := s.Words[0]
	if l.state.realmJoined {
		fail(name, "realm join can be given once only")
		return
	}
	if name.Pos.Column > 1 {
		fail(name, "realm must begin its line, without blanks before it")
		return
	}
	split := splitWords(string(s.raw[len("realm"):]), s.pos.after(s.raw[:len("realm")]), false)
	if split.problem != "" {
		l.add(Error, problem{rule: ruleUnreadable, pos: split.problemPos, end: split.problemPos, text: split.problem})
		return
	}
	words := split.words
	if len(words) == 0 || words[0].Value != "join" {
		fail(name, "realm needs the word join")
		return
	}
	realms, ok := realmArguments(words[1:], fail)
	if !ok {
		return
	}
	if len(realms) != 1 {
		fail(name, "realm join needs one realm, not "+strconv.Itoa(len(realms)))
		return
	}
	l.state.realmJoined = true
}

// realmArguments are the words behind the options of realm join. It is not ok
// when an option cannot be read, which it tells to fail.
func realmArguments(words []Word, fail func(Word, string)) (rest []Word, ok bool) {
	for len(words) > 0 && strings.HasPrefix(words[0].Value, "-") && words[0].Value != "-" {
		w := words[0]
		words = words[1:]
		if w.Value == "--" {
			break
		}
		option, value, explicit := strings.Cut(strings.TrimPrefix(w.Value, "--"), "=")
		name := realmOption(option)
		takesValue, known := realmOptions[name]
		switch {
		case !strings.HasPrefix(w.Value, "--") || !known:
			fail(w, "realm join has no option "+quoteWord(w.Value))
			return nil, false
		case !takesValue && explicit:
			fail(w, "--"+name+" takes no value, not even "+strconv.Quote(value))
			return nil, false
		case takesValue && !explicit && len(words) == 0:
			fail(w, "--"+name+" needs a value")
			return nil, false
		case takesValue && !explicit:
			words = words[1:]
		}
	}
	return words, true
}

// realmOption is the option's full name, of which short may be the beginning;
// "" if there is none, or more than one.
func realmOption(short string) string {
	if _, exact := realmOptions[short]; exact {
		return short
	}
	full := ""
	for name := range realmOptions {
		if strings.HasPrefix(name, short) {
			if full != "" {
				return ""
			}
			full = name
		}
	}
	return full
}
