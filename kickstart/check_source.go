// What the commands about sources and the network refuse.

package kickstart

import "strings"

func checkOstreesetup(l *linter, s *Statement, a *Args) {
	url := a.String("--url")
	if !strings.HasPrefix(url, "file:") && !strings.HasPrefix(url, "http:") && !strings.HasPrefix(url, "https:") {
		l.at(s, a, "--url", problem{rule: ruleInvalidValue, text: "an OSTree repository is at file:, http: or https:, not at " + quoteWord(url)})
	}
}

func checkHarddrive(l *linter, s *Statement, a *Args) {
	if a.Has("--partition") && a.Has("--biospart") {
		l.conflict(s, a, "--partition", "--biospart")
	}
}

func checkRepo(l *linter, s *Statement, a *Args) {
	l.exactlyOne(s, a, true, "--baseurl", "--mirrorlist", "--metalink")
	l.duplicate(s, "repository", a.String("--name"))
}

func checkURL(l *linter, s *Statement, a *Args) {
	l.exactlyOne(s, a, false, "--url", "--mirrorlist", "--metalink")
}

// deviceOptions are the options of network that name the device they are for.
var deviceOptions = []string{"--ipv4-dns-search", "--ipv6-dns-search", "--ipv4-ignore-auto-dns", "--ipv6-ignore-auto-dns"}

func checkNetwork(l *linter, s *Statement, a *Args) {
	if opts := a.String("--bridgeopts"); opts != "" {
		if a.String("--bridgeslaves") == "" {
			l.at(s, a, "--bridgeopts", problem{rule: ruleMissingOption, text: "--bridgeopts needs --bridgeslaves"})
		}
		for _, opt := range strings.Split(opts, ",") {
			if _, value, _ := strings.Cut(opt, "="); value == "" || strings.Contains(value, "=") {
				l.at(s, a, "--bridgeopts", problem{rule: ruleInvalidValue, text: "--bridgeopts is a list of key=value, which " + quoteWord(opt) + " is not"})
				break
			}
		}
	}
	if name := a.String("--hostname"); name != "" && (len(name) > 64 || !hostname.MatchString(name)) {
		p := problem{rule: ruleBadHostname, text: quoteWord(name) + " is not a host name",
			meaning: "the installer stops at it", hint: "use letters, digits and -, in parts of at most 63 characters, 64 in all"}
		if l.options.Dialect == RHEL8 {
			p.meaning = "the installer keeps its own name"
			l.adviseAt(s, a, "--hostname", p)
		} else {
			l.at(s, a, "--hostname", p)
		}
	}
	if a.String("--bindto") == "mac" && a.String("--vlanid") != "" && a.String("--bondopts") == "" {
		l.at(s, a, "--bindto", problem{rule: ruleOptionConflict, text: "a VLAN cannot be bound to a MAC address"})
	}
	if a.String("--device") == "" {
		for _, o := range deviceOptions {
			if v := a.value(o); v != nil && (v.flag || v.text != "") {
				l.at(s, a, o, problem{rule: ruleMissingOption, text: o + " needs --device"})
			}
		}
	} else if a.String("--vlanid") == "" {
		l.duplicate(s, "network device", a.String("--device"))
	}
}
