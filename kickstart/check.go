// What commands refuse beyond their options' types: one function a command.

package kickstart

import (
	"strings"
)

// checks are the commands with rules of their own. They run when the options
// could be read, in the order of the file: some rules look at what came before.
var checks = map[string]func(*linter, *Statement, *Args){
	"autopart":    checkAutopart,
	"bootloader":  checkBootloader,
	"cdrom":       checkNoWords,
	"clearpart":   checkClearpart,
	"cmdline":     checkCmdline,
	"driverdisk":  checkDriverdisk,
	"eula":        checkEula,
	"harddrive":   checkHarddrive,
	"hmc":         checkNoWords,
	"ignoredisk":  checkIgnoredisk,
	"iscsi":       checkIscsi,
	"keyboard":    checkKeyboard,
	"logging":     checkLogging,
	"logvol":      checkLogvol,
	"mount":       checkMount,
	"network":     checkNetwork,
	"ostreesetup": checkOstreesetup,
	"part":        checkPart,
	"raid":        checkRaid,
	"realm":       checkRealm,
	"repo":        checkRepo,
	"rescue":      checkRescue,
	"rhsm":        checkRhsm,
	"rootpw":      checkRootpw,
	"services":    checkServices,
	"snapshot":    checkSnapshot,
	"sshpw":       checkSshpw,
	"timesource":  checkTimesource,
	"timezone":    checkTimezone,
	"url":         checkURL,
	"volgroup":    checkVolgroup,
	"zfcp":        checkZfcp,
}

func (l *linter) checkCommand(s *Statement, a *Args) {
	check := checks[a.Spec.Name]
	if check == nil {
		return
	}
	l.refused = false
	check(l, s, a)
	a.failed = a.failed || l.refused
}

// at makes an error at an option, or at the command when it is not given.
func (l *linter) at(s *Statement, a *Args, option string, p problem) {
	w := s.Words[0]
	p.pos, p.end = w.Pos, w.End
	if v := a.value(option); v != nil {
		p.pos, p.end = v.word.Pos, v.word.End
		if v.at.Pos != v.word.Pos {
			p.end = v.at.End
		}
	}
	l.add(Error, p)
	a.failed = true
}

// conflict reports options that exclude each other, at the second.
func (l *linter) conflict(s *Statement, a *Args, first, second string) {
	l.at(s, a, second, problem{rule: ruleOptionConflict, text: first + " and " + second + " exclude each other"})
}

// exactlyOne demands one of the options with a value that is not empty; with
// optional, none will do too. Flags count when they are given.
func (l *linter) exactlyOne(s *Statement, a *Args, optional bool, options ...string) {
	var given []string
	for _, o := range options {
		if v := a.value(o); v != nil && (v.flag || v.text != "") {
			given = append(given, o)
		}
	}
	switch {
	case len(given) == 0 && !optional:
		l.at(s, a, "", problem{rule: ruleMissingOption, text: s.Name() + " needs one of " + strings.Join(options, ", ")})
	case len(given) > 1:
		l.at(s, a, given[1], problem{rule: ruleOptionConflict,
			text: "only one of " + strings.Join(given, ", ") + " can be given"})
	}
}

// checkNoWords is for the commands that refuse any word, a bare "--" too.
func checkNoWords(l *linter, s *Statement, a *Args) {
	if args := s.Args(); len(args) > 0 && !a.failed {
		l.add(Error, problem{rule: ruleExtraArgument, pos: args[0].Pos, end: args[0].End, text: s.Name() + " takes no argument"})
	}
}

// checkPBKDF is for everything that LUKS can encrypt.
func (l *linter) checkPBKDF(s *Statement, a *Args) {
	if a.number("--pbkdf-time") != 0 && a.number("--pbkdf-iterations") != 0 {
		l.conflict(s, a, "--pbkdf-time", "--pbkdf-iterations")
	}
}

// checkMkfs is for everything that takes a file system.
func (l *linter) checkMkfs(s *Statement, a *Args) {
	if a.text("--mkfsoptions") == "" {
		return
	}
	if a.Flag("--noformat") {
		l.at(s, a, "--mkfsoptions", problem{rule: ruleOptionConflict, text: "--mkfsoptions has no effect with --noformat"})
	}
	if a.text("--fsprofile") != "" {
		l.conflict(s, a, "--fsprofile", "--mkfsoptions")
	}
}

// checkBtrfs refuses btrfs where the dialect does.
func (l *linter) checkBtrfs(s *Statement, a *Args, option string) {
	if l.options.Dialect == AlmaLinux10 || l.options.Dialect == Fedora {
		return
	}
	l.at(s, a, option, problem{rule: ruleInvalidValue, text: l.options.Dialect.title() + " has no btrfs",
		hint: "use xfs or ext4; AlmaLinux 10.1 and later know btrfs (dialect almalinux10)"})
}
