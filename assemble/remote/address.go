package remote

// What a user calls another host.

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"github.com/imgasm/imgasm/internal/fault"
)

// ErrAddress says that what should be a host's address is none.
var ErrAddress = fault.Class(fault.Input, "not the address of a host")

// Address is a host as ssh is told of it.
type Address struct {
	User string // "": ssh's choice
	Host string // a name, one of ssh's configuration too, or an IP address
	Port int    // 0: ssh's choice
}

// ParseAddress reads [ssh://][user@]host[:port]; an IPv6 address is in brackets.
// What ssh, or a shell in its configuration, could take for something else is
// refused. The error is ErrAddress.
func ParseAddress(text string) (Address, error) {
	var a Address
	rest, isURL := strings.CutPrefix(text, "ssh://")
	bad := func(format string, args ...any) (Address, error) {
		return Address{}, &fault.Error{Class: ErrAddress, Field: "Host", Err: fmt.Errorf("%q: %s", text, fmt.Sprintf(format, args...)), Do: "give {Host} as user@host or ssh://user@host:2222"}
	}
	if isURL {
		rest = strings.TrimSuffix(rest, "/")
	}
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		a.User, rest = rest[:at], rest[at+1:]
		if user, err := url.PathUnescape(a.User); isURL && err == nil {
			a.User = user
		}
		if a.User == "" {
			return bad("nobody stands before the @")
		}
	}
	port := ""
	if inner, ok := strings.CutPrefix(rest, "["); ok {
		if a.Host, port, ok = strings.Cut(inner, "]"); !ok || port != "" && port[0] != ':' {
			return bad("an address in brackets ends with ], and a port follows with :")
		}
		port = strings.TrimPrefix(port, ":")
	} else if a.Host, port, ok = strings.Cut(rest, ":"); strings.Contains(port, ":") {
		return bad("an IPv6 address stands in brackets, as in [::1]")
	} else if ok && port == "" {
		return bad("no port follows the :")
	}
	if port != "" {
		var err error
		if a.Port, err = strconv.Atoi(port); err != nil || a.Port < 1 || a.Port > 65535 {
			return bad("%q is no port", port)
		}
	}
	for what, s := range map[string]string{"user": a.User, "host": a.Host} {
		if strings.HasPrefix(s, "-") {
			return bad("a %s does not begin with -", what)
		}
		strange := func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("'`\"$\\;&<>|(){}/", r)
		}
		if i := strings.IndexFunc(s, strange); i >= 0 {
			return bad("no %s has %q in it", what, s[i:i+1])
		}
	}
	if a.Host == "" {
		return bad("no host is named")
	}
	return a, nil
}

// arguments are those by which ssh knows the host, after its options.
func (a Address) arguments() (args []string) {
	if a.Port != 0 {
		args = append(args, "-p", strconv.Itoa(a.Port))
	}
	if a.User != "" {
		args = append(args, "-l", a.User)
	}
	return append(args, "--", a.Host)
}
