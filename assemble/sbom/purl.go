package sbom

import (
	"fmt"
	"strings"
)

// PURL is the package URL of a package on a system (github.com/package-url/purl-spec):
// pkg:rpm/almalinux/bash@5.2.26-6.el10?arch=x86_64&distro=almalinux-10.0&upstream=bash-5.2.26-6.el10.src.rpm
func (p Package) PURL(system OS) string {
	var s strings.Builder
	s.WriteString("pkg:" + escape(strings.ToLower(p.Type)) + "/")
	if system.ID != "" && p.Type != "nix" { // whose packages are those of any system
		s.WriteString(escape(strings.ToLower(system.ID)) + "/")
	}
	s.WriteString(escape(p.Name))
	if p.Version != "" {
		s.WriteString("@" + escape(p.Version))
	}
	distro, epoch := system.ID, ""
	if system.VersionID != "" {
		distro += "-" + system.VersionID
	}
	if p.Epoch != 0 {
		epoch = fmt.Sprint(p.Epoch)
	}
	mark := "?"
	for _, q := range []struct{ key, value string }{ // in this order, of the alphabet
		{"arch", p.Arch}, {"distro", distro}, {"epoch", epoch}, {"upstream", p.Source},
	} {
		if q.value != "" {
			s.WriteString(mark + q.key + "=" + escape(q.value))
			mark = "&"
		}
	}
	return s.String()
}

// escape is a component with all but a package URL's own characters as %XX.
func escape(text string) string {
	var s strings.Builder
	for _, b := range []byte(text) {
		if b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(".-_~:", b) >= 0 {
			s.WriteByte(b)
		} else {
			fmt.Fprintf(&s, "%%%02X", b)
		}
	}
	return s.String()
}
