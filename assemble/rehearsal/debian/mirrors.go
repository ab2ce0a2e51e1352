// Which mirrors are asked: those that the user names, else those that this
// system's apt has of Debian, else Debian's own.

package debian

import (
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Debian's public mirror. It is asked without TLS, as by Debian's installer,
// for caches between; what it serves is signed.
const (
	publicMirror   = "http://deb.debian.org/debian"
	publicSecurity = "http://deb.debian.org/debian-security"
)

// Mirrors are addresses of servers, in the order in which they are asked; the
// first that serves the suite as Debian signed it counts.
type Mirrors struct {
	Archive  []string // have dists/bookworm: "http://deb.debian.org/debian"
	Security []string // have dists/bookworm-security
}

// Public are Debian's own mirrors.
func Public() Mirrors { return Mirrors{[]string{publicMirror}, []string{publicSecurity}} }

// MirrorAt is the mirror that a user gives. Its security archive is looked for
// beside it, at URL-security, and then at Debian's own.
func MirrorAt(address string) Mirrors {
	address = strings.TrimRight(address, "/")
	return Mirrors{[]string{address}, []string{address + "-security", publicSecurity}}
}

// SystemMirrors are those of Debian in apt's configuration, which etc holds
// (/etc/apt), and Debian's own after them. What another distribution or a
// vendor's repository is does not count.
func SystemMirrors(etc fs.FS) Mirrors {
	var m Mirrors
	for _, s := range aptSources(etc) {
		to := &m.Archive
		if s.security() {
			to = &m.Security
		}
		if s.debian() && !slices.Contains(*to, s.uri) {
			*to = append(*to, s.uri)
		}
	}
	own := Public()
	for _, pair := range []struct{ to, own *[]string }{{&m.Archive, &own.Archive}, {&m.Security, &own.Security}} {
		if !slices.Contains(*pair.to, (*pair.own)[0]) {
			*pair.to = append(*pair.to, *pair.own...)
		}
	}
	return m
}

// aptSource is one place of apt's configuration, for one suite.
type aptSource struct {
	uri, suite, signedBy string
	components           []string
}

// debianSuites are the names of Debian's releases that mirrors of bookworm have.
var debianSuites = []string{"bullseye", "bookworm", "trixie", "forky", "sid", "oldoldstable", "oldstable", "stable", "testing", "unstable"}

func (s aptSource) security() bool { return strings.HasSuffix(s.suite, "-security") }

// debian tells whether the place is a mirror of Debian, by what is written of
// it. A wrong guess does no harm: what it serves is not signed by Debian then.
func (s aptSource) debian() bool {
	u, err := url.Parse(s.uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !slices.Contains(s.components, "main") ||
		!slices.Contains(debianSuites, strings.TrimSuffix(s.suite, "-security")) {
		return false
	}
	host, last := u.Hostname(), path.Base(u.Path)
	return host == "debian.org" || strings.HasSuffix(host, ".debian.org") || last == "debian" || last == "debian-security" ||
		strings.Contains(s.signedBy, "debian-archive")
}

// aptSources reads sources.list(5): one line a place (*.list), or stanzas (*.sources).
func aptSources(etc fs.FS) []aptSource {
	var all []aptSource
	lists, _ := fs.Glob(etc, "sources.list.d/*.list") // the patterns are right
	for _, name := range append([]string{"sources.list"}, lists...) {
		if text, err := fs.ReadFile(etc, name); err == nil {
			all = append(all, aptLines(string(text))...)
		}
	}
	stanzas, _ := fs.Glob(etc, "sources.list.d/*.sources")
	for _, name := range stanzas {
		if text, err := fs.ReadFile(etc, name); err == nil {
			all = append(all, aptStanzas(string(text))...)
		}
	}
	return all
}

// aptLines reads "deb [signed-by=FILE arch=amd64] URI SUITE COMPONENT…".
func aptLines(text string) []aptSource {
	var all []aptSource
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, found := strings.CutPrefix(strings.TrimSpace(line), "deb ")
		if !found {
			continue
		}
		options := ""
		if before, after, found := strings.Cut(rest, "]"); found && strings.HasPrefix(strings.TrimSpace(before), "[") {
			options, rest = before, after
		}
		if f := strings.Fields(rest); len(f) > 2 {
			all = append(all, aptSource{strings.TrimRight(f[0], "/"), f[1], options, f[2:]})
		}
	}
	return all
}

// aptStanzas reads the deb822 style.
func aptStanzas(text string) (all []aptSource) {
	names := []string{"Types", "URIs", "Suites", "Components", "Signed-By", "Enabled"}
	_ = stanzas(strings.NewReader(text), names, func(f map[string]string) error { // of a file that cannot be read nothing counts
		if slices.Contains(strings.Fields(f["Types"]), "deb") && !strings.EqualFold(f["Enabled"], "no") {
			for _, uri := range strings.Fields(f["URIs"]) {
				for _, suite := range strings.Fields(f["Suites"]) {
					all = append(all, aptSource{strings.TrimRight(uri, "/"), suite, f["Signed-By"], strings.Fields(f["Components"])})
				}
			}
		}
		return nil
	})
	return all
}
