// Advice: what the installer reads, and what surprises all the same. Facts
// about the whole file are collected here for checkWhole.

package kickstart

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// facts are what the commands of a file amount to.
type facts struct {
	storage storageFacts
	first   map[string]place // first occurrence of a command, by its table name
	last    map[string]place // last occurrence of what replaces itself, by topic
	disks   []diskUse
	users   map[string]bool
	sshkeys []userKey
	admin   bool // a user who may become root
}

// place is a line of some file, with a word of it.
type place struct {
	source *source
	word   Word
	name   string // the command as written
}

// addAt is add for a place in a file that need not be the current one.
func (l *linter) addAt(at place, severity Severity, p problem) {
	current := l.source
	l.source = at.source
	p.pos, p.end = at.word.Pos, at.word.End
	l.add(severity, p)
	l.source = current
}

// failsAt is fails for a place.
func (l *linter) failsAt(at place, p problem) { l.addAt(at, l.failing(), p) }

// replacing are the commands that replace one another: of each topic only the
// last command counts. A command that is in none and not Many is a topic of
// its own.
var replacing = map[string]string{
	"reboot": "end", "poweroff": "end", "halt": "end", "shutdown": "end",
	"text": "display", "cmdline": "display", "graphical": "display",
	"url": "source", "cdrom": "source", "nfs": "source", "harddrive": "source", "hmc": "source", "liveimg": "source",
	"ostreesetup": "source", "ostreecontainer": "source", "bootc": "source",
	// These add up, or say the same again, or are an error the second time.
	"services": "", "firewall": "", "ignoredisk": "", "realm": "", "logging": "", "eula": "", "skipx": "", "zerombr": "",
	"mediacheck": "", "reqpart": "", "keyboard": "", "syspurpose": "", "authselect": "", "xconfig": "",
}

// advise looks at a command that the installer reads.
func (l *linter) advise(s *Statement, a *Args) {
	f := &l.state.facts
	name := s.Words[0]
	here := place{l.source, name, name.Value}
	if f.first == nil {
		f.first, f.last, f.users = map[string]place{}, map[string]place{}, map[string]bool{}
	}
	if _, again := f.first[a.Spec.Name]; !again {
		f.first[a.Spec.Name] = here
	}
	topic, special := replacing[a.Spec.Name]
	if !special && !a.Spec.Many {
		topic = a.Spec.Name
	}
	if topic != "" {
		if before, again := f.last[topic]; again {
			p := problem{rule: ruleReplaced, pos: name.Pos, end: name.End,
				text:    s.Name() + " replaces the " + before.name + " of " + l.place(entryPlace{before.source.file.Name, before.word.Pos.Line}),
				meaning: "the last one counts; what it does not say may fall back to the default"}
			if before.name != s.Name() {
				p.meaning = "of these commands only the last one counts"
			}
			l.warn(p)
		}
		f.last[topic] = here
	}
	if advise := judges[a.Spec.Name].advise; advise != nil {
		advise(l, s, a)
	}
}

// adviseAt makes a warning at an option's value, or at the command.
func (l *linter) adviseAt(s *Statement, a *Args, option string, p problem) {
	p.pos, p.end = optionPlace(s, a, option)
	l.warn(p)
}

// failsAtOption is fails at an option's value, or at the command.
func (l *linter) failsAtOption(s *Statement, a *Args, option string, p problem) {
	p.pos, p.end = optionPlace(s, a, option)
	l.fails(p)
}

func optionPlace(s *Statement, a *Args, option string) (pos, end Pos) {
	pos, end = s.Words[0].Pos, s.Words[0].End
	if v := a.value(option); v != nil {
		pos, end = v.word.Pos, v.at.End
	}
	return pos, end
}

var (
	ruleHaltWaits   = newRule(Warning, "halt-waits", "halt waits for a key at the end")
	ruleInteractive = newRule(Warning, "interactive", "the command asks for somebody at the screen")
	ruleBadLocale   = newRule(Warning, "bad-locale", "the language is not a locale")
	ruleBadTimezone = newRule(Warning, "bad-timezone", "no such time zone")
	ruleBadPort     = newRule(Warning, "bad-port", "a port or protocol that the firewall refuses")
	ruleServiceBoth = newRule(Warning, "service-contradiction", "a service is enabled and disabled")
)

func adviseHalt(l *linter, s *Statement, a *Args) {
	if s.Name() != "halt" {
		return
	}
	if t := l.options.Target; t != nil {
		l.failsAtOption(s, a, "", problem{rule: ruleHaltWaits, text: "halt waits for a key when the installation is done",
			meaning: "nobody presses it, so the build never ends", hint: "use poweroff"})
	}
}

func adviseInteractive(l *linter, s *Statement, a *Args) {
	if t := l.options.Target; t == nil || !t.CmdlineMode {
		return
	}
	p := problem{rule: ruleInteractive, text: s.Name() + " needs somebody at the screen", hint: "remove it, or use cmdline"}
	if a.Spec.Name == "rescue" {
		p.meaning = "nothing is installed"
		l.failsAtOption(s, a, "", p)
		return
	}
	l.adviseAt(s, a, "", p)
}

func adviseLang(l *linter, s *Statement, a *Args) {
	for _, locale := range append([]string{a.argument(0)}, a.List("--addsupport")...) {
		p := problem{rule: ruleBadLocale, text: quoteWord(locale) + " does not look like a locale",
			meaning: "the installer goes on in en_US.UTF-8", hint: "write it as in de_DE.UTF-8"}
		near := nearLocale(locale)
		if near != "" {
			p.hint = "did you mean " + near + "?"
		}
		if near != "" || !localeForm.MatchString(locale) {
			l.adviseAt(s, a, "", p)
			return
		}
	}
}

// nearLocale is the locale that a misspelt one was most likely meant to be, or
// "". One letter may differ: with more, new locales would be near to old ones.
func nearLocale(locale string) string {
	charset := ""
	name, modifier, modified := strings.Cut(locale, "@")
	if at := strings.IndexByte(name, '.'); at >= 0 {
		name, charset = name[:at], name[at:]
	}
	if modified {
		name += "@" + modifier
	}
	if !strings.Contains(name, "_") || len(name) > maxNear || slices.Contains(localeNames(), name) {
		return ""
	}
	near := Nearest(strings.ToLower(name), localeNames())
	if near == "" || editDistance(strings.ToLower(name), strings.ToLower(near)) > 1 || strings.Contains(near, "@") {
		return ""
	}
	return near + charset
}

// localeForm: "C", "POSIX" and language[_COUNTRY][.charset][@variant].
var localeForm = regexp.MustCompile(`(?s)^(C|POSIX|[a-z]{2,3}(_[A-Z]{2,})?)([.@].*)?$`)

func adviseTimezone(l *linter, s *Statement, a *Args) {
	zone := a.argument(0)
	if zone == "" {
		return
	}
	if slices.Contains(timezoneNames(), zone) {
		return
	}
	p := problem{rule: ruleBadTimezone, pos: a.positionals[0].Pos, end: a.positionals[0].End, text: quoteWord(zone) + " is no known time zone",
		meaning: "the installer takes the default of the language instead", hint: "write it as in Europe/Paris, or UTC"}
	if near := Nearest(strings.ToLower(zone), timezoneNames()); near != "" {
		p.hint = "did you mean " + near + "?"
	}
	l.warn(p)
}

func adviseTimesource(l *linter, s *Statement, a *Args) {
	if a.Flag("--nts") && a.Flag("--ntp-disable") {
		l.adviseAt(s, a, "--nts", problem{rule: ruleDroppedArgument, text: "--nts has no effect with --ntp-disable"})
	}
}

func adviseFirewall(l *linter, s *Statement, a *Args) {
	for _, item := range a.List("--port") {
		port, protocol, hasProtocol := strings.Cut(item, ":")
		if hasProtocol && !slices.Contains([]string{"tcp", "udp", "sctp", "dccp"}, protocol) {
			l.adviseAt(s, a, "--port", problem{rule: ruleBadPort, text: quoteWord(item) + " names no protocol of the firewall", hint: "use tcp, udp, sctp or dccp, as in 8080:tcp"})
		}
		for _, end := range strings.Split(port, "-") {
			if n, err := strconv.Atoi(end); err == nil && (n < 1 || n > 65535) {
				l.adviseAt(s, a, "--port", problem{rule: ruleBadPort, text: "there is no port " + end})
			}
		}
	}
}

func adviseServices(l *linter, s *Statement, a *Args) {
	for _, name := range a.List("--enabled") {
		if slices.Contains(a.List("--disabled"), name) {
			l.adviseAt(s, a, "--disabled", problem{rule: ruleServiceBoth, text: quoteWord(name) + " is both enabled and disabled"})
		}
	}
}
