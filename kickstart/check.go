// What commands refuse beyond their options' types: one function a command.

package kickstart

import (
	"strings"
)

// judges are the commands with rules of their own: what they refuse beyond their
// options' types, and what surprises although they read it. They are asked in
// the order of the file: some look at what came before.
var judges = map[string]struct {
	check, advise func(*linter, *Statement, *Args)
}{
	"autopart":        {checkAutopart, adviseAutopart},
	"bootc":           {nil, containerOnTarget},
	"bootloader":      {checkBootloader, adviseBootloader},
	"cdrom":           {checkNoWords, adviseSource},
	"clearpart":       {checkClearpart, adviseDisks},
	"cmdline":         {checkCmdline, nil},
	"driverdisk":      {checkDriverdisk, nil},
	"eula":            {checkEula, nil},
	"firewall":        {nil, adviseFirewall},
	"graphical":       {nil, adviseInteractive},
	"halt":            {nil, adviseHalt},
	"harddrive":       {checkHarddrive, nil},
	"hmc":             {checkNoWords, nil},
	"ignoredisk":      {checkIgnoredisk, adviseDisks},
	"iscsi":           {checkIscsi, adviseIscsi},
	"keyboard":        {checkKeyboard, adviseKeyboard},
	"lang":            {nil, adviseLang},
	"liveimg":         {nil, adviseSource},
	"logging":         {checkLogging, nil},
	"logvol":          {checkLogvol, adviseLogvol},
	"mount":           {checkMount, adviseMount},
	"network":         {checkNetwork, adviseNetwork},
	"nfs":             {nil, adviseSource},
	"ostreecontainer": {nil, containerOnTarget},
	"ostreesetup":     {checkOstreesetup, adviseSource},
	"part":            {checkPart, advisePart},
	"raid":            {checkRaid, adviseRaid},
	"rdp":             {nil, adviseInteractive},
	"realm":           {checkRealm, nil},
	"repo":            {checkRepo, adviseSource},
	"reqpart":         {nil, adviseReqpart},
	"rescue":          {checkRescue, adviseInteractive},
	"rhsm":            {checkRhsm, nil},
	"rootpw":          {checkRootpw, adviseRootpw},
	"services":        {checkServices, adviseServices},
	"snapshot":        {checkSnapshot, nil},
	"sshkey":          {nil, adviseSshkey},
	"sshpw":           {checkSshpw, adviseSshpw},
	"timesource":      {checkTimesource, adviseTimesource},
	"timezone":        {checkTimezone, adviseTimezone},
	"url":             {checkURL, adviseSource},
	"user":            {nil, adviseUser},
	"volgroup":        {checkVolgroup, adviseVolgroup},
	"zfcp":            {checkZfcp, nil},
}

func (l *linter) checkCommand(s *Statement, a *Args) {
	check := judges[a.Spec.Name].check
	if check == nil {
		return
	}
	l.refused = false
	check(l, s, a)
	a.failed = a.failed || l.refused
}

// at makes an error at an option, or at the command when it is not given.
func (l *linter) at(s *Statement, a *Args, option string, p problem) {
	p.pos, p.end = optionPlace(s, a, option)
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
	if a.Int("--pbkdf-time") != 0 && a.Int("--pbkdf-iterations") != 0 {
		l.conflict(s, a, "--pbkdf-time", "--pbkdf-iterations")
	}
}

// checkMkfs is for everything that takes a file system.
func (l *linter) checkMkfs(s *Statement, a *Args) {
	if a.String("--mkfsoptions") == "" {
		return
	}
	if a.Flag("--noformat") {
		l.at(s, a, "--mkfsoptions", problem{rule: ruleOptionConflict, text: "--mkfsoptions has no effect with --noformat"})
	}
	if a.String("--fsprofile") != "" {
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
