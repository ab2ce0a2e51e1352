// Advice about networks and sources.

package kickstart

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	ruleBadAddress     = newRule(Warning, "bad-address", "not an IP address")
	ruleStaticAddress  = newRule(Warning, "static-without-address", "a static configuration without address")
	ruleUselessAddress = newRule(Warning, "useless-address", "an address that DHCP overrides")
	ruleBadHostname    = newRule(Error, "bad-hostname", "not a host name")
	ruleBadURL         = newRule(Warning, "bad-url", "the installer cannot fetch from such a URL")
)

func adviseNetwork(l *linter, s *Statement, a *Args) {
	address := func(option string, ok func(string) bool, want string) {
		text := a.String(option)
		if text == "" {
			return
		}
		for _, item := range strings.Split(text, ",") {
			if item = strings.TrimSpace(item); !ok(item) {
				l.adviseAt(s, a, option, problem{rule: ruleBadAddress, text: quoteWord(item) + " is not " + want})
				return
			}
		}
	}
	ip4 := func(s string) bool { p, err := netip.ParseAddr(s); return err == nil && p.Is4() }
	ip6 := func(s string) bool { p, err := netip.ParseAddr(s); return err == nil && p.Is6() }
	static := a.String("--bootproto") == "static"
	if a.String("--ip") != "dhcp" {
		address("--ip", ip4, "an IPv4 address")
	}
	address("--gateway", func(s string) bool { return ip4(s) || ip6(s) }, "an IP address")
	address("--netmask", isNetmask, "a netmask like 255.255.255.0")
	address("--nameserver", func(s string) bool { return ip4(s) || ip6(s) }, "an IP address")
	address("--ipv6", func(s string) bool {
		host, _, _ := strings.Cut(s, "/")
		return s == "auto" || s == "dhcp" || s == "ignore" || ip6(host)
	}, "auto, dhcp or an IPv6 address")
	address("--ipv6gateway", ip6, "an IPv6 address")
	switch {
	case static && !a.Flag("--noipv4") && a.String("--ip") == "" && a.String("--ipv6") == "":
		l.adviseAt(s, a, "--bootproto", problem{rule: ruleStaticAddress, text: "--bootproto=static without --ip", hint: "add --ip, --netmask and --gateway"})
	case static && a.String("--ip") != "" && a.String("--netmask") == "":
		l.adviseAt(s, a, "--ip", problem{rule: ruleStaticAddress, text: "--ip without --netmask", hint: "add --netmask=255.255.255.0 (or yours)"})
	case a.Has("--bootproto") && a.String("--bootproto") != "static" && a.String("--ip") != "":
		l.adviseAt(s, a, "--ip", problem{rule: ruleUselessAddress, text: "--ip has no effect with --bootproto=" + a.String("--bootproto"), hint: "use --bootproto=static"})
	}
}

// isNetmask matches IPv4 masks with ones before zeros.
func isNetmask(s string) bool {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return false
	}
	b := a.As4()
	mask := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return mask != 0 && ^mask&(^mask+1) == 0
}

// hostname follows RFC 1123: labels of letters, digits and dashes. Linux takes 64
// characters.
var hostname = regexp.MustCompile(`^([0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?(\.|$))+$`)

func adviseIscsi(l *linter, s *Statement, a *Args) {
	if n := a.Int("--port"); a.Has("--port") && (n < 1 || n > 65535) {
		l.adviseAt(s, a, "--port", problem{rule: ruleBadPort, text: "there is no port " + a.String("--port")})
	}
}

// schemes are what the installer fetches packages from.
var schemes = []string{"http", "https", "ftp", "file", "nfs", "hd"}

func adviseSource(l *linter, s *Statement, a *Args) {
	for _, option := range []string{"--url", "--baseurl", "--mirrorlist", "--metalink"} {
		text := a.String(option)
		if text == "" {
			continue
		}
		scheme, rest, hasScheme := strings.Cut(text, ":")
		if _, err := url.Parse(text); err != nil || !hasScheme || !slices.Contains(schemes, scheme) || rest == "" {
			l.adviseAt(s, a, option, problem{rule: ruleBadURL, text: quoteWord(text) + " is not a URL that the installer can fetch from",
				hint: "begin it with https://, http://, ftp://, nfs: or file:///"})
			continue
		}
		if l.options.Target != nil {
			l.sourceOnTarget(s, a, option, text)
		}
	}
	if l.options.Target != nil {
		l.mediumOnTarget(s, a)
	}
}
